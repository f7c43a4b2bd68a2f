"""The life of a payment as a table: no database, no network."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystar.payments.model import Payment, ReversalInProgress
from mystar.payments.provider import ProviderPayment
from mystar.payments.state_machine import (
    ACCOUNTS,
    HOLD_MARGIN,
    apply,
    auto_void_at,
    claimed_payment,
    expected_ledger,
    is_expiring,
    merge,
    mismatch,
    next_call,
    next_check,
    transitions,
    with_goal,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def payment(**changes: Any) -> Payment:
    """A payment of 150 rubles; once held, held for seven days."""
    status = changes.get("status", "pending")
    was_held = status not in ("pending", "failed")
    plain = {
        "id": 17,
        "order_id": 56,
        "payer_id": None,
        "amount": 15000,
        "currency": "RUB",
        "description": "Заказ №56",
        "return_url": "http://mystar.example/",
        "status": status,
        "goal": "hold",
        "captured": 15000 if status in ("captured", "refunded") else 0,
        "refunded": 15000 if status == "refunded" else 0,
        "refunding": 0,
        "refunds": 0,
        "provider_id": "p-1",
        "confirmation_url": "http://provider.example/p-1",
        "method": None,
        "expires_at": NOW + timedelta(days=7) if was_held else None,
        "cancellation_party": None,
        "cancellation_reason": None,
        "held_at": NOW if was_held else None,
        "settled_at": None,
        "check_at": None,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Payment(**{**plain, **changes})


def snapshot(status: str, **changes: Any) -> ProviderPayment:
    captured = 15000 if status == "succeeded" else 0
    plain = {"id": "p-1", "status": status, "amount": 15000, "captured": captured, "metadata": {"payment_id": "17"}}
    return ProviderPayment(**{**plain, **changes})


REFUNDED = snapshot("succeeded", refunded=15000)
EXPIRED = snapshot("canceled", cancellation_reason="expired_on_capture")
DECLINED = snapshot("canceled", cancellation_reason="insufficient_funds")

HOLD, CAPTURE, RELEASE, REFUND = ("hold", 15000), ("capture", 15000), ("release", 15000), ("refund", 15000)


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        ("pending", snapshot("pending"), []),
        ("pending", snapshot("waiting_for_capture"), [("held", [HOLD])]),
        ("pending", snapshot("succeeded"), [("held", [HOLD]), ("captured", [CAPTURE])]),
        ("pending", REFUNDED, [("held", [HOLD]), ("captured", [CAPTURE]), ("refunded", [REFUND])]),
        ("pending", DECLINED, [("failed", [])]),
        ("pending", EXPIRED, [("held", [HOLD]), ("released", [RELEASE])]),
        ("held", snapshot("pending"), []),
        ("held", snapshot("waiting_for_capture"), []),
        ("held", snapshot("succeeded"), [("captured", [CAPTURE])]),
        (
            "held",
            snapshot("succeeded", amount=9000, captured=9000),
            [("captured", [("capture", 9000), ("release", 6000)])],
        ),
        ("held", REFUNDED, [("captured", [CAPTURE]), ("refunded", [REFUND])]),
        ("held", EXPIRED, [("released", [RELEASE])]),
        ("held", DECLINED, [("released", [RELEASE])]),
        ("captured", snapshot("pending"), []),
        ("captured", snapshot("waiting_for_capture"), []),
        ("captured", snapshot("succeeded"), []),
        ("captured", snapshot("succeeded", refunded=500), [("captured", [("refund", 500)])]),
        ("captured", REFUNDED, [("refunded", [REFUND])]),
        ("released", snapshot("waiting_for_capture"), []),
        ("released", EXPIRED, []),
        ("refunded", snapshot("succeeded"), []),
        ("refunded", snapshot("succeeded", refunded=500), []),
        ("refunded", REFUNDED, []),
        ("failed", snapshot("pending"), []),
        ("failed", DECLINED, []),
    ],
)
def test_a_snapshot_of_the_provider_adds_its_entries(status: str, said: ProviderPayment, expected: list[Any]) -> None:
    assert mismatch(payment(status=status), said) is None
    made = [
        (step.status, [(move.reason, move.amount) for move in step.moves])
        for step in transitions(payment(status=status), said)
    ]
    assert made == expected


@pytest.mark.parametrize(
    ("ours", "said", "why"),
    [
        (payment(), snapshot("waiting_for_capture", id="p-2"), "another_payment"),
        (payment(), snapshot("waiting_for_capture", metadata={"payment_id": "18"}), "another_payment"),
        (payment(), snapshot("waiting_for_capture", amount=14999), "amount"),
        (payment(), snapshot("waiting_for_capture", amount=15001), "amount"),
        (payment(), snapshot("succeeded", amount=15001, captured=15001), "amount"),
        (payment(), snapshot("waiting_for_capture", currency="USD"), "currency"),
        (payment(), snapshot("succeeded", refunded=15001), "refunded"),
        (payment(), snapshot("thinking"), "status"),
        (payment(status="captured"), EXPIRED, "contradiction"),
        (payment(status="refunded"), DECLINED, "contradiction"),
        (payment(status="released"), snapshot("succeeded"), "contradiction"),
        (payment(status="failed"), snapshot("succeeded"), "contradiction"),
        (payment(provider_id=None), snapshot("pending"), None),
        (payment(), snapshot("pending", metadata={}), None),
    ],
)
def test_an_inconsistent_snapshot_is_refused(ours: Payment, said: ProviderPayment, why: str | None) -> None:
    assert mismatch(ours, said) == why


@pytest.mark.parametrize(
    ("ours", "call", "amount"),
    [
        (payment(provider_id=None), "create", 15000),
        (payment(provider_id=None, goal="give_back"), "create", 15000),
        (payment(), None, 0),
        (payment(goal="capture"), None, 0),
        (payment(goal="give_back"), None, 0),
        (payment(status="held"), None, 0),
        (payment(status="held", goal="capture"), "capture", 15000),
        (payment(status="held", goal="give_back"), "cancel", 15000),
        (payment(status="captured"), None, 0),
        (payment(status="captured", goal="capture"), None, 0),
        (payment(status="captured", goal="give_back"), "refund", 15000),
        (payment(status="captured", goal="give_back", refunded=4000), "refund", 11000),
        *[
            (payment(status=over, goal=goal), None, 0)
            for over in ("released", "refunded", "failed")
            for goal in ("hold", "capture", "give_back")
        ],
    ],
)
def test_each_state_has_its_next_call_to_the_provider(ours: Payment, call: str | None, amount: int) -> None:
    asked = next_call(ours)
    assert (asked and asked.call, asked.amount if asked else 0) == (call, amount)


def test_each_call_has_one_idempotency_key() -> None:
    names = [
        next_call(ours).name  # type: ignore[union-attr]
        for ours in (
            payment(provider_id=None),
            payment(status="held", goal="capture"),
            payment(status="held", goal="give_back"),
            payment(status="captured", goal="give_back"),
            payment(status="captured", goal="give_back", refunded=4000),
        )
    ]
    assert names == ["17:create", "17:capture", "17:cancel", "17:refund", "17:refund:4000"]


def test_goals_only_go_forward() -> None:
    ours = payment(status="held")
    assert with_goal(ours, "hold") == ours
    assert with_goal(ours, "capture").goal == "capture"
    assert with_goal(with_goal(ours, "capture"), "hold").goal == "capture"
    assert with_goal(with_goal(ours, "capture"), "give_back").goal == "give_back"
    with pytest.raises(ReversalInProgress):
        with_goal(with_goal(ours, "give_back"), "capture")


def test_an_undecided_hold_is_released_in_time() -> None:
    ours = payment(status="held")
    moment = auto_void_at(ours)
    assert moment == NOW + timedelta(days=7) - HOLD_MARGIN
    assert not is_expiring(ours, moment - timedelta(seconds=1))
    assert is_expiring(ours, moment)
    assert not is_expiring(replace(ours, goal="capture"), moment)


def test_a_short_hold_is_released_after_three_quarters_of_its_time() -> None:
    ours = payment(status="held", expires_at=NOW + timedelta(hours=6))
    assert auto_void_at(ours) == NOW + timedelta(hours=4, minutes=30)


def test_polling_slows_down_but_not_beyond_a_deadline() -> None:
    young, old = NOW + timedelta(seconds=20), NOW + timedelta(minutes=30)
    assert next_check(payment(), young, 15) == young + timedelta(seconds=15)
    assert next_check(payment(), old, 15) == old + timedelta(minutes=3)
    held = payment(status="held")
    assert next_check(held, NOW + timedelta(days=2), 15) == NOW + timedelta(days=2, hours=1)
    almost = NOW + timedelta(days=7) - HOLD_MARGIN - timedelta(minutes=1)
    assert next_check(held, almost, 15) == almost + timedelta(minutes=1, seconds=1)
    assert next_check(replace(held, goal="give_back"), NOW + timedelta(days=2), 15) == NOW + timedelta(
        days=2, minutes=5
    )
    assert next_check(payment(status="captured"), NOW, 15) is None
    assert next_check(payment(status="captured", goal="give_back"), NOW, 15) is not None
    assert next_check(payment(provider_id=None), NOW, 15) is None


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"payment_id": "17"}, 17),
        ({}, None),
        ({"payment_id": "x"}, None),
        ({"payment_id": "9" * 40}, None),
        ({"payment_id": "١٧"}, None),
    ],
)
def test_metadata_name_a_payment_or_none(metadata: dict[str, str], found: int | None) -> None:
    assert claimed_payment(metadata) == found


@st.composite
def lives(draw: st.DrawFn) -> tuple[int, list[ProviderPayment]]:
    """A payment's life at the provider, word by word: perhaps captured in part, perhaps refunded in parts."""
    amount = draw(st.integers(1, 10**9))
    said = [snapshot("pending", amount=amount), snapshot("waiting_for_capture", amount=amount)]
    if draw(st.booleans()):
        return amount, [*said, snapshot("canceled", amount=amount, cancellation_reason="canceled_by_merchant")]
    captured = draw(st.integers(1, amount))
    parts = sorted({0, *draw(st.lists(st.integers(1, captured), max_size=5))})
    return amount, [
        *said,
        *(snapshot("succeeded", amount=captured, captured=captured, refunded=part) for part in parts),
    ]


@given(lives(), st.data())
def test_snapshots_in_any_order_add_up_to_the_whole(
    life: tuple[int, list[ProviderPayment]], data: st.DataObject
) -> None:
    amount, said = life
    heard = data.draw(st.lists(st.sampled_from(said), max_size=12))
    ours = payment(amount=amount)
    accounts = {"payer": 0, "held": 0, "creator": 0}
    moved = dict.fromkeys(ACCOUNTS, 0)
    for one in [*heard, said[-1], *heard]:
        assert mismatch(ours, one) is None
        ours = merge(ours, one)
        for step in list(transitions(ours, one)):
            for move in step.moves:
                source, target = ACCOUNTS[move.reason]
                accounts[source] -= move.amount
                accounts[target] += move.amount
                moved[move.reason] += move.amount
            ours = apply(ours, step, NOW)
        assert accounts["held"] >= 0
        assert accounts["creator"] >= 0

    last = said[-1]
    assert sum(accounts.values()) == 0
    assert (ours.captured, ours.refunded) == (last.captured, last.refunded)
    assert moved == expected_ledger(ours)
    assert moved["capture"] + moved["release"] == moved["hold"] == amount
    assert accounts["creator"] == last.captured - last.refunded
