"""An allowed action, as every dialect shows it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from mystar.kit.money import rubles_text


class MoneyMove(NamedTuple):
    """A movement of money: "hold", "capture", "release" or "refund" of ``amount`` kopecks."""

    name: str
    amount: int


class Allowed(NamedTuple):
    """An action that is allowed now. ``until``: when it ends, None = open; ``money``: what it moves."""

    name: StrEnum
    until: datetime | None
    money: MoneyMove | None

    def plain(self) -> dict[str, Any]:
        """``{"name", "until", "money": null or {"move", "amount"}}``, rubles as text."""
        money = self.money and {"move": self.money.name, "amount": rubles_text(self.money.amount)}
        return {"name": str(self.name), "until": self.until, "money": money}
