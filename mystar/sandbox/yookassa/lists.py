"""Pages of records: filters by time and by value, newest first, with a cursor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mystar.sandbox.pages import number_up_to
from mystar.sandbox.yookassa.records import Json, Payout, Record, Refused, as_text

Read = Callable[[Any], Any]

_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "gte": str.__ge__,
    "gt": str.__gt__,
    "lte": str.__le__,
    "lt": str.__lt__,
}


@dataclass(frozen=True)
class ListFilters:
    """What a list may be filtered by. `moments` take .gte, .gt, .lte and .lt; `values` are compared as they are."""

    moments: tuple[str, ...] = ("created_at",)
    values: Mapping[str, Read] = field(default_factory=dict)


PAYMENTS = ListFilters(
    ("created_at", "captured_at"),
    {"status": lambda payment: payment.status, "payment_method": lambda payment: payment.method},
)
REFUNDS = ListFilters(values={"status": lambda refund: refund.status, "payment_id": lambda refund: refund.payment_id})
PAYOUTS = ListFilters(
    ("created_at", "succeeded_at"),
    {"status": lambda payout: payout.status, "payout_destination.type": lambda payout: payout.destination["type"]},
)
DEALS = ListFilters(("created_at", "expires_at"), {"status": lambda deal: deal.status})
RECEIPTS = ListFilters(
    values={
        "status": lambda receipt: receipt.status,
        "payment_id": lambda receipt: receipt.payment_id,
        "refund_id": lambda receipt: receipt.refund_id,
    }
)


def page_of(
    records: Sequence[Record], query: Mapping[str, str], filters: ListFilters, view: Callable[[Any], Json]
) -> Json:
    """Newest first; the cursor is the id of the last record shown. Raises Refused for what it does not know."""
    if (limit := number_up_to(100, query.get("limit", "10"))) is None:
        raise Refused("Must be between 1 and 100", "limit")
    checks = [_check(name, value, filters) for name, value in query.items() if name not in ("limit", "cursor")]
    found = [record for record in reversed(records) if all(check(record) for check in checks)]
    start = _start(found, query.get("cursor"))
    shown = found[start : start + limit]
    page: Json = {"type": "list", "items": [view(record) for record in shown]}
    if start + len(shown) < len(found):
        page["next_cursor"] = shown[-1].id
    return page


def _start(found: Sequence[Record], cursor: str | None) -> int:
    if not cursor:
        return 0
    start = next((place for place, record in enumerate(found, 1) if record.id == cursor), 0)
    if not start:
        raise Refused("Unknown cursor", "cursor")
    return start


def _check(name: str, value: str, filters: ListFilters) -> Callable[[Any], bool]:
    if read := filters.values.get(name):
        return lambda record: read(record) == value
    field_name, _, operator = name.rpartition(".")
    compare = _OPERATORS.get(operator)
    if field_name not in filters.moments or compare is None:
        raise Refused("The sandbox has no such filter", name)
    moment = _moment(name, value)
    return lambda record: bool(getattr(record, field_name)) and compare(getattr(record, field_name), moment)


def _moment(name: str, value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
        return as_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise Refused("Must be a moment of ISO 8601", name) from error


def search_by_metadata(
    payouts: Sequence[Payout], query: Mapping[str, str], since: str
) -> tuple[list[Payout], dict[str, str]]:
    """Payouts created since then whose metadata has the one pair asked for, and the rest of the query."""
    pairs = {name: value for name, value in query.items() if name.startswith("metadata[") and name.endswith("]")}
    if len(pairs) != 1:
        raise Refused("Exactly one metadata[key]=value is required", "metadata")
    [(name, value)] = pairs.items()
    key = name[len("metadata[") : -1]
    found = [one for one in payouts if one.created_at >= since and one.metadata.get(key) == value]
    return found, {other: text for other, text in query.items() if other not in pairs}
