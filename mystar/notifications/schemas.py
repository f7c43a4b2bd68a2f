"""Market schemas of notifications (docs/dialects/market.md#notifications)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mystar.kit.web.fields import BaseSchema, BoundedList, Id, PlainText
from mystar.kit.web.pagination import PageQuery
from mystar.kit.web.site import Site
from mystar.notifications.kinds import Kind
from mystar.notifications.model import Notification, Subject, Words


class NotificationPath(BaseSchema):
    notification_id = Id(required=True)


class NotificationQuery(PageQuery):
    read = fields.Boolean(load_default=None, metadata={"description": "true: only read ones, false: only unread ones."})


_KINDS = validate.OneOf([str(kind) for kind in Kind])


class NotificationSettingsChange(BaseSchema):
    """What is mailed; what is left out stays. Mails about orders and money are always sent."""

    email = fields.Boolean(
        load_default=None,
        allow_none=False,
        metadata={"description": "Whether messages, offers, news and what was missed are mailed.", "example": True},
    )
    muted = BoundedList(
        fields.String(validate=_KINDS),
        load_default=None,
        allow_none=False,
        max_items=len(Kind),
        metadata={"description": "Types of notifications of which nothing is mailed.", "example": ["message"]},
    )


class NotificationSettings(BaseSchema):
    """What is mailed. Mails about orders and money are always sent."""

    email = fields.Boolean(
        required=True,
        metadata={"description": "Whether messages, offers, news and what was missed are mailed.", "example": True},
    )
    muted = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Types of notifications of which nothing is mailed.", "example": ["message"]},
    )


class UnsubscribeLink(BaseSchema):
    """The parameters of a signed link; wrong ones fail the check of the signature."""

    account = fields.Integer(load_default=0)
    sig = PlainText(load_default="", max_length=100)


class NotificationView(BaseSchema):
    """Texts are in the language of the reader."""

    id = fields.Integer(required=True)
    type = fields.String(required=True, metadata={"description": f"Such as {', '.join(Kind)}; more may come."})
    message = fields.String(required=True)
    data = fields.Dict(keys=fields.String(), required=True)
    created_at = fields.DateTime(required=True)
    is_read = fields.Boolean(required=True)
    title = fields.String(required=True)
    notification_type = fields.String(required=True, metadata={"description": "The same as type."})
    priority = fields.String(required=True, validate=validate.OneOf(["high", "normal"]))
    link = fields.String(required=True, metadata={"description": "The page of the subject: a path of the site."})
    related_object_type = fields.String(required=True)
    related_object_id = fields.Integer(required=True)


class MarkedView(BaseSchema):
    id = fields.Integer(required=True)
    is_read = fields.Boolean(required=True)


class UnreadCountView(BaseSchema):
    unread_count = fields.Integer(required=True)


class MarkedCountView(BaseSchema):
    marked_count = fields.Integer(required=True, metadata={"description": "Notifications that were unread before."})
    unread_count = fields.Integer(required=True)


class DeletedCountView(BaseSchema):
    deleted_count = fields.Integer(required=True)


def notification_view(notification: Notification, words: Words, site: Site) -> dict[str, Any]:
    """The same for every reader of a language, so sockets write it once for each."""
    return {
        "id": notification.id,
        "type": notification.kind,
        "message": words.message,
        "data": notification.data,
        "created_at": notification.created_at,
        "is_read": notification.is_read,
        "title": words.title,
        "notification_type": notification.kind,
        "priority": notification.priority,
        "link": _page(notification, site),
        "related_object_type": notification.subject,
        "related_object_id": notification.subject_id,
    }


def _page(notification: Notification, site: Site) -> str:
    """Empty for a subject of a later release."""
    known = notification.subject in list(Subject)
    return site.path("market", notification.subject, id=notification.subject_id) if known else ""
