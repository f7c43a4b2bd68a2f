"""The pure functions: whatever the rule, the sums and the refunds, nothing is lost and nothing is left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mystar.earnings import moves
from mystar.earnings.model import Account, Change, Earning, totals
from mystar.earnings.rules.model import Terms, commission_left, half_up, vat_inside
from tests.size import dice, size

NOW = datetime(2027, 1, 5, 12, tzinfo=UTC)
_BLANK: dict[str, Any] = {
    **dict.fromkeys(Earning.__slots__, 0),
    **dict.fromkeys(("captured_at", "completed_at", "clears_at", "cleared_at", "stop_reason", "paused_at")),
    **{"mode": "balance", "deal_id": None, "rule_id": None, "is_disputed": False, "keeps_commission": False},
    **{"order_id": 1, "creator_id": 2, "created_at": NOW, "updated_at": NOW},
}
TERMS = st.builds(
    Terms,
    percent_bp=st.integers(0, 10_000),
    fixed=st.sampled_from([0, 300, 5_000]),
    min_amount=st.sampled_from([0, 5_000]),
    max_amount=st.sampled_from([None, 5_000, 300_000]),
)


def an_earning(terms: Terms, **values: Any) -> Earning:
    return replace(
        Earning(**_BLANK),
        percent_bp=terms.percent_bp,
        fixed=terms.fixed,
        min_amount=terms.min_amount,
        max_amount=terms.max_amount,
        **values,
    )


class Book:
    """Every account, and the earning after each change."""

    def __init__(self, earning: Earning) -> None:
        self.earning = earning
        self.accounts = dict.fromkeys(Account, 0)

    def apply(self, change: Change) -> dict[Account, int]:
        moved = dict.fromkeys(Account, 0)
        for move in change.moves:
            assert sum(side.amount for side in move.sides) == 0
            for side in move.sides:
                moved[side.account] += side.amount
        for account, amount in moved.items():
            self.accounts[account] += amount
        assert totals(change.moves) == {account: moved[account] for account in totals(())}
        self.earning = change.earning
        return moved


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_a_half_is_rounded_up(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)
    assert -denominator < 2 * (rounded * denominator - numerator) <= denominator


@settings(max_examples=2000, deadline=None)
@given(terms=TERMS, captured=st.integers(1, 10**8), cuts=st.lists(st.integers(1, 10**8), max_size=8), vat=st.data())
def test_refunds_in_parts_add_up_to_the_whole(terms: Terms, captured: int, cuts: list[int], vat: Any) -> None:
    book = Book(an_earning(terms, price=captured, vat_percent=vat.draw(st.sampled_from([0, 5, 7, 22]))))
    book.apply(moves.capture(book.earning, captured, NOW))
    assert 0 <= book.earning.commission <= captured
    left = captured
    for cut in [min(cut, captured) for cut in cuts] + [captured]:
        amount = min(cut, left)
        if not amount:
            break
        moved = book.apply(moves.refund(book.earning, amount))
        left -= amount
        given_back = -moved[Account.PLATFORM] - moved[Account.COMMISSION_TAX]
        assert 0 <= given_back <= amount
        assert moved[Account.PENDING] == given_back - amount
        platform = book.accounts[Account.PLATFORM] + book.accounts[Account.COMMISSION_TAX]
        assert platform == book.earning.commission_now == commission_left(book.earning.commission, captured, left)
        assert book.accounts[Account.PENDING] + platform == left
        assert book.accounts[Account.COMMISSION_TAX] == book.earning.tax(book.earning.commission_now)
        assert book.earning.share == book.accounts[Account.PENDING] == book.earning.pending
    assert not any(book.accounts.values())


@settings(max_examples=1000, deadline=None)
@given(terms=TERMS, captured=st.integers(1, 10**8), steps=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 10**8))))
def test_random_sequences_of_events_keep_the_accounts_balanced(
    terms: Terms, captured: int, steps: list[tuple[int, int]]
) -> None:
    book = Book(an_earning(terms, price=captured))
    book.apply(moves.capture(book.earning, captured, NOW))
    book.apply(moves.complete(book.earning, NOW, NOW - NOW))
    for step, part in steps:
        amount = min(part, book.earning.refundable)
        change: dict[int, Any] = {
            0: lambda: moves.begin_dispute(book.earning, NOW),
            1: lambda: moves.end_dispute(book.earning, NOW),
            2: lambda: moves.clear(book.earning, NOW),
            3: lambda: moves.resume(book.earning, NOW, NOW - NOW),
        }
        if step in change:
            book.apply(change[step]())
        elif step == 4 and (book.accounts[Account.AVAILABLE] > 0 or not book.earning.cleared_at):
            if book.earning.share or not book.earning.cleared_at:
                book.apply(moves.stop(book.earning, "why", NOW, book.accounts[Account.AVAILABLE]))
        elif step == 5 and amount:
            book.apply(moves.refund(replace(book.earning, keeps_commission=part % 2 == 0), amount))
        elif amount:
            book.apply(moves.charge_back(book.earning, amount, "creator" if step == 6 else "platform"))
        earning, accounts = book.earning, book.accounts
        assert (earning.pending, earning.frozen) == (accounts[Account.PENDING], accounts[Account.FROZEN])
        assert min(earning.pending, earning.frozen, earning.refundable) >= 0
        assert accounts[Account.PLATFORM] == earning.commission_now
        own = accounts[Account.PENDING] + accounts[Account.FROZEN] + accounts[Account.AVAILABLE]
        assert own + accounts[Account.PLATFORM] == earning.left - earning.refunded_kept
        assert earning.pending == 0 or not earning.is_frozen
        assert earning.frozen == 0 or earning.is_frozen


def test_twenty_thousand_random_orders_sum_to_zero() -> None:
    random = dice(1)
    for _ in range(size(20_000, 1_000_000)):
        captured = random.randint(1, 10 ** random.randint(1, 8))
        least, most = random.choice([0, 0, 5_000]), random.choice([None, None, 300_000])
        terms = Terms(random.randint(0, 5_000), random.choice([0, 0, 300, 5_000]), least, most)
        book, left = Book(an_earning(terms, price=captured)), captured
        book.apply(moves.capture(book.earning, captured, NOW))
        while left:
            amount = random.randint(1, left) if random.random() < 0.8 else left
            book.apply(moves.refund(book.earning, amount))
            left -= amount
            pending, platform = book.accounts[Account.PENDING], book.accounts[Account.PLATFORM]
            assert min(pending, platform) >= 0
            assert pending + platform == left
        assert not any(book.accounts.values())


def test_the_vat_inside_a_commission() -> None:
    assert [vat_inside(30_000, percent) for percent in (22, 5, 7)] == [5_410, 1_429, 1_963]
    assert vat_inside(20_000, 22) == 3_607


def test_a_capture_of_less_than_the_price_is_the_base_of_the_commission() -> None:
    book = Book(an_earning(Terms(2_000), price=100_000))
    book.apply(moves.capture(book.earning, 70_000, NOW))
    assert (book.earning.commission, book.earning.share) == (14_000, 56_000)


def test_parts_that_are_rounded_alone_would_not_add_up() -> None:
    assert sum(commission_left(3, 7, 7 - part) - commission_left(3, 7, 6 - part) for part in range(7)) == 3
