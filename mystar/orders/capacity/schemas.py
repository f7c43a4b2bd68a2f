"""Market schemas of a creator's availability (docs/dialects/market.md#availability)."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import fields

from mystar.creators.model import MAX_LEAD_DAYS, MAX_OPEN_ORDERS, Absence
from mystar.kit.web.fields import BaseSchema, BoundedInteger, Id
from mystar.orders.capacity.service import OwnCapacity


class AvailabilityChange(BaseSchema):
    """Absent fields are unchanged."""

    max_open_orders = BoundedInteger(
        min_value=1,
        max_value=MAX_OPEN_ORDERS,
        allow_none=True,
        metadata={"description": "Orders that are worked on at once; null: any number.", "example": 5},
    )
    lead_days = BoundedInteger(
        min_value=0,
        max_value=MAX_LEAD_DAYS,
        metadata={"description": "Days before work begins; added to the delivery time.", "example": 2},
    )


class AbsenceDraft(BaseSchema):
    """Both days are inside."""

    starts_on = fields.Date(required=True, metadata={"description": "The first day.", "example": "2030-07-01"})
    ends_on = fields.Date(required=True, metadata={"description": "The last day.", "example": "2030-07-14"})


class AbsencePath(BaseSchema):
    absence_id = Id(required=True, metadata={"description": "Identifier of the absence.", "example": 3})


class AbsenceView(BaseSchema):
    """No orders are taken on these days."""

    id = fields.Integer(required=True, metadata={"description": "Identifier.", "example": 3})
    starts_on = fields.Date(required=True, metadata={"description": "The first day.", "example": "2030-07-01"})
    ends_on = fields.Date(required=True, metadata={"description": "The last day.", "example": "2030-07-14"})


class AvailabilityView(BaseSchema):
    """What a creator has said of the orders they take, and how much of it is used."""

    max_open_orders = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: any number.", "example": 5}
    )
    open_orders = fields.Integer(
        required=True, metadata={"description": "Orders that wait or are worked on.", "example": 2}
    )
    lead_days = fields.Integer(required=True, metadata={"description": "Days before work begins.", "example": 2})
    absences = fields.List(
        fields.Nested(AbsenceView), required=True, metadata={"description": "Those that are not over, by day."}
    )
    is_available = fields.Boolean(required=True, metadata={"description": "Whether orders are taken.", "example": True})


def absence_view(absence: Absence) -> dict[str, Any]:
    return {"id": absence.id, "starts_on": absence.starts_on, "ends_on": absence.ends_on}


def availability_view(own: OwnCapacity, today: date) -> dict[str, Any]:
    found, most = own.availability, own.availability.max_open_orders
    return {
        "max_open_orders": most,
        "open_orders": own.open_orders,
        "lead_days": found.lead_days,
        "absences": [absence_view(one) for one in found.absences],
        "is_available": found.away_until(today) is None and (most is None or own.open_orders < most),
    }
