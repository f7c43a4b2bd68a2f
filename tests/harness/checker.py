"""Differences between the provider's journal, the acknowledgements and the database.

Nothing here knows how the service works inside. A difference has a kind, by which tests know it, and a text for the
reader of the report.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tests.harness.client import Acknowledgement
from tests.harness.expected_notifications import (
    MAILED,
    NUMBER,
    a_key_has_one_answer,
    about,
    every_event_is_notified_once,
    every_mail_arrives_once,
    every_move_is_audited,
)
from tests.harness.snapshot import Row, Snapshot

#: The service's status of a payment by the provider's.
_STATUS = {"pending": "pending", "waiting_for_capture": "held", "succeeded": "captured"}


class Difference(NamedTuple):
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def differences(snapshot: Snapshot) -> list[Difference]:
    """Everything that is wrong, or not finished yet."""
    return [Difference(rule.__name__, text) for rule in RULES for text in rule(snapshot)]


# The provider's journal alone.


def provider_conserves_money(snapshot: Snapshot) -> Iterator[str]:
    """Per payment: all that was held is captured, or released, or still held; and no more is refunded than captured."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for line in snapshot.journal:
        sums[line["payment_id"]][line["kind"].removeprefix("payment.")] += line["amount"]
    for provider_id, payment in snapshot.truth().items():
        moved = sums[provider_id]
        live = payment["authorized"] if payment["status"] == "waiting_for_capture" else 0
        if moved["held"] != moved["captured"] + moved["canceled"] + live:
            yield f"{provider_id}: {dict(moved)}, and {live} is still held"
        if moved["refunded"] > moved["captured"]:
            yield f"{provider_id}: refunded {moved['refunded']} of {moved['captured']}"


def paid_once(snapshot: Snapshot) -> Iterator[str]:
    """No order has two payments that hold or keep money, and none was captured twice."""
    taken: dict[str, list[str]] = defaultdict(list)
    captures: Counter[str] = Counter()
    for provider_id, payment in snapshot.truth().items():
        order_id = payment["metadata"].get("order_id", "")
        captures[order_id] += len(snapshot.lines("payment.captured", provider_id))
        if payment["status"] == "waiting_for_capture" or payment["captured"] > payment["refunded"]:
            taken[order_id].append(provider_id)
    for order_id, payments in taken.items():
        if len(payments) > 1:
            yield f"order {order_id} holds or keeps money in {', '.join(payments)}"
    for order_id, count in captures.items():
        if count > 1:
            yield f"order {order_id} was captured {count} times"


def nothing_done_twice(snapshot: Snapshot) -> Iterator[str]:
    """Each operation on a payment has one line; a key makes one operation; a payment is created once."""
    actions = Counter(
        (line["payment_id"], line["kind"]) for line in snapshot.journal if line["kind"] != "payment.refunded"
    )
    keys = Counter(line["idempotence_key"] for line in snapshot.journal if line["idempotence_key"])
    created = Counter(
        line["metadata"].get("payment_id") for line in snapshot.journal if line["kind"] == "payment.created"
    )
    for what, counts in (("operation", actions), ("key", keys), ("creation of payment", created)):
        yield from (f"{what} {one}: {count} times" for one, count in counts.items() if count > 1)


# The provider's journal and the database.


def both_sides_have_the_same_payments(snapshot: Snapshot) -> Iterator[str]:
    truth, ours = snapshot.truth(), {payment["provider_id"]: payment for payment in snapshot.payments}
    yield from (f"{provider_id} is unknown to us" for provider_id in truth.keys() - ours.keys())
    yield from (f"{provider_id} is unknown there" for provider_id in ours.keys() - truth.keys() - {None})
    for provider_id in truth.keys() & ours.keys():
        named = truth[provider_id]["metadata"]
        row = ours[provider_id]
        if (named.get("order_id"), named.get("payment_id")) != (str(row["order_id"]), str(row["id"])):
            yield f"{provider_id}: made for {named}, but kept as payment {row['id']} of order {row['order_id']}"


def both_sides_agree(snapshot: Snapshot) -> Iterator[str]:
    """Amounts and states of every payment; a state that differs long after the last kill is a stuck order."""
    truth = snapshot.truth()
    for row in snapshot.payments:
        payment = truth.get(row["provider_id"])
        if payment is None:
            if row["provider_id"] is None and row["status"] != "failed":
                yield f"payment {row['id']} of order {row['order_id']} never reached the provider"
            continue
        ours = (row["status"], row["amount"], row["captured"], row["refunded"])
        theirs = (_status_there(payment), payment["amount"], payment["captured"], payment["refunded"])
        if ours != theirs:
            yield f"payment {row['id']} is {ours} here and {theirs} there"


