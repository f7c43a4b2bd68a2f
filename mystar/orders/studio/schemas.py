"""What an order to the studio looks like, in the dialect and in the answers of the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields, validate

from mystar.kit.web.fields import BaseSchema, Id
from mystar.orders.model import Status
from mystar.orders.studio.model import Picture, StudioOrder

_STATUSES = (str(Status.NEW), str(Status.IN_PROCESS))


class StudioProcessPath(BaseSchema):
    order_id = Id(required=True)


class StudioPicture(BaseSchema):
    id = fields.Integer(required=True)
    file = fields.String(
        required=True, metadata={"format": "uri", "description": "of the actor's own order: signed for an hour"}
    )


class StudioOrderView(BaseSchema):
    id = fields.Integer(required=True)
    images = fields.List(fields.Nested(StudioPicture), required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    order_number = fields.String(required=True, metadata={"example": "048211"})
    created_at = fields.Date(required=True)
    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    user = fields.Integer(required=True, allow_none=True, metadata={"description": "null for an order of a guest"})


class StudioQueuedView(StudioOrderView):
    process_at = fields.DateTime(required=True, allow_none=True)


def studio_order_view(order: StudioOrder, picture_url: Callable[[Picture], str]) -> dict[str, Any]:
    """The fields of `StudioOrderView`."""
    return {
        "id": order.id,
        "images": [{"id": one.id, "file": picture_url(one)} for one in order.pictures],
        "title": order.title,
        "description": order.description,
        "order_number": order.number,
        "created_at": order.created_at.date().isoformat(),
        "status": str(order.status),
        "user": order.owner_id,
    }
