"""Market schemas of web push (docs/dialects/market.md#push)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mystar.kit.web.fields import BaseSchema, BoundedList, Id, PlainText
from mystar.notifications.kinds import Kind
from mystar.notifications.push.model import MAX_ENDPOINT, Subscription

_ENDPOINT = "https://push.example/send/f3Kq"


class PushKeys(BaseSchema):
    """As `PushSubscription.toJSON()` of browsers writes them, base64url."""

    p256dh = PlainText(required=True, max_length=120, metadata={"description": "The public key.", "example": "BNc…"})
    auth = PlainText(required=True, max_length=40, metadata={"description": "The secret.", "example": "tBHI…"})


class PushDraft(BaseSchema):
    """What `PushSubscription.toJSON()` of a browser returns."""

    endpoint = PlainText(
        required=True,
        min_length=1,
        max_length=MAX_ENDPOINT,
        metadata={"description": "A public https address of the browser's push service.", "example": _ENDPOINT},
    )
    keys = fields.Nested(PushKeys, required=True, metadata={"description": "The browser's keys."})


class PushPath(BaseSchema):
    subscription_id = Id(required=True, metadata={"description": "Identifier of the subscription.", "example": 8})


class PushSubscriptionView(BaseSchema):
    """A browser that is told of notifications, until its session ends."""

    id = fields.Integer(required=True, metadata={"description": "Identifier.", "example": 8})
    endpoint = fields.String(required=True, metadata={"description": "Its address.", "example": _ENDPOINT})
    user_agent = fields.String(required=True, metadata={"description": "The browser.", "example": "Firefox"})
    created_at = fields.DateTime(required=True, metadata={"example": "2030-05-02T12:00:00Z"})


class PushKeyView(BaseSchema):
    """``public_key``: what `pushManager.subscribe` takes as `applicationServerKey`."""

    public_key = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "base64url; null: push messages are switched off here.", "example": "BKx…"},
    )


class PushSettings(BaseSchema):
    """``muted``: kinds of notifications that are not pushed."""

    muted = BoundedList(
        fields.String(validate=validate.OneOf([str(kind) for kind in Kind])),
        required=True,
        max_items=len(Kind),
        metadata={"description": "Types of notifications.", "example": ["message"]},
    )


def subscription_view(one: Subscription) -> dict[str, Any]:
    """The keys are the browser's own business."""
    return {"id": one.id, "endpoint": one.endpoint, "user_agent": one.user_agent, "created_at": one.created_at}
