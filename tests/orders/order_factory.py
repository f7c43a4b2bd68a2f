"""An order in any state, for tests of the process alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from mystar.orders.model import Goal, Kind, Money, Order, Status

MOMENT = datetime(2030, 5, 1, 12, tzinfo=UTC)
BUYER, CREATOR = 1, 2


def an_order(
    kind: Kind = Kind.GREETING,
    status: Status = Status.PENDING,
    money: Money = Money.NONE,
    goal: Goal = Goal.HOLD,
    **values: Any,
) -> Order:
    """Order 7 of person 1 from person 2, for 15 000 rubles."""
    empty = dict.fromkeys(("cancellation_reason", *(name for name in Order._fields if name.endswith("_at"))))
    standard: dict[str, Any] = {
        **empty,
        "id": 7,
        "service_id": 3,
        "creator_id": 4,
        "creator_account_id": CREATOR,
        "buyer_id": BUYER,
        "price": 1500000,
        "total_price": 1500000,
        "refunded": 0,
        "options": (),
        "for_whom": "Для мамы",
        "requirements": "С днём рождения",
        "occasion": "video",
        "due_date": date(2030, 5, 9),
        "due_time": time(23, 59),
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return Order(kind=kind, status=status, money=money, money_goal=goal, **standard | values)
