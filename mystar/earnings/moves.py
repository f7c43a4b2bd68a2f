"""The moves that events bring, as pure functions: from an earning before the event to the one after it, and entries.

The service adds both in the transaction of the event.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mystar.earnings.model import (
    Account,
    Bearer,
    Change,
    Earning,
    EarningCleared,
    Kind,
    Move,
    NotFromBefore,
    Outcome,
    Side,
    totals,
)

#: The note of the provider's fee for taking a payment.
ACQUIRING = "acquiring"


def capture(earning: Earning, amount: int, now: datetime) -> Change:
    """The buyer's money is taken. What is already completed may clear at once: see `clear`."""
    commission = earning.terms.commission(amount)
    tax, share = earning.tax(commission), amount - commission
    where = Account.FROZEN if earning.is_frozen else Account.PENDING
    sides = {
        Account.BUYERS: -amount,
        where: share,
        Account.PLATFORM: commission - tax,
        Account.COMMISSION_TAX: tax,
    }
    changed = replace(earning, captured=amount, commission=commission, captured_at=now)
    changed = replace(changed, **{str(where): getattr(earning, where) + share})
    return Change(changed, (_move(Kind.CAPTURE, earning, sides),))


def deal_payout(earning: Earning, payout_id: int, now: datetime) -> Change:
    """The share of a deal is on its way by a payout of its own; no other money is netted with it."""
    sides = {Account.PENDING: -earning.pending, Account.RESERVED: earning.pending}
    paid = move(Kind.PAYOUT, sides, earning.creator_id, order_id=earning.order_id, payout_id=payout_id)
    return Change(replace(earning, pending=0, cleared_at=now), (paid,))


def deal_payout_failed(earning: Earning, amount: int, payout_id: int) -> Change:
    """What a failed payout made available goes back to the order, whose deal still holds it."""
    sides = {Account.AVAILABLE: -amount, Account.PENDING: amount}
    back = move(Kind.PAYOUT_FAILED, sides, earning.creator_id, order_id=earning.order_id, payout_id=payout_id)
    return Change(replace(earning, pending=earning.pending + amount, cleared_at=None), (back,))


def acquiring_fee(earning: Earning, income: int) -> Change:
    """What the provider keeps of the capture; a refund does not bring it back."""
    fee = earning.captured - income
    if fee <= 0:
        return Change(earning)
    return Change(earning, (_move(Kind.FEE, earning, {Account.FEES: fee, Account.LOSSES: -fee}, ACQUIRING),))


def refund(earning: Earning, amount: int, note: str = "") -> Change:
    """``amount`` kopecks went back to the buyer: each side gives its part, the creator all of it where the commission
    is kept."""
    if earning.keeps_commission:
        changed, platform, tax = replace(earning, refunded_kept=earning.refunded_kept + amount), 0, 0
    else:
        changed = replace(earning, refunded=earning.refunded + amount)
        platform, tax = _given_back(earning, changed)
    return _take_back(Kind.REFUND, earning, changed, Account.BUYERS, amount, platform, tax, note)


def charge_back(earning: Earning, amount: int, bearer: Bearer, note: str = "") -> Change:
    """A bank took ``amount`` kopecks back. Either way that much less can be refunded."""
    if bearer == "platform":
        changed = replace(earning, charged_back_platform=earning.charged_back_platform + amount)
        sides = {Account.CHARGEBACKS: amount, Account.LOSSES: -amount}
        return Change(changed, (_move(Kind.CHARGEBACK, earning, sides, note),))
    changed = replace(earning, charged_back=earning.charged_back + amount)
    platform, tax = _given_back(earning, changed)
    return _take_back(Kind.CHARGEBACK, earning, changed, Account.CHARGEBACKS, amount, platform, tax, note)


def complete(earning: Earning, now: datetime, clearance: timedelta) -> Change:
    """The work is done: the clearance begins. A dispute that ends this way ends for the earning, too."""
    settled, moves = end_dispute(earning, now)
    paused_at = now if settled.is_frozen else None
    return Change(replace(settled, completed_at=now, clears_at=_shown(now + clearance), paused_at=paused_at), moves)


def then(change: Change, following: Change) -> Change:
    """Both, one after the other: ``following`` was made from the earning of ``change``."""
    return Change(following.earning, (*change.moves, *following.moves))


def clear(earning: Earning, now: datetime) -> Change:
    """Make the share available once it is due; nothing before that, or while it is frozen."""
    if earning.mode == "safe_deal":
        # It leaves by a payout of its own.
        return Change(earning)
    if earning.clears_at is None or earning.clears_at > now or earning.is_frozen or not earning.captured_at:
        return Change(earning)
    cleared = replace(earning, cleared_at=earning.cleared_at or now, pending=0)
    if not earning.pending:
        return Change(cleared)
    sides = {Account.PENDING: -earning.pending, Account.AVAILABLE: earning.pending}
    return Change(cleared, (_move(Kind.CLEARANCE, earning, sides),))


def begin_dispute(earning: Earning, now: datetime) -> Change:
    return _freeze(earning, replace(earning, is_disputed=True), now)


def end_dispute(earning: Earning, now: datetime) -> Change:
    """What the parties disputed clears again, unless the staff have stopped it."""
    return _unfreeze(earning, replace(earning, is_disputed=False), now)


