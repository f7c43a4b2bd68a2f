"""What the market reads of statements. Sums are decimal strings in rubles."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mystar.earnings.schemas import Sum
from mystar.earnings.statements.model import Line, Statement
from mystar.kit.money import rubles_text
from mystar.kit.web.fields import BaseSchema, Id


class StatementPath(BaseSchema):
    statement_id = Id(required=True)


class StatementQuery(BaseSchema):
    format = fields.String(load_default="json", validate=validate.OneOf(["json", "csv", "pdf"]))


class StatementView(BaseSchema):
    """``sha256`` covers everything that the statement says, and the hash of the one before."""

    id = fields.Integer(required=True)
    number = fields.String(required=True)
    month = fields.String(required=True, metadata={"example": "2027-01"})
    opening = Sum(required=True)
    closing = Sum(required=True)
    line_count = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    previous_sha256 = fields.String(required=True)
    created_at = fields.DateTime(required=True)


class LineView(BaseSchema):
    """``gross``, ``commission`` and ``vat`` of an order that cleared; null in other lines."""

    id = fields.Integer(required=True)
    at = fields.DateTime(required=True)
    kind = fields.String(required=True)
    order_id = fields.Integer(required=True, allow_none=True)
    payout_id = fields.Integer(required=True, allow_none=True)
    gross = Sum(required=True, allow_none=True)
    commission = Sum(required=True, allow_none=True)
    vat = Sum(required=True, allow_none=True)
    amount = Sum(required=True)
    note = fields.String(required=True)


class StatementDetailView(StatementView):
    lines = fields.List(fields.Nested(LineView), required=True, metadata={"description": "Oldest first."})


def statement_view(statement: Statement) -> dict[str, Any]:
    return {
        "id": statement.id,
        "number": statement.number,
        "month": f"{statement.month:%Y-%m}",
        "opening": rubles_text(statement.opening),
        "closing": rubles_text(statement.closing),
        "line_count": statement.line_count,
        "sha256": statement.sha256,
        "previous_sha256": statement.previous_sha256,
        "created_at": statement.created_at,
    }


def line_view(line: Line) -> dict[str, Any]:
    return {
        "id": line.entry_id,
        "at": line.at,
        "kind": line.kind,
        "order_id": line.order_id,
        "payout_id": line.payout_id,
        "gross": _sum(line.gross),
        "commission": _sum(line.commission),
        "vat": _sum(line.vat),
        "amount": rubles_text(line.amount),
        "note": line.note,
    }


def _sum(amount: int | None) -> str | None:
    return None if amount is None else rubles_text(amount)
