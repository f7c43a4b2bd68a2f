"""What the market reads and writes about payouts. Sums are decimal strings in rubles."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates

from mystar.earnings.payouts.model import Payout, Status
from mystar.earnings.schemas import Sum
from mystar.errors import Text
from mystar.kit.money import rubles_text
from mystar.kit.web.fields import BaseSchema, Id, RubleAmount

_STATUSES = {"enum": [status.value for status in Status]}


class PayoutDraft(BaseSchema):
    amount = RubleAmount(
        load_default=None, allow_none=True, metadata={"description": "Rubles; all that is available without it."}
    )

    @validates("amount")
    def _more_than_nothing(self, amount: int | None, **_: Any) -> None:
        if amount == 0:
            raise ValidationError([Text("Введите сумму больше нуля.", "Enter a sum above zero.")])


class PayoutSettings(BaseSchema):
    by_schedule = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether the installation's schedule asks for payouts; if not, the creator alone does."
        },
    )


class PayoutPath(BaseSchema):
    payout_id = Id(required=True)


class PartView(BaseSchema):
    id = fields.Integer(required=True)
    amount = Sum(required=True)
    status = fields.String(required=True, metadata=_STATUSES)
    reason = fields.String(required=True, allow_none=True)


class PayoutView(BaseSchema):
    """``destination`` is a mask."""

    id = fields.Integer(required=True)
    status = fields.String(required=True, metadata=_STATUSES)
    amount = Sum(required=True)
    parts = fields.List(fields.Nested(PartView), required=True)
    destination = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    closed_at = fields.DateTime(required=True, allow_none=True)


def payout_view(payout: Payout) -> dict[str, Any]:
    return {
        "id": payout.id,
        "status": payout.status,
        "amount": rubles_text(payout.amount),
        "parts": [
            {"id": part.id, "amount": rubles_text(part.amount), "status": part.status, "reason": part.reason}
            for part in payout.parts
        ],
        "destination": payout.mask,
        "created_at": payout.created_at,
        "closed_at": payout.closed_at,
    }
