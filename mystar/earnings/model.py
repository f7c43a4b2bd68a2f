"""What an order earns its creator: the terms frozen on it, accounts and their entries, balances, and refusals."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from mystar.earnings.rules.model import Terms, commission_left, vat_inside
from mystar.errors import Conflict, Invalid, NotFound, Text
from mystar.kit.money import told_rubles
from mystar.payments.model import FeeMoment

Mode = Literal["balance", "safe_deal"]
Bearer = Literal["creator", "platform"]


#: Kopecks that the provider pays out of a safe deal at most.
MAX_DEAL_SHARE = 15_000_000


class Account(StrEnum):
    """Claims are positive; BUYERS, FEES and CHARGEBACKS are outside, so that every move sums to zero."""

    BUYERS = "buyers"
    PENDING = "pending"
    FROZEN = "frozen"
    AVAILABLE = "available"
    RESERVED = "reserved"
    PAID = "paid"
    PLATFORM = "platform"
    COMMISSION_TAX = "commission_tax"
    FEES = "fees"
    LOSSES = "losses"
    CHARGEBACKS = "chargebacks"
    ADJUSTMENTS = "adjustments"


#: The creator's own accounts: what they see, and the columns of their balance.
OWN = (Account.PENDING, Account.FROZEN, Account.AVAILABLE, Account.RESERVED, Account.PAID)


class Kind(StrEnum):
    """Why money moved."""

    CAPTURE = "capture"
    CLEARANCE = "clearance"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    FEE = "fee"
    ADJUSTMENT = "adjustment"
    WRITE_OFF = "write_off"
    PAID_BEFORE = "paid_before"
    PAYOUT = "payout"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_FAILED = "payout_failed"
    PAYOUT_CANCELLED = "payout_cancelled"
    PAYOUT_RETURNED = "payout_returned"


class Side(NamedTuple):
    account: Account
    amount: int


@dataclass(frozen=True, slots=True)
class Move:
    """Entries that belong together and sum to zero."""

    kind: Kind
    sides: tuple[Side, ...]
    creator_id: int
    order_id: int | None = None
    payout_id: int | None = None
    part_id: int | None = None
    note: str = ""
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a creator's account. ``amount`` is signed, in kopecks."""

    id: int
    at: datetime
    kind: Kind
    account: Account
    amount: int
    order_id: int | None
    payout_id: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What a creator has, in kopecks. ``available`` may be negative: a debt.

    :param stop_reason: why nothing is paid out until the staff say so; None = nothing stands in the way.
    """

    creator_id: int
    pending: int = 0
    frozen: int = 0
    available: int = 0
    reserved: int = 0
    paid: int = 0
    negative_since: datetime | None = None
    stop_reason: str | None = None
    stopped_at: datetime | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class NextClearing:
    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A creator's balance with what comes next. ``paused``: the code of what stands in the way of a payout."""

    balance: Balance
    next_clearing: NextClearing | None
    next_payout: date | None
    paused: str | None


@dataclass(frozen=True, slots=True)
class Earning:
    """What one order earns. Amounts are kopecks.

    :param commission: on all that was captured, before refunds.
    :param refunded: what went back together with its part of the commission; ``refunded_kept``: without it.
    :param charged_back: by a bank, at the creator's expense; ``charged_back_platform``: at the platform's.
    :param pending: the creator's share that is still clearing; ``frozen``: that is disputed or stopped.
    :param stop_reason: the staff stopped it; "before": it is from before there were earnings.
    :param deal_fee_moment: of a safe deal, when the platform's part leaves it.
    :param paused_at: since when the clock of the clearance stands.
    """

    order_id: int
    creator_id: int
    mode: Mode
    deal_id: str | None
    deal_fee_moment: FeeMoment | None
    rule_id: int | None
    percent_bp: int
    fixed: int
    min_amount: int
    max_amount: int | None
    vat_percent: int
    keeps_commission: bool
    price: int
    captured: int
    commission: int
    refunded: int
    refunded_kept: int
    charged_back: int
    charged_back_platform: int
    pending: int
    frozen: int
    captured_at: datetime | None
    completed_at: datetime | None
    clears_at: datetime | None
    cleared_at: datetime | None
    is_disputed: bool
    stop_reason: str | None
    paused_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def terms(self) -> Terms:
        return Terms(self.percent_bp, self.fixed, self.min_amount, self.max_amount)

    @property
    def is_frozen(self) -> bool:
        return self.is_disputed or self.stop_reason is not None

    @property
    def left(self) -> int:
        """Of what was captured, the part that still counts for the commission."""
        return self.captured - self.refunded - self.charged_back

    @property
    def refundable(self) -> int:
        """What has not gone back in any way."""
        return self.left - self.refunded_kept - self.charged_back_platform

    @property
    def can_go_back(self) -> int:
        """What a refund may return. Of a deal whose commission stays that is the creator's part, which is all that a
        refund can take from it."""
        return min(self.refundable, max(self.share, 0)) if self.refunds_share_only else self.refundable

    @property
    def refunds_share_only(self) -> bool:
        return self.mode == "safe_deal" and self.keeps_commission

    @property
    def commission_now(self) -> int:
        """The commission after refunds; the expected one before the capture."""
        if not self.captured_at:
            return self.terms.commission(self.price)
        return commission_left(self.commission, self.captured, self.left)

    @property
    def share(self) -> int:
        """What is, or will be, the creator's."""
        if not self.captured_at:
            return self.price - self.commission_now
        return self.left - self.refunded_kept - self.commission_now

    def tax(self, commission: int) -> int:
        """The VAT inside a commission."""
        return vat_inside(commission, self.vat_percent) if self.vat_percent else 0


