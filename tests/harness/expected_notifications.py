"""What clients, creators and auditors are told: one answer for one key, one mail and one notification for one fact,
and an entry in the audit log for every move of money.

The expectations come from the history of the orders and from the documents, not from the service's own tables of rules.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.harness.snapshot import Row, Snapshot

#: The party that is mailed about an action, and the words that identify the mail.
MAILED = {
    "place": ("star_id", "новый заказ"),
    "accept": ("buyer_id", "принимает"),
    "reject": ("buyer_id", "не может выполнить"),
    "deliver": ("buyer_id", "поздравление готово"),
    "money_failed": ("buyer_id", "не прошла"),
}
NUMBER = re.compile(r"№(\d+)")
_BOTH = ("buyer", "creator")
#: What is told to whom, but the one who acted, when a status or a state of the money is reached.
_OF_STATUS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pending": ("new_order", ("creator",)),
    "accepted": ("order_accepted", ("buyer",)),
    "rejected": ("order_rejected", ("buyer",)),
    "cancelled": ("order_cancelled", _BOTH),
    "delivered": ("delivery", ("buyer",)),
    "completed": ("order_completed", _BOTH),
}
_OF_MONEY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "held": ("order_paid", ("creator",)),
    "failed": ("payment_failed", ("buyer",)),
    "released": ("money_returned", ("buyer",)),
    "refunded": ("money_returned", ("buyer",)),
}
_CALLED_OFF = ("rejected", "cancelled")
#: What the clock does has kinds of its own.
_BY_CLOCK = {"order_cancelled": "order_expired", "order_completed": "order_auto_completed"}


def about(text: str) -> str:
    """The words by which a mail about an order is known; empty for other mails."""
    return next((words for _, words in MAILED.values() if words in text), "")


def a_key_has_one_answer(snapshot: Snapshot) -> Iterator[str]:
    """A request that was repeated with its Idempotency-Key is answered as the first time; another one is refused."""
    for one in snapshot.repeats:
        if one.is_changed and one.again[0] != 422:
            yield f"{one.order_name}: {one.action} with a used key and another body was answered {one.again}"
        elif not one.is_changed and one.first != one.again:
            yield f"{one.order_name}: {one.action} with one key was answered {one.first}, then {one.again}"


def every_mail_arrives_once(snapshot: Snapshot) -> Iterator[str]:
    """One mail for one recipient, kind and object; and one copy of it, unless the answer to its sender was lost."""
    ids: dict[Any, set[str]] = defaultdict(set)
    for mail in snapshot.mails:
        number, words = NUMBER.search(mail["text"]), about(mail["text"])
        # A greeting that was delivered before it was paid is told twice: that it is there, and that it can be watched.
        one_of_a_kind = number and words and words != MAILED["deliver"][1]
        what = (words, number[1]) if number and one_of_a_kind else (mail["subject"], mail["text"])
        ids[(*mail["to"], *what)].add(mail["message_id"])
    for key, several in ids.items():
        if len(several) > 1:
            yield f"{key[0]} got {len(several)} mails about {key[1:]}"
    copies = Counter(mail["message_id"] for mail in snapshot.mails)
    again = [message_id for message_id, count in copies.items() if count > 1]
    if len(again) > snapshot.unsure_mails * len(copies):
        yield f"{len(again)} of {len(copies)} mails arrived more than once: {again[0]} {copies[again[0]]} times"


def every_move_is_audited(snapshot: Snapshot) -> Iterator[str]:
    """Each move of the ledger, with its sum, is one entry of the audit log; and none is there without its move."""
    orders = {row["id"]: row["order_id"] for row in snapshot.payments}
    moved = Counter(
        (f"order:{orders[entry['payment_id']]}", entry["reason"], entry["amount"])
        for entry in snapshot.ledger
        if entry["amount"] > 0
    )
    written = Counter(
        (entry["subject"], entry["details"]["move"], round(float(entry["details"]["amount"]) * 100))
        for entry in snapshot.audit
        if entry["act"] == "money_moved"
    )
    yield from _compared(moved, written, "in the ledger", "in the audit log")


def every_event_is_notified_once(snapshot: Snapshot) -> Iterator[str]:
    """What happened to an order is one notification of each party that did not do it itself."""
    orders = {order["id"]: order for order in snapshot.orders}
    expected: Counter[tuple[Any, ...]] = Counter()
    for event in snapshot.events:
        order = orders.get(event["order_id"])
        if order is not None:
            expected.update((account, kind, order["id"]) for account, kind in _news(order, event))
    told = Counter(
        (row["account_id"], row["kind"], row["subject_id"])
        for row in snapshot.notifications
        if row["subject"] == "order"
    )
    yield from _compared(expected, told, "due", "written")


def _news(order: Row, event: Row) -> Iterator[tuple[int, str]]:
    people = {"buyer": order["buyer_id"], "creator": order["star_id"]}
    told: list[tuple[str, tuple[str, ...]]] = []
    if event["to_status"] != event["from_status"]:
        kind, roles = _OF_STATUS[event["to_status"]]
        told.append((_BY_CLOCK.get(kind, kind) if event["actor_role"] == "system" else kind, roles))
    if event["to_money"] != event["from_money"] and event["to_money"] in _OF_MONEY:
        called_off = event["to_status"] in _CALLED_OFF
        if event["to_money"] == "released" and not called_off:
            told.append(("hold_ended", _BOTH))
        elif called_off <= (event["to_money"] in ("released", "refunded")):
            # Money that comes after the end goes back at once, and is told then.
            told.append(_OF_MONEY[event["to_money"]])
    for kind, roles in told:
        yield from ((people[role], kind) for role in roles if role != event["actor_role"])


def _compared(expected: Counter[Any], found: Counter[Any], where: str, there: str) -> Iterator[str]:
    for key in sorted(expected.keys() | found.keys(), key=str):
        if expected[key] != found[key]:
            yield f"{key}: {expected[key]} {where}, {found[key]} {there}"
