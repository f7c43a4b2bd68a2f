"""What approval, the provider's answers and staff do to payouts that go through a provider."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from mystar.earnings.details.model import Bank
from mystar.earnings.details.repository import DetailsRepository
from mystar.earnings.details.service import DetailsService
from mystar.earnings.payouts.model import Approver, PayoutMoved, PayoutUnknown, PayoutWrongTime, Status
from mystar.earnings.payouts.provider import Destination, ProviderPayout
from mystar.earnings.payouts.repository import PayoutRepository
from mystar.earnings.payouts.service import PayoutService
from mystar.earnings.repository import EarningRepository
from mystar.earnings.sending.lookup import find
from mystar.earnings.sending.model import (
    DETAILS_AT_FAULT,
    OUT_OF_FUNDS,
    STATUSES,
    NotProvenAbsent,
    PayoutQueueResumed,
    PayoutQueueStopped,
    PayoutUnclear,
    Providers,
    QueueState,
    QueueStop,
    ToSend,
)
from mystar.earnings.sending.repository import SendingRepository
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.payments.provider import ProviderError

TOPIC = "payouts"
_OPEN = (Status.SENDING, Status.PENDING, Status.UNKNOWN)


class PayoutSending:
    """Moves parts by the provider's answers. No call of the provider is made inside a transaction.

    :param poll: between two looks at a payout that is pending.
    """

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        payouts: PayoutService,
        details: DetailsService,
        providers: Providers,
        clock: Clock,
        *,
        poll: timedelta,
    ) -> None:
        self._db, self._outbox, self._payouts, self._details = db, outbox, payouts, details
        self._providers, self._clock, self.poll = providers, clock, poll
        self._banks: tuple[Bank, ...] = ()

    def listen(self, events: Events) -> None:
        events.on(PayoutMoved, self._queue_approved)

    # On the way to the provider.

    async def begin(self, part_id: int) -> ToSend | None:
        """Mark an approved part as sent, in a transaction of its own; None when it must not be sent now, or has ended.

        A part that was marked before is answered as it is: its call may have been made.
        """
        async with self._db.transaction() as tx:
            item = await self._lock(tx, part_id)
            if item.part.status is not Status.APPROVED:
                return item if item.part.status in _OPEN else None
            balance = await EarningRepository(tx).balance(item.payout.creator_id)
            if balance.stop_reason or (await SendingRepository(tx).queue_state()).stopped_for:
                return None
            await self._payouts.move_parts(tx, item.payout, [item.part], Status.SENDING)
            return await self._lock(tx, part_id)

    async def deal_of(self, item: ToSend) -> str | None:
        """The safe deal that the payout is made from; None = the payout balance."""
        order_id = item.payout.order_id
        return None if order_id is None else await SendingRepository(self._db).deal_of_order(order_id)

    async def destination(self, item: ToSend) -> Destination:
        """Where the money goes, in clear. :raises PayoutUnknown: its details are gone."""
        details = await DetailsRepository(self._db).get(item.payout.details_id)
        if details is None:
            raise PayoutUnknown
        return Destination(details.kind, self._details.open(details))

    # What the provider answered.

    async def apply(self, part_id: int, found: ProviderPayout) -> Status:
        """Make the provider's payout our truth; the part's status after it. The same answer again changes nothing."""
        async with self._db.transaction() as tx:
            item = await self._lock(tx, part_id)
            if item.part.status not in _OPEN:
                return item.part.status
            if reason := item.mismatch(found):
                return await self._unclear(tx, item, f"{reason}: {found.id}")
            status = STATUSES[found.status]
            if status is not item.part.status:
                await self._move(tx, item, status, found)
            return status

    async def refused(self, part_id: int, reason: str) -> None:
        """The provider did nothing and would do nothing again: the money is available."""
        async with self._db.transaction() as tx:
            item = await self._lock(tx, part_id)
            if item.part.status in _OPEN:
                await self._payouts.move_parts(tx, item.payout, [item.part], Status.FAILED, reason=reason)

    async def unclear(self, part_id: int, reason: str) -> None:
        """No usable answer came: the provider may have made the payout."""
        async with self._db.transaction() as tx:
            item = await self._lock(tx, part_id)
            if item.part.status is Status.SENDING:
                await self._unclear(tx, item, reason)

    async def key_forgotten(self, part_id: int) -> None:
        """The call cannot be repeated any more, and the provider does not have the payout: staff decide."""
        async with self._db.transaction() as tx:
            item = await self._lock(tx, part_id)
            if item.part.status is Status.SENDING:
                await self._unclear(tx, item, "key_forgotten")
            await tx.publish(PayoutUnclear(item.payout.id, part_id, is_lasting=True))

    async def stop_queue(self, reason: QueueStop) -> None:
        async with self._db.transaction() as tx:
            await self._stop_queue(tx, reason)

    # Staff, and notifications.

    async def banks(self) -> Sequence[Bank]:
        """Members of SBP as the provider lists them, read once in a process; empty while it does not answer."""
        if not self._banks:
            try:
                listed = await self._providers.balance.banks()
            except ProviderError:
                return ()
            self._banks = tuple(Bank(one.id, one.name, one.bic) for one in listed)
        return self._banks

    async def queue_state(self) -> QueueState:
        return await SendingRepository(self._db).queue_state()

    async def resume_queue(self, by: Approver) -> None:
        """Send payouts again, once the balance is funded or the credentials are mended."""
        async with self._db.transaction() as tx:
            await SendingRepository(tx).resume_queue()
            await tx.publish(PayoutQueueResumed(by.name, by.account_id))

    async def send_again(self, by: Approver, part_id: int) -> None:
        """Begin another attempt for a part whose outcome is unknown, under another key.

        :raises PayoutUnknown: there is no such part. :raises PayoutWrongTime: its outcome is known.
        :raises NotProvenAbsent: the provider has the payout, or may still make it.
        :raises ProviderError: it cannot be asked.
        """
        item = await self.item(part_id)
        if item.part.status is not Status.UNKNOWN:
            raise PayoutWrongTime(status=str(item.part.status))
        found = await find(self._providers.of(item), item)
        if found is not None:
            await self.apply(part_id, found)
        if found is not None or item.may_repeat(self._clock.now()):
            raise NotProvenAbsent
        async with self._db.transaction() as tx:
            locked = await self._lock(tx, part_id)
            if locked.part.status is not Status.UNKNOWN or locked.part.attempt != item.part.attempt:
                raise PayoutWrongTime(status=str(locked.part.status))
            await SendingRepository(tx).begin_attempt(part_id, self._clock.now())
            again = await self._lock(tx, part_id)
            await self._payouts.move_parts(tx, again.payout, [again.part], Status.SENDING, by=by)
            await self._put(tx, again)

    async def notified(self, provider_id: str, part_id: int | None) -> None:
        """A notification names a payout. Nothing in it is believed: the payout is read again, if it may be ours.

        :raises ProviderError: it cannot be read.
        """
        repository = SendingRepository(self._db)
        known = await repository.part_of_provider(provider_id) or part_id
        if known is None:
            return
        item = await self.item(known)
        if item.part.status in _OPEN and item.part.provider_id in (None, provider_id):
            found = await self._providers.of(item).get_payout(provider_id)
            if item.mismatch(found) is None:
                await self.apply(known, found)

    async def item(self, part_id: int) -> ToSend:
        """:raises PayoutUnknown: there is no such part."""
        payout_id = await SendingRepository(self._db).payout_of(part_id)
        payout = await PayoutRepository(self._db).get(payout_id)
        return ToSend(payout, next(part for part in payout.parts if part.id == part_id))

    async def _queue_approved(self, tx: Tx, event: PayoutMoved) -> None:
        if event.what != str(Status.APPROVED) or event.payout.provider == "manual":
            return
        for part in event.payout.parts:
            if part.status is Status.APPROVED:
                await self._put(tx, ToSend(event.payout, part))

    async def _put(self, tx: Tx, item: ToSend) -> None:
        await self._outbox.put(tx, TOPIC, {"part_id": item.part.id}, name=item.key)

    async def _lock(self, tx: Tx, part_id: int) -> ToSend:
        payout = await self._payouts.lock(tx, await SendingRepository(tx).payout_of(part_id))
        return ToSend(payout, next(part for part in payout.parts if part.id == part_id))

    async def _move(self, tx: Tx, item: ToSend, status: Status, found: ProviderPayout) -> None:
        reason = found.cancellation_reason if status is Status.FAILED else None
        await self._payouts.move_parts(tx, item.payout, [item.part], status, reason=reason, provider_id=found.id)
        if reason == OUT_OF_FUNDS:
            await self._stop_queue(tx, OUT_OF_FUNDS)
        elif reason in DETAILS_AT_FAULT:
            # The next payout to these details needs staff.
            await DetailsRepository(tx).set_confirmed(item.payout.details_id, None)

    async def _unclear(self, tx: Tx, item: ToSend, reason: str) -> Status:
        if item.part.status is not Status.UNKNOWN:
            await self._payouts.move_parts(tx, item.payout, [item.part], Status.UNKNOWN, reason=reason)
            await tx.publish(PayoutUnclear(item.payout.id, item.part.id, is_lasting=False))
        return Status.UNKNOWN

    async def _stop_queue(self, tx: Tx, reason: QueueStop) -> None:
        if await SendingRepository(tx).stop_queue(reason, self._clock.now()):
            await tx.publish(PayoutQueueStopped(reason))
