"""What house reads and writes about orders."""

from __future__ import annotations

from marshmallow import fields

from mystar.kit.fields import Shape
from mystar.orders.model import PAID, Order, Status


class MoveView(Shape):
    """Money that moves if the action is done."""

    move = fields.String(required=True, metadata={"enum": ["hold", "capture", "release", "refund"]})
    amount = fields.String(required=True, metadata={"description": "Rubles.", "example": "15000.00"})


class AllowedActionView(Shape):
    """Something that the reader can do now (contract D23)."""

    name = fields.String(required=True)
    until = fields.DateTime(required=True, allow_none=True)
    money = fields.Nested(MoveView, required=True, allow_none=True)


def shown_status(order: Order) -> str:
    """The status in house's words: an order whose money is there before the work began is "paid" (contract D21)."""
    if order.status in (Status.PENDING, Status.ACCEPTED) and order.money in PAID:
        return "paid"
    return order.status.value
