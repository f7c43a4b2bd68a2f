"""Commission: how much the platform keeps of a sum, what becomes of it on refunds, and which rule applies.

All amounts are whole kopecks. The creator's share is always the remainder, so that both parts add up to the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from typing import Literal

from mystar.errors import Invalid, Text
from mystar.kit.clock import MOSCOW

RuleKind = Literal["greeting", "service"]
#: Basis points in a whole: 100 %.
WHOLE = 10_000


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number to the fraction; halves are rounded up. Neither may be negative."""
    return (2 * numerator + denominator) // (2 * denominator)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a commission is computed: a percentage in basis points plus ``fixed``, within bounds.

    :param max_amount: None = no upper bound.
    """

    percent_bp: int = 0
    fixed: int = 0
    min_amount: int = 0
    max_amount: int | None = None

    def commission(self, base: int) -> int:
        """Never more than ``base`` itself."""
        amount = max(half_up(base * self.percent_bp, WHOLE) + self.fixed, self.min_amount)
        if self.max_amount is not None:
            amount = min(amount, self.max_amount)
        return min(amount, base)


def commission_left(commission: int, captured: int, left: int) -> int:
    """What remains of the commission on ``captured`` once only ``left`` of it has not gone back.

    Computed from the whole each time: parts that are rounded alone would not add up to the commission.
    """
    return half_up(commission * left, captured) if captured else 0


def vat_inside(amount: int, percent: int) -> int:
    """The VAT contained in ``amount``."""
    return half_up(amount * percent, 100 + percent)


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of them must hold; the values of one are alternatives. None = any."""

    creator_ids: tuple[int, ...] | None = None
    category_ids: tuple[int, ...] | None = None
    kinds: tuple[str, ...] | None = None
    price_from: int | None = None
    price_to: int | None = None


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as it is set. ``valid_from`` None = at once."""

    name: str
    terms: Terms
    conditions: Conditions = Conditions()
    valid_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is stored. ``list`` counts the lists that have been set; ``position`` is the place in its list."""

    id: int
    list: int
    position: int
    name: str
    terms: Terms
    conditions: Conditions
    valid_from: datetime
    created_by: int | None
    created_at: datetime


def percent_text(basis_points: int) -> str:
    """1250 → "12.5"."""
    return f"{Decimal(basis_points) / 100:f}"


class RulesWrong(Invalid):
    """The list cannot be set; ``fields`` says which rule is wrong, counted from 1, and why.

    ``starts_after``: when the list before starts, if the last rule does not start later.
    """

    code = "commission_rules_wrong"
    text = Text("Эти правила комиссии задать нельзя.", "These commission rules cannot be set.")
    starts_after: datetime | None = None


def require_list(drafts: Sequence[RuleDraft], now: datetime, latest_start: datetime | None) -> None:
    """Refuse a list that could be read in two ways.

    :param latest_start: when the rule without conditions of the newest list begins to apply; None = there is no list.
    :raises RulesWrong: no last rule without conditions, a rule that an earlier one always precedes, or a start that is
        not later than that of the list before.
    """
    problems = dict(_problems(drafts, now, latest_start))
    if problems:
        error = RulesWrong(fields={name: [text] for name, text in problems.items()})
        error.starts_after = latest_start if _starts_too_early(drafts, now, latest_start) else None
        raise error


def _problems(drafts: Sequence[RuleDraft], now: datetime, latest_start: datetime | None) -> Iterator[tuple[str, Text]]:
    if not drafts or drafts[-1].conditions != Conditions():
        yield "rules", Text("Последнее правило должно быть без условий.", "The last rule must have no conditions.")
        return
    starts = [draft.valid_from or now for draft in drafts]
    for (i, earlier), (j, later) in combinations(enumerate(drafts), 2):
        same = earlier.conditions in (Conditions(), later.conditions)
        if same and starts[i] <= starts[j]:
            yield str(j + 1), _never_applies(earlier.name, later.name)
    if latest_start is not None and _starts_too_early(drafts, now, latest_start):
        moment = latest_start.astimezone(MOSCOW)
        yield (
            str(len(drafts)),
            overlapping(Text(f"{moment:%d.%m.%Y %H:%M} по Москве", f"{moment:%Y-%m-%d %H:%M} Moscow time")),
        )


def _starts_too_early(drafts: Sequence[RuleDraft], now: datetime, latest_start: datetime | None) -> bool:
    """Whether the last rule does not start later than the list before."""
    if latest_start is None or not drafts or drafts[-1].conditions != Conditions():
        return False
    start = drafts[-1].valid_from
    return latest_start >= start if start else latest_start > now


def _never_applies(earlier: str, later: str) -> Text:
    return Text(
        f"Сроки пересекаются: «{later}» никогда не применится, «{earlier}» стоит раньше и начинается не позже.",
        f'Overlapping start: "{later}" can never apply, since "{earlier}" stands before it and starts no later.',
    )


def overlapping(latest: Text) -> Text:
    """What is wrong with a start that is not later than ``latest``, the start of the list before."""
    return Text(
        f"Сроки пересекаются: прежний список действует с {latest.ru}, новый должен начинаться позже.",
        f"Overlapping start: the list before starts at {latest.en}, and a new one must start later.",
    )
