"""The process as a document: ``python -m mystar.orders.state_diagram > docs/orders.md``; a test compares the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from mystar.orders.model import Money, Status
from mystar.orders.state_machine import DEADLINES, KINDS, RULES, STATUSES, Rule, Terms

_INTRODUCTION = """\
# The life of an order

Made from `RULES` in `mystar/orders/state_machine.py` by
`python -m mystar.orders.state_diagram > docs/orders.md`; do not edit.

An order stands on two axes: the work and the money. The money is where its payment is (none → pending → held →
captured; or released, refunded, failed). Its goal is where it should be: hold, capture or give back. An action that
changes the goal sets the goal of the payment, and the provider is called through the outbox. While money goes back, or
will when it arrives, nothing that would capture it is allowed. Market shows `paid` for an
order that is pending or accepted and whose money is held or captured.
"""
_HEADER = """\
| action | by | of | when the work is | and the money is | the work becomes | the money | why |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
_TIME = """\
## Deadlines

When the parties do nothing in time, the system applies a transition. A term begins when the order reaches a status in
which the deadline's rule applies, and again when its money arrives there; `until` in `allowed_actions` is its end. A
hold is captured or released at least twelve hours before the provider would drop it (`hold_runs_out`). A dispute has no
deadline: staff decide it.

| after | setting | the system does |
| --- | --- | --- |
"""


def describe() -> str:
    """The whole document, as Markdown with a Mermaid diagram."""
    rows = "\n".join(map(_row, RULES))
    return f"{_INTRODUCTION}\n```mermaid\n{_diagram()}\n```\n\n{_HEADER}{rows}\n\n{_TIME}{_deadlines()}\n"


def _diagram() -> str:
    lines = ["stateDiagram-v2", "    [*] --> pending"]
    arrows = sorted({arrow for rule in RULES for arrow in _arrows(rule)})
    for (source, target), group in groupby(arrows, key=lambda arrow: arrow[:2]):
        labels = ", ".join(label for _, _, label in group)
        lines.append(f"    {source} --> {target}: {labels}")
    lines += [f"    {status} --> [*]" for status in (Status.COMPLETED, Status.REJECTED, Status.CANCELLED)]
    return "\n".join(lines)


def _arrows(rule: Rule) -> Iterator[tuple[str, str, str]]:
    for status in rule.at:
        if rule.to and rule.to is not status:
            yield status, rule.to, f"{rule.action} ({rule.role})"


def _row(rule: Rule) -> str:
    money = [f"becomes {rule.sets_money}" if rule.sets_money else "", f"goal: {rule.goal}" if rule.goal else ""]
    cells = (
        rule.action,
        rule.role,
        _words(rule.kinds, KINDS),
        _words(rule.at, STATUSES) + (", not reviewed yet" if rule.unreviewed else ""),
        _words(rule.money, tuple(Money)) + (", nothing asked yet" if rule.goal_is_hold else ""),
        rule.to or "–",
        ", ".join(filter(None, money)) or "–",
        rule.why,
    )
    return f"| {' | '.join(cells)} |"


def _deadlines() -> str:
    return "\n".join(
        f"| {getattr(Terms(), one.term).days} days | `orders.{one.term}_days` | {one.action} |" for one in DEADLINES
    )


def _words(some: Iterable[str], every: Iterable[str]) -> str:
    """In the order of ``every``: a set has another order in every process."""
    found = set(some)
    return "any" if found == set(every) else ", ".join(one for one in every if one in found)


if __name__ == "__main__":
    print(describe(), end="")