class Change(NamedTuple):
    """The earning as an event leaves it, and the moves that the event brings."""

    earning: Earning
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the money of an order would be divided after a decision, in kopecks.

    :param buyer: all that has gone back, and goes back by the decision. :param creator: the share that is left.
    :param platform: the commission that is left. :param from_creator: what the decision takes from the creator's share.
    :param debt: the part of that which the creator has been paid already and will owe.
    """

    buyer: int
    creator: int
    platform: int
    from_creator: int = 0
    debt: int = 0


def totals(moves: Sequence[Move]) -> dict[Account, int]:
    """What the moves change in the creator's own accounts."""
    changed = dict.fromkeys(OWN, 0)
    for one in moves:
        for side in one.sides:
            if side.account in changed:
                changed[side.account] += side.amount
    return changed


class Quote(NamedTuple):
    """What would become of a price."""

    price: int
    commission: int
    share: int


# What can be refused.


class DealShareTooLarge(Conflict):
    """An order is placed as a safe deal whose share is above what the provider pays out of one."""

    code = "deal_share_too_large"
    text = Text(
        "Такой дорогой заказ нельзя оформить: исполнитель не сможет получить больше 150 000 ₽ за раз.",
        "An order this large cannot be placed: its creator could not be paid more than 150,000 RUB at once.",
    )


class DealCommissionTooSmall(Conflict):
    """An order is placed as a safe deal whose commission does not cover the provider's fee."""

    code = "deal_commission_too_small"
    text = Text(
        "Такой заказ нельзя оформить: комиссия площадки не покрывает платёжную.",
        "This order cannot be placed: the platform's commission does not cover the payment provider's.",
    )


class DealPaidOut(Conflict):
    """A refund is wanted of an order whose safe deal is paid out, or whose payout has been asked for."""

    code = "deal_paid_out"
    text = Text(
        "Деньги за этот заказ уже уходят исполнителю: вернуть их через сделку нельзя.",
        "The money of this order is on its way to its creator: it cannot be refunded from the deal.",
    )


class EarningUnknown(NotFound):
    """No such order, or one without a creator."""

    code = "earning_unknown"
    text = Text("У этого заказа нет начислений.", "This order earns nothing.")


class CreatorUnknown(NotFound):
    """A balance of an account that does not exist is to be changed."""

    code = "earner_unknown"
    text = Text("Такого креатора нет.", "There is no such creator.")


class EarningCleared(Conflict):
    """A share is to be frozen of which nothing is on the creator's balance any more."""

    code = "earning_cleared"
    text = Text(
        "Замораживать нечего: деньги за этот заказ уже ушли с баланса. Можно остановить выплаты.",
        "There is nothing to freeze: the money of this order has left the balance. Payouts can be stopped.",
    )


class NotFromBefore(Conflict):
    """An order that has entries of its own is to be marked as paid before there were any."""

    code = "earning_not_from_before"
    text = Text(
        "Так можно закрыть только заказы, оплаченные до появления начислений.",
        "Only orders captured before there were earnings can be settled this way.",
    )


class NoDebt(Conflict):
    """A debt is to be written off, and the balance is not negative."""

    code = "no_debt"
    text = Text("Списывать нечего: долга нет.", "There is no debt to write off.")


class ChargebackTooMuch(Invalid):
    """``left``: what can still be charged back, in rubles as text."""

    code = "chargeback_too_much"
    text = Text("Больше, чем осталось от платежа: {left}.", "More than is left of the payment: {left}.")

    def __init__(self, left: int) -> None:
        amount = told_rubles(left)
        super().__init__(fields={"amount": [self.text.filled(left=amount)]}, left=amount)


class NoPrice(Invalid):
    """A quote without a price, for a service without one."""

    code = "price_needed"
    text = Text("У этой услуги нет цены: укажите её.", "This service has no price: name one.")

    def __init__(self) -> None:
        super().__init__(fields={"price": [self.text]})


# Facts. Each is published in the transaction that makes it true; ``by`` is the account of a member of the staff, None
# the operator at the command line.


@dataclass(frozen=True, slots=True)
class BalanceAdjusted:
    """``what`` is "adjustment" or "write_off" of so many kopecks."""

    creator_id: int
    what: str
    amount: int
    reason: str
    by: int | None


@dataclass(frozen=True, slots=True)
class ChargedBack:
    creator_id: int
    order_id: int
    amount: int
    bearer: Bearer
    fee: int
    by: int | None


@dataclass(frozen=True, slots=True)
class EarningDecided:
    """``what`` is "stop", "resume" or "paid_before"."""

    creator_id: int
    order_id: int
    what: str
    reason: str
    by: int | None