def stop(earning: Earning, reason: str, now: datetime, available: int) -> Change:
    """The staff freeze the share, wherever it is.

    :param available: the creator's balance. Of a share that has cleared, no more is frozen than is still there (D67).
    :raises EarningCleared: nothing of it is.
    """
    stopped = replace(earning, stop_reason=reason)
    if not earning.cleared_at or earning.is_frozen:
        return _freeze(earning, stopped, now)
    amount = min(earning.share, available)
    if earning.mode == "safe_deal" or amount <= 0:
        raise EarningCleared
    sides = {Account.AVAILABLE: -amount, Account.FROZEN: amount}
    return Change(replace(stopped, frozen=amount, paused_at=now), (_move(Kind.FREEZE, earning, sides),))


def resume(earning: Earning, now: datetime, clearance: timedelta) -> Change:
    """The staff end their stop. What is from before there were earnings clears anew from now."""
    started = earning
    if earning.stop_reason == "before" and earning.completed_at:
        started = replace(earning, clears_at=_shown(now + clearance), paused_at=now)
    return _unfreeze(started, replace(started, stop_reason=None), now)


def paid_before(earning: Earning, now: datetime) -> Change:
    """The staff say that the share was paid to the creator before there were earnings.

    :raises NotFromBefore:
    """
    if earning.stop_reason != "before":
        raise NotFromBefore
    settled = replace(earning, stop_reason=None, paused_at=None, frozen=0, cleared_at=now)
    sides = {Account.FROZEN: -earning.frozen, Account.PAID: earning.frozen}
    return Change(settled, (_move(Kind.PAID_BEFORE, earning, sides),) if earning.frozen else ())


# What a decision would do, before it is made.


def outcome_of_capture(earning: Earning, amount: int) -> Outcome:
    """What is held is taken, or was."""
    if earning.captured_at:
        return outcome_of_refund(earning, 0, 0)
    commission = earning.terms.commission(amount)
    return Outcome(0, amount - commission, commission)


def outcome_of_refund(earning: Earning, amount: int, available: int) -> Outcome:
    """``amount`` kopecks go back to the buyer.

    :param available: the creator's balance.
    """
    change = refund(earning, amount)
    after = change.earning
    taken = {account: -moved for account, moved in totals(change.moves).items()}
    from_balance = max(0, taken[Account.AVAILABLE])
    return Outcome(
        buyer=after.captured - after.refundable,
        creator=after.share,
        platform=after.commission_now,
        from_creator=sum(max(0, taken[one]) for one in (Account.FROZEN, Account.PENDING, Account.AVAILABLE)),
        debt=max(0, from_balance - max(0, available)),
    )


def _given_back(before: Earning, after: Earning) -> tuple[int, int]:
    """The platform's part of what goes back, and the VAT in it."""
    kept, left = before.commission_now, after.commission_now
    return kept - left, before.tax(kept) - after.tax(left)


def _take_back(
    kind: Kind, before: Earning, changed: Earning, to: Account, amount: int, platform: int, tax: int, note: str
) -> Change:
    """The creator's part comes from where the order's money is; what is not there any more becomes a debt."""
    share = amount - platform
    frozen = min(before.frozen, share)
    pending = min(before.pending, share - frozen)
    sides = {
        to: amount,
        Account.FROZEN: -frozen,
        Account.PENDING: -pending,
        Account.AVAILABLE: -(share - frozen - pending),
        Account.PLATFORM: -(platform - tax),
        Account.COMMISSION_TAX: -tax,
    }
    changed = replace(changed, frozen=before.frozen - frozen, pending=before.pending - pending)
    return Change(changed, (_move(kind, before, sides, note),))


def _freeze(before: Earning, changed: Earning, now: datetime) -> Change:
    if before.is_frozen:
        return Change(changed)
    changed = replace(changed, paused_at=now, frozen=before.frozen + before.pending, pending=0)
    sides = {Account.PENDING: -before.pending, Account.FROZEN: before.pending}
    return Change(changed, (_move(Kind.FREEZE, before, sides),) if before.pending else ())


def _unfreeze(before: Earning, changed: Earning, now: datetime) -> Change:
    """The clock goes on from where it stood; what had cleared before it was frozen is available again."""
    if changed.is_frozen or not before.is_frozen:
        return Change(changed)
    if before.cleared_at:
        sides = {Account.FROZEN: -before.frozen, Account.AVAILABLE: before.frozen}
        thawed = replace(changed, frozen=0, paused_at=None)
        return Change(thawed, (_move(Kind.UNFREEZE, before, sides),) if before.frozen else ())
    clears_at = changed.clears_at
    if clears_at and before.paused_at:
        clears_at = _shown(clears_at + (now - before.paused_at))
    changed = replace(changed, clears_at=clears_at, paused_at=None, frozen=0, pending=before.pending + before.frozen)
    sides = {Account.FROZEN: -before.frozen, Account.PENDING: before.frozen}
    return Change(changed, (_move(Kind.UNFREEZE, before, sides),) if before.frozen else ())


def _shown(moment: datetime) -> datetime:
    """The second that the API shows, so that nothing clears later than it says."""
    return moment.replace(microsecond=0)


def _move(kind: Kind, earning: Earning, sides: dict[Account, int], note: str = "") -> Move:
    return move(kind, sides, earning.creator_id, order_id=earning.order_id, note=note)


def move(
    kind: Kind,
    sides: dict[Account, int],
    creator_id: int,
    *,
    order_id: int | None = None,
    payout_id: int | None = None,
    part_id: int | None = None,
    note: str = "",
) -> Move:
    """A move without its empty sides."""
    found = tuple(Side(account, amount) for account, amount in sides.items() if amount)
    return Move(kind, found, creator_id, order_id, payout_id, part_id, note)