def ledger_equals_journal(snapshot: Snapshot) -> Iterator[str]:
    """Every kind of entry of every payment, counted on the receiving account."""
    ledger: dict[int, Counter[str]] = defaultdict(Counter)
    for entry in snapshot.ledger:
        if entry["amount"] > 0:
            ledger[entry["payment_id"]][entry["reason"]] += entry["amount"]
    truth = snapshot.truth()
    for row in snapshot.payments:
        payment = truth.get(row["provider_id"])
        moved = _moved(payment) if payment else Counter[str]()
        if +ledger[row["id"]] != +moved:
            yield f"payment {row['id']}: the ledger moved {dict(ledger[row['id']])}, the provider {dict(moved)}"


def ledger_sums_to_zero(snapshot: Snapshot) -> Iterator[str]:
    sums: Counter[tuple[str, str]] = Counter()
    for entry in snapshot.ledger:
        sums[str(entry["move_id"]), entry["currency"]] += entry["amount"]
    yield from (f"move {move} sums to {total} {currency}" for (move, currency), total in sums.items() if total)


def no_discrepancy_is_recorded(snapshot: Snapshot) -> Iterator[str]:
    """The sandbox makes no mistakes, so the service has no reason to record a discrepancy."""
    for one in snapshot.discrepancies:
        yield f"payment {one['payment_id']} ({one['provider_id']}): {one['kind']} {one['details']}"


# Orders.


def order_money_matches_payment(snapshot: Snapshot) -> Iterator[str]:
    latest = {row["order_id"]: row for row in snapshot.payments}
    for order in snapshot.orders:
        payment = latest.get(order["id"])
        money = payment["status"] if payment else "none"
        if order["money"] != money:
            yield f"order {order['id']} says {order['money']}, its payment {money}"


def orders_reach_their_goal(snapshot: Snapshot) -> Iterator[str]:
    """What is to be captured is not left held, and what is to be given back is neither held nor kept."""
    for order in snapshot.orders:
        undone = {"capture": ("held",), "give_back": ("held", "captured")}.get(order["money_goal"], ())
        if order["money"] in undone:
            yield f"order {order['id']} wants to {order['money_goal']}, and its money is {order['money']}"


def history_is_complete(snapshot: Snapshot) -> Iterator[str]:
    """Every change follows from the one before, the last is how the order stands, and nothing happened twice."""
    told: dict[int, list[Row]] = defaultdict(list)
    for event in snapshot.events:
        told[event["order_id"]].append(event)
    for order in snapshot.orders:
        events = told[order["id"]]
        before: tuple[str | None, str | None] = (None, None)
        for event in events:
            if (event["from_status"], event["from_money"]) != before:
                yield f"order {order['id']}: {event['action']} from {event['from_status']}, but it was at {before}"
            before = event["to_status"], event["to_money"]
        if before != (order["status"], order["money"]):
            yield f"order {order['id']} is {order['status']}, {order['money']}, but its history ends with {before}"
        facts = Counter((event["action"], event["details"].get("payment")) for event in events)
        for (action, payment), count in facts.items():
            # Paying may be begun again; a star who accepted may confirm once the money is there.
            if count > 1 and action not in ("pay", "accept"):
                yield f"order {order['id']}: {action} (payment {payment}) {count} times"


# What was acknowledged.


def acknowledged_orders_exist_once(snapshot: Snapshot) -> Iterator[str]:
    names = Counter(order["for_whom"] for order in snapshot.orders)
    for name, actions in snapshot.by_order():
        if names[name] != 1:
            yield f"{name} was acknowledged as {actions['place'].body}, and there are {names[name]} such orders"


def acknowledged_actions_persist(snapshot: Snapshot) -> Iterator[str]:
    """What was answered with a success is there afterwards."""
    delivered = Counter(row["order_id"] for row in snapshot.deliveries)
    votes = {(row["star_id"], row["account_id"]) for row in snapshot.votes}
    likes = {(row["star_id"], row["account_id"]) for row in snapshot.likes}
    for name, actions in snapshot.by_order():
        order = snapshot.order_called(name)
        if order is None:
            continue
        done = {action["action"] for action in snapshot.events if action["order_id"] == order["id"]}
        pair = (order["star_id"], order["buyer_id"])
        kept: Mapping[str, bool] = {
            "accept": bool(done & {"accept", "capture"}),
            "reject": order["status"] == "rejected",
            "cancel": order["status"] == "cancelled",
            "upload": delivered[order["id"]] == 1,
            "capture": order["money_goal"] == "capture",
            "rate": pair in votes,
            "like": pair in likes,
        }
        for action, is_kept in kept.items():
            if action in actions and not is_kept:
                yield f"{name} (order {order['id']}): {action} was acknowledged as {actions[action].body} and is lost"


