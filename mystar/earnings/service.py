"""What the orders' events, the clock and the staff do to earnings, and what a creator sees of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from mystar.accounts.model import Actor
from mystar.earnings import model, moves
from mystar.earnings.model import (
    MAX_DEAL_SHARE,
    Account,
    Balance,
    Bearer,
    Change,
    ChargebackTooMuch,
    CreatorUnknown,
    DealCommissionTooSmall,
    DealPaidOut,
    DealShareTooLarge,
    Earning,
    EarningUnknown,
    Entry,
    Kind,
    Mode,
    NextClearing,
    NoDebt,
    NoPrice,
    Quote,
)
from mystar.earnings.repository import EarningRepository
from mystar.earnings.rules.model import Terms
from mystar.earnings.rules.service import RuleService
from mystar.errors import Conflict, Forbidden, NotFound
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Queryable, Tx
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.model import Order, Status
from mystar.orders.shares import CreatorShare
from mystar.payments.model import DealPart, FeeMoment
from mystar.payments.service import PaymentService


@dataclass(frozen=True, slots=True)
class Policy:
    """Section ``[earnings]`` of the configuration.

    :param vat_percent: of the VAT inside the commission; 0 = none.
    :param deal_fee_moment: of safe deals; with "payment_succeeded" their commission stays whatever is refunded.
    :param deal_fee_bp: the provider's fee with its VAT, in basis points, which the commission of a deal must exceed.
    """

    mode: Mode = "balance"
    clearance: timedelta = timedelta(days=14)
    keeps_commission: bool = False
    vat_percent: int = 0
    deal_fee_moment: FeeMoment = "deal_closed"
    deal_fee_bp: int = 0
    debt: timedelta = timedelta(days=60)


#: The clearance is late when something was due for longer.
_OVERDUE = timedelta(hours=1)


class EarningService:
    """Every change of an earning locks it together with the creator's balance and is written in one statement."""

    def __init__(
        self, db: Database, rules: RuleService, clock: Clock, policy: Policy, payments: PaymentService | None = None
    ) -> None:
        """:param payments: told of chargebacks; None = there are none."""
        self._db, self._rules, self._clock, self._policy = db, rules, clock, policy
        self._payments = payments

    # What happens to orders, in the transactions of their events.

    async def freeze_terms(self, tx: Tx, order: Order) -> None:
        """The order is placed: the commission that applies now is its own for good."""
        if order.creator_account_id is None or order.service_id is None:
            return
        await self._add(tx, order.id, order.creator_account_id, order.total_price, order.service_id, order.kind)
        if self._policy.mode == "safe_deal":
            await self._require_possible_deal(tx, order.id)

    async def _require_possible_deal(self, tx: Tx, order_id: int) -> None:
        """:raises DealShareTooLarge: :raises DealCommissionTooSmall:"""
        earning = await EarningRepository(tx).find(order_id)
        assert earning is not None
        if earning.share > MAX_DEAL_SHARE:
            raise DealShareTooLarge
        if earning.commission_now * 10_000 <= earning.price * self._policy.deal_fee_bp:
            raise DealCommissionTooSmall

    # Safe deals, as payments ask for them (`mystar.payments.model.DealTerms`).

    async def deal_part(self, tx: Queryable, order_id: int) -> DealPart | None:
        """None for an order that is no deal."""
        earning = await EarningRepository(tx).find(order_id)
        if earning is None or earning.mode != "safe_deal":
            return None
        limit = earning.share if earning.refunds_share_only else None
        return DealPart(earning.share, earning.deal_fee_moment or "deal_closed", limit)

    async def require_refundable(self, tx: Tx, order_id: int) -> None:
        """Until the end of ``tx`` the share stays in its deal. :raises DealPaidOut: it has left, or is about to."""
        earning = await EarningRepository(tx).lock(order_id)
        if earning is not None and earning.mode == "safe_deal" and earning.cleared_at and not earning.pending:
            raise DealPaidOut

    async def deal_refund_share(self, order_id: int, amount: int) -> int:
        """By how much the creator's part falls when ``amount`` kopecks are refunded. :raises EarningUnknown:"""
        earning = await EarningRepository(self._db).find(order_id)
        if earning is None:
            raise EarningUnknown
        return earning.share - moves.refund(earning, amount).earning.share

    async def capture(
        self, tx: Tx, order_id: int, amount: int, income: int | None = None, deal_id: str | None = None
    ) -> None:
        """The buyer's money is taken.

        :param income: what the provider leaves of it after its fee, which the platform bears; None = not known.
        """
        earning = await EarningRepository(tx).lock(order_id) or await self._of_before(tx, order_id)
        if earning is None:
            return
        now = self._clock.now()
        change = moves.capture(replace(earning, deal_id=deal_id), amount, now)
        change = moves.then(change, moves.acquiring_fee(change.earning, amount if income is None else income))
        await EarningRepository(tx).record(moves.then(change, moves.clear(change.earning, now)), now)

    async def refund(self, tx: Tx, order_id: int, amount: int) -> None:
        await self._change(tx, order_id, lambda earning, _: moves.refund(earning, amount))

    async def complete(self, tx: Tx, order_id: int) -> None:
        """The clearance begins; one of no days ends at once."""

        def completed(earning: Earning, now: datetime) -> Change:
            change = moves.complete(earning, now, self._policy.clearance)
            return moves.then(change, moves.clear(change.earning, now))

        await self._change(tx, order_id, completed)

    async def dispute(self, tx: Tx, order_id: int) -> None:
        await self._change(tx, order_id, moves.begin_dispute)

    async def clear_due(self, batch: int) -> int:
        """Make available what is due, at most ``batch`` earnings; answer how many."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            earnings = EarningRepository(tx)
            due = await earnings.lock_due(now, batch)
            for earning in due:
                await earnings.record(moves.clear(earning, now), now)
        return len(due)

    async def commission(self, tx: Tx, order_id: int) -> int:
        """Kopecks of an order that are the platform's after refunds; 0 when it has no creator."""
        earning = await EarningRepository(tx).find(order_id)
        return earning.commission_now if earning else 0

    # What the staff do. ``by`` None: the operator, at the command line.

    async def adjust(
        self, by: Actor | None, creator_id: int, amount: int, reason: str, *, seen: int | None = None
    ) -> Balance:
        """A bonus, or with a negative ``amount`` a fine.

        :param seen: the creator's newest entry when the form was shown, so that one sent twice counts once; None = any.
        :raises CreatorUnknown: :raises Forbidden: :raises Conflict: there is a newer entry.
        """
        _require_operator(by)
        sides = {Account.AVAILABLE: amount, Account.ADJUSTMENTS: -amount}
        move = moves.move(Kind.ADJUSTMENT, sides, creator_id, note=reason)
        now = self._clock.now()
        async with self._db.transaction() as tx:
            await self._require_balance(tx, creator_id)
            if seen is not None and seen != await EarningRepository(tx).last_entry(creator_id):
                raise Conflict
            balance = await EarningRepository(tx).record_moves(creator_id, [move], now)
            await tx.publish(model.BalanceAdjusted(creator_id, "adjustment", amount, reason, _id(by)))
        return balance

    async def write_off(self, by: Actor | None, creator_id: int, reason: str) -> int:
        """The platform bears a debt; answer how much. :raises NoDebt: :raises CreatorUnknown: :raises Forbidden:"""
        if by is not None and by.role != "owner":
            raise Forbidden
        now = self._clock.now()
        async with self._db.transaction() as tx:
            debt = -(await self._require_balance(tx, creator_id)).available
            if debt <= 0:
                raise NoDebt
            move = moves.move(Kind.WRITE_OFF, {Account.AVAILABLE: debt, Account.LOSSES: -debt}, creator_id, note=reason)
            await EarningRepository(tx).record_moves(creator_id, [move], now)
            await tx.publish(model.BalanceAdjusted(creator_id, "write_off", debt, reason, _id(by)))
        return debt

    async def charge_back(
        self,
        by: Actor | None,
        order_id: int,
        amount: int,
        bearer: Bearer,
        *,
        fee: int = 0,
        note: str = "",
        seen: int | None = None,
    ) -> Earning:
        """A bank took ``amount`` kopecks of an order back, for a ``fee`` that the platform bears.

        :param seen: how many chargebacks of the order the form was shown with; None = any number.
        :raises EarningUnknown: :raises ChargebackTooMuch: :raises RefundUnderWay: :raises Forbidden:
        :raises Conflict: another one was entered since.
        """
        _require_operator(by)

        async def work(tx: Tx) -> Earning:
            if self._payments is not None:
                # First of all, since locks are taken in the order order, payment, earning.
                await self._payments.charge_back(tx, order_id, amount)
            earning = await self._lock(tx, order_id)
            if seen is not None and seen != await EarningRepository(tx).count_chargebacks(order_id):
                raise Conflict
            return await self._charge_back(tx, by, earning, amount, bearer, fee, note)

        return await self._db.retrying(work)

    async def _charge_back(
        self, tx: Tx, by: Actor | None, earning: Earning, amount: int, bearer: Bearer, fee: int, note: str
    ) -> Earning:
        earnings, now, order_id = EarningRepository(tx), self._clock.now(), earning.order_id
        if not 0 < amount <= earning.refundable:
            raise ChargebackTooMuch(earning.refundable)
        change = moves.charge_back(earning, amount, bearer, note)
        if fee:
            sides = {Account.FEES: fee, Account.LOSSES: -fee}
            paid = moves.move(Kind.FEE, sides, earning.creator_id, order_id=order_id, note=note)
            change = moves.then(change, Change(change.earning, (paid,)))
        await earnings.record(change, now)
        await earnings.add_chargeback(
            order_id, amount=amount, bearer=bearer, fee=fee, note=note, entered_by=_id(by), now=now
        )
        await tx.publish(model.ChargedBack(earning.creator_id, order_id, amount, bearer, fee, _id(by)))
        return change.earning

    async def stop(self, by: Actor | None, order_id: int, reason: str) -> Earning:
        """Freeze an order's share, even if it is available already.

        :raises EarningUnknown: :raises EarningCleared: it has left the balance. :raises Forbidden:
        """
        _require_operator(by)
        async with self._db.transaction() as tx:
            earning, now = await self._lock(tx, order_id), self._clock.now()
            balance = await EarningRepository(tx).balance(earning.creator_id)
            change = moves.stop(earning, reason, now, balance.available)
            return await self._record_decision(tx, by, "stop", change, reason)

    async def resume(self, by: Actor | None, order_id: int) -> Earning:
        """End a stop; the clock goes on. :raises EarningUnknown: :raises Forbidden:"""
        resumed = partial(moves.resume, clearance=self._policy.clearance)
        return await self._decide(by, order_id, "resume", resumed)

    async def settle_before(self, by: Actor | None, order_id: int) -> Earning:
        """Say that the creator was paid before there were earnings. :raises NotFromBefore: :raises Forbidden:"""
        return await self._decide(by, order_id, "paid_before", moves.paid_before)

    async def debts(self) -> list[Balance]:
        """Balances that have been negative for longer than the policy says, the oldest first."""
        return await EarningRepository(self._db).debts(self._clock.now() - self._policy.debt, 1000)

    # What can be seen.

    async def quote(self, actor: Actor, service_id: int, price: int | None = None) -> Quote:
        """What would become of ``price`` kopecks, or of the service's own price.

        :raises NotFound: not a service of the actor's. :raises NoPrice: it has none.
        """
        service = await EarningRepository(self._db).service_to_quote(actor.id, service_id)
        if service is None:
            raise NotFound
        amount = service["base_price"] if price is None else price
        if amount is None:
            raise NoPrice
        rule = await self._rules.choose(self._db, service_id, service["kind"], amount)
        commission = (rule.terms if rule else Terms()).commission(amount)
        return Quote(amount, commission, amount - commission)

    async def entries(
        self, creator_id: int, page: PageRequest, *, since: datetime | None, until: datetime | None, kind: str | None
    ) -> Page[Entry]:
        """Newest first."""
        found, count = await EarningRepository(self._db).entries(
            creator_id, since=since, until=until, kind=kind, offset=page.offset, limit=page.size
        )
        return Page(found, count)

    async def balance(self, creator_id: int) -> tuple[Balance, NextClearing | None]:
        """Zeros for an account that has sold nothing."""
        earnings = EarningRepository(self._db)
        return await earnings.balance(creator_id), await earnings.next_clearing(creator_id)

    async def shares(self, creator_id: int, order_ids: Sequence[int]) -> dict[int, CreatorShare]:
        """What those of the orders that this account sold bring it."""
        found = await EarningRepository(self._db).of_orders(creator_id, order_ids)
        return {one.order_id: CreatorShare(one.commission_now, one.share, one.clears_at) for one in found}

    async def of_order(self, order_id: int) -> Earning | None:
        """For the staff. None: the order has no creator."""
        return await EarningRepository(self._db).find(order_id)

    async def recount(self) -> list[Difference]:
        """Where earnings and balances disagree with their entries, the frozen terms, or the payments' ledger."""
        return await EarningRepository(self._db).differences(self._clock.now() - _OVERDUE)

    # The common part.

    async def _add(self, tx: Tx, order_id: int, creator_id: int, price: int, service_id: int | None, kind: str) -> None:
        """Without a ``service_id`` there is no commission."""
        moment = self._policy.deal_fee_moment if self._policy.mode == "safe_deal" else None
        await EarningRepository(tx).add(
            order_id=order_id,
            creator_id=creator_id,
            mode=self._policy.mode,
            service_id=service_id,
            kind=kind,
            vat_percent=self._policy.vat_percent,
            keeps_commission=self._policy.keeps_commission or moment == "payment_succeeded",
            deal_fee_moment=moment,
            price=price,
            now=self._clock.now(),
        )

    async def _of_before(self, tx: Tx, order_id: int) -> Earning | None:
        """The earning of an order that code of before placed while this one was rolled out: without a commission."""
        earnings, now = EarningRepository(tx), self._clock.now()
        order = await earnings.order_to_earn(order_id)
        if order is None:
            return None
        await self._add(tx, order_id, order["creator_id"], order["total_price"], None, "")
        earning = await self._lock(tx, order_id)
        if order["status"] == Status.DISPUTED:
            return moves.begin_dispute(earning, now).earning
        if order["completed_at"]:
            return moves.complete(earning, now, self._policy.clearance).earning
        return earning

    async def _lock(self, tx: Tx, order_id: int) -> Earning:
        earning = await EarningRepository(tx).lock(order_id)
        if earning is None:
            raise EarningUnknown
        return earning

    async def _change(self, tx: Tx, order_id: int, rule: Callable[[Earning, datetime], Change]) -> None:
        """None for an order without a creator."""
        earning, now = await EarningRepository(tx).lock(order_id), self._clock.now()
        if earning is not None:
            await EarningRepository(tx).record(rule(earning, now), now)

    async def _decide(
        self,
        by: Actor | None,
        order_id: int,
        what: str,
        rule: Callable[[Earning, datetime], Change],
    ) -> Earning:
        _require_operator(by)
        async with self._db.transaction() as tx:
            change = rule(await self._lock(tx, order_id), self._clock.now())
            return await self._record_decision(tx, by, what, change)

    async def _record_decision(self, tx: Tx, by: Actor | None, what: str, change: Change, reason: str = "") -> Earning:
        earning = change.earning
        await EarningRepository(tx).record(change, self._clock.now())
        await tx.publish(model.EarningDecided(earning.creator_id, earning.order_id, what, reason, _id(by)))
        return earning

    async def _require_balance(self, tx: Queryable, creator_id: int) -> Balance:
        balance = await EarningRepository(tx).open_balance(creator_id, self._clock.now())
        if balance is None:
            raise CreatorUnknown
        return balance


def _require_operator(by: Actor | None) -> None:
    if by is not None and not by.may_operate:
        raise Forbidden


def _id(by: Actor | None) -> int | None:
    return by.id if by else None
