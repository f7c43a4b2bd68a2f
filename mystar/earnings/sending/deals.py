"""Payouts of safe deals: each order's share leaves by a payout of its own, from its deal."""

from __future__ import annotations

import logging

from mystar.earnings import moves
from mystar.earnings.details.model import Details
from mystar.earnings.details.repository import DetailsRepository
from mystar.earnings.model import Earning
from mystar.earnings.payouts.model import Payout, PayoutMoved, Status
from mystar.earnings.payouts.repository import PayoutRepository
from mystar.earnings.repository import EarningRepository
from mystar.earnings.sending.repository import SendingRepository
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Tx

log = logging.getLogger(__name__)

_BATCH = 100
#: Safe deals pay to cards and wallets only.
_KINDS = ("card", "wallet")
_FAILED = (str(Status.FAILED), str(Status.CANCELLED))


class DealPayouts:
    """Asks for the payouts of deals whose clearance is over; any number of processes may run it at once.

    :param approve_above: kopecks; larger payouts, and the first to new details, wait for staff.
    """

    def __init__(self, db: Database, clock: Clock, *, approve_above: int) -> None:
        self._db, self._clock, self._approve_above = db, clock, approve_above

    def listen(self, events: Events) -> None:
        events.on(PayoutMoved, self._keep_in_deal)

    async def run(self) -> int:
        """Ask for what is due; answer how many payouts. :raises Unavailable: the database is away."""
        asked, after = 0, None
        while due := await SendingRepository(self._db).due_deals(self._clock.now(), after, _BATCH):
            for _, order_id in due:
                async with self._db.transaction() as tx:
                    asked += await self._ask(tx, order_id)
            after = due[-1]
        if asked:
            log.info("payouts of %s safe deals were asked for", asked)
        return asked

    async def _ask(self, tx: Tx, order_id: int) -> bool:
        earning, now = await EarningRepository(tx).lock(order_id), self._clock.now()
        if earning is None or not earning.pending or earning.is_frozen or earning.deal_id is None:
            return False
        # What a payout takes out of the deal could not be refunded any more.
        if await SendingRepository(tx).refund_is_under_way(order_id):
            return False
        details = await self._usable_details(tx, earning)
        if details is None:
            return False
        payout = await self._add(tx, earning, details)
        await EarningRepository(tx).record(moves.deal_payout(earning, payout.id, now), now)
        await tx.publish(PayoutMoved(payout, "requested", "", None))
        if payout.status is Status.APPROVED:
            await tx.publish(PayoutMoved(payout, str(Status.APPROVED), "", None))
        return True

    async def _usable_details(self, tx: Tx, earning: Earning) -> Details | None:
        """None: there are none, they are too new, or the deal cannot be paid to them; a creator may be stopped, too."""
        details, now = await DetailsRepository(tx).current(earning.creator_id), self._clock.now()
        if details is None or details.kind not in _KINDS or details.usable_at > now:
            return None
        balance = await EarningRepository(tx).balance(earning.creator_id)
        if balance.stop_reason or not await PayoutRepository(tx).is_active(earning.creator_id):
            return None
        failed_at = await SendingRepository(tx).last_failure(earning.order_id)
        return None if failed_at is not None and details.created_at <= failed_at else details

    async def _add(self, tx: Tx, earning: Earning, details: Details) -> Payout:
        is_known = details.confirmed_at is not None and earning.pending <= self._approve_above
        payouts = PayoutRepository(tx)
        payout_id = await payouts.add(
            earning.creator_id,
            [earning.pending],
            details_id=details.id,
            provider="yookassa",
            status=Status.APPROVED if is_known else Status.REQUESTED,
            requested_by=None,
            now=self._clock.now(),
        )
        await SendingRepository(tx).set_order(payout_id, earning.order_id)
        return await payouts.get(payout_id)

    async def _keep_in_deal(self, tx: Tx, event: PayoutMoved) -> None:
        """The deal still holds what could not be paid: it is not available for anything else."""
        order_id = event.payout.order_id
        if order_id is None or event.what not in _FAILED:
            return
        earnings, now = EarningRepository(tx), self._clock.now()
        earning = await earnings.lock(order_id)
        if earning is not None:
            await earnings.record(moves.deal_payout_failed(earning, event.payout.amount, event.payout.id), now)
