"""What the market reads and writes about earnings. Sums are decimal strings in rubles."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_load, validate

from mystar.earnings.model import Entry, Kind, Quote
from mystar.earnings.rules.schemas import Moment
from mystar.kit.money import rubles_text
from mystar.kit.web.fields import BaseSchema, Id, RubleAmount
from mystar.kit.web.pagination import PageQuery


class Sum(fields.String):
    """RubleAmount with two places, such as "1200.00"; a minus stands before what is owed."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"example": "1200.00"})
        super().__init__(**options)


class QuoteQuery(BaseSchema):
    service_id = Id(required=True)
    price = RubleAmount(load_default=None)


class QuoteView(BaseSchema):
    price = Sum(required=True)
    commission = Sum(required=True)
    your_share = Sum(required=True)


class EntryQuery(PageQuery):
    since = Moment(data_key="from", load_default=None, metadata={"description": "A date of Moscow's, or a time."})
    until = Moment(
        data_key="to", is_end=True, load_default=None, metadata={"description": "A date is included; a time is not."}
    )
    kind = fields.String(load_default=None, validate=validate.OneOf([kind.value for kind in Kind]))

    @pre_load
    def leave_out_what_is_empty(self, data: Any, **_: Any) -> Any:
        return {key: value for key, value in data.items() if value != ""} if isinstance(data, dict) else data


class EntryView(BaseSchema):
    """A line of one of the creator's accounts; the lines of an account add up to its balance."""

    id = fields.Integer(required=True)
    at = fields.DateTime(required=True)
    kind = fields.String(required=True, metadata={"enum": [kind.value for kind in Kind]})
    account = fields.String(required=True, metadata={"enum": ["pending", "frozen", "available", "reserved", "paid"]})
    amount = Sum(required=True)
    order_id = fields.Integer(required=True, allow_none=True)
    payout_id = fields.Integer(required=True, allow_none=True)
    note = fields.String(required=True)


class ClearingView(BaseSchema):
    at = fields.DateTime(required=True)
    amount = Sum(required=True)


class OverviewView(BaseSchema):
    """``paused``: the code of what stands in the way of a payout; null = nothing does."""

    currency = fields.String(required=True)
    pending = Sum(required=True)
    frozen = Sum(required=True)
    available = Sum(required=True, metadata={"description": "Negative: a debt, which later earnings pay off."})
    reserved = Sum(required=True)
    paid = Sum(required=True)
    next_clearing = fields.Nested(ClearingView, required=True, allow_none=True)
    next_payout = fields.Date(required=True, allow_none=True)
    paused = fields.String(required=True, allow_none=True)


def quote_view(quote: Quote) -> dict[str, Any]:
    return {
        "price": rubles_text(quote.price),
        "commission": rubles_text(quote.commission),
        "your_share": rubles_text(quote.share),
    }


def entry_view(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "kind": entry.kind,
        "account": entry.account,
        "amount": rubles_text(entry.amount),
        "order_id": entry.order_id,
        "payout_id": entry.payout_id,
        "note": entry.note,
    }
