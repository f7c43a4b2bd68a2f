"""What house reads and writes about orders."""

from __future__ import annotations

from marshmallow import fields

from mystar.kit.fields import Shape


class MoveView(Shape):
    """Money that moves if the action is done."""

    move = fields.String(required=True, metadata={"enum": ["hold", "capture", "release", "refund"]})
    amount = fields.String(required=True, metadata={"description": "Rubles.", "example": "15000.00"})


class AllowedActionView(Shape):
    """Something that the reader can do now (contract D23)."""

    name = fields.String(required=True)
    until = fields.DateTime(required=True, allow_none=True)
    money = fields.Nested(MoveView, required=True, allow_none=True)