def money_ends_as_acknowledged(snapshot: Snapshot) -> Iterator[str]:
    """Once the provider held it: called off means given back, delivered or captured means taken, else it is still held.

    An acceptance takes what was held before it; when the two crossed, both ends are right.
    """
    held: dict[str, list[Row]] = defaultdict(list)
    for payment in snapshot.truth().values():
        if payment["authorized"]:
            held[payment["metadata"].get("order_id", "")].append(payment)
    for name, actions in snapshot.by_order():
        order = snapshot.order_called(name)
        for payment in held[str(order["id"])] if order else ():
            expected = _expected_end(actions)
            end = _status_there(payment)
            if end not in expected:
                yield f"{name} (order {payment['metadata']['order_id']}) after {sorted(actions)}: {end}"


def payments_pressed_are_held(snapshot: Snapshot) -> Iterator[str]:
    """The provider loses no payment; otherwise the other rules prove nothing."""
    paid = {payment["metadata"].get("order_id") for payment in snapshot.truth().values() if payment["authorized"]}
    for name, actions in snapshot.by_order():
        order = snapshot.order_called(name)
        if order and "pay" in actions and str(order["id"]) not in paid:
            yield f"{name} (order {order['id']}) was paid, and nothing was ever held"


# What was to be sent.


def outbox_is_empty(snapshot: Snapshot) -> Iterator[str]:
    for row in snapshot.outbox:
        what = f"{row['topic']} {row['name'] or row['id']}"
        if row["failed_at"] is not None:
            yield f"{what} was given up: {row['last_error']}"
        elif row["done_at"] is None:
            yield f"{what} is waiting after {row['attempts']} attempts: {row['last_error']}"


def no_mail_is_sent_twice(snapshot: Snapshot) -> Iterator[str]:
    """One mail for one fact: no two that say the same to the same person."""
    mails = Counter(
        (row["payload"].get("to"), row["payload"].get("subject"), row["payload"].get("text"))
        for row in snapshot.outbox
        if row["topic"] == "mail"
    )
    yield from (f"{count} mails {subject!r} to {to}" for (to, subject, _), count in mails.items() if count > 1)


def every_event_is_mailed(snapshot: Snapshot) -> Iterator[str]:
    """What one party did with an order is in a mail to the other."""
    told: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row in snapshot.outbox:
        if row["topic"] == "mail" and (number := NUMBER.search(row["payload"]["text"])):
            told[int(number[1])].add((row["payload"]["to"], about(row["payload"]["text"])))
    for event in snapshot.events:
        order = next((order for order in snapshot.orders if order["id"] == event["order_id"]), None)
        if order and (news := MAILED.get(event["action"])):
            whom, words = news
            if (snapshot.addresses[order[whom]], words) not in told[order["id"]]:
                yield f"order {order['id']}: {event['action']} was not told to the {whom.removesuffix('_id')}"


def mails_arrive(snapshot: Snapshot) -> Iterator[str]:
    """What left the outbox is in a mailbox. Only the newest are checked: the sandbox keeps no more."""
    arrived = {mail["message_id"] for mail in snapshot.mails}
    for row in [row for row in snapshot.outbox if row["topic"] == "mail" and row["done_at"]][-500:]:
        if not any(uuid.UUID(str(row["idempotency_key"])).hex in message_id for message_id in arrived):
            yield f"mail {row['id']} to {row['payload']['to']} was sent and never arrived"


Rule = Callable[[Snapshot], Iterator[str]]
RULES: tuple[Rule, ...] = (
    provider_conserves_money,
    paid_once,
    nothing_done_twice,
    both_sides_have_the_same_payments,
    both_sides_agree,
    ledger_equals_journal,
    ledger_sums_to_zero,
    no_discrepancy_is_recorded,
    order_money_matches_payment,
    orders_reach_their_goal,
    history_is_complete,
    acknowledged_orders_exist_once,
    acknowledged_actions_persist,
    money_ends_as_acknowledged,
    payments_pressed_are_held,
    outbox_is_empty,
    no_mail_is_sent_twice,
    every_event_is_mailed,
    mails_arrive,
    a_key_has_one_answer,
    every_mail_arrives_once,
    every_move_is_audited,
    every_event_is_notified_once,
)


def _status_there(payment: Row) -> str:
    if payment["status"] == "canceled":
        return "released" if payment["authorized"] else "failed"
    if payment["status"] == "succeeded" and payment["refunded"] >= payment["captured"]:
        return "refunded"
    return _STATUS[payment["status"]]


def _moved(payment: Row) -> Counter[str]:
    ended = payment["status"] in ("succeeded", "canceled")
    return Counter(
        hold=payment["authorized"],
        capture=payment["captured"],
        release=payment["authorized"] - payment["captured"] if ended else 0,
        refund=payment["refunded"],
    )


def _expected_end(actions: Mapping[str, Acknowledgement]) -> set[str]:
    if "cancel" in actions:
        return {"released", "refunded"}
    if "reject" in actions:
        return {"released"}
    if "upload" in actions or "capture" in actions:
        return {"captured"}
    return {"captured", "held"} if "accept" in actions else {"held"}
