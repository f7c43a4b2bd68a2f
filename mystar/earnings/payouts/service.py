"""Ask for payouts, approve them, and say what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mystar.accounts.model import Actor
from mystar.earnings.details.model import Details, PayoutOpen
from mystar.earnings.details.repository import DetailsRepository
from mystar.earnings.details.service import DetailsService
from mystar.earnings.model import Balance
from mystar.earnings.payouts.model import (
    Approver,
    BelowMinimum,
    DetailsCooling,
    DetailsMissing,
    NothingAvailable,
    Part,
    Payout,
    PayoutMoved,
    PayoutsPaused,
    PayoutWrongTime,
    Schedule,
    SecondPersonNeeded,
    Status,
    may_follow,
    part_move,
    request_move,
    split,
    status_of,
)
from mystar.earnings.payouts.repository import PayoutRepository
from mystar.earnings.repository import EarningRepository
from mystar.kit.clock import MOSCOW, Clock
from mystar.kit.money import told_rubles
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import Page, PageRequest

#: An unclear payout is looked into within this time.
_UNKNOWN_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Policy:
    """Section ``[payouts]`` of the configuration. Sums in kopecks."""

    provider: str
    schedule: Schedule
    minimum: int
    card_maximum: int
    sbp_maximum: int
    approve_above: int
    second_pair_above: int

    def maximum(self, kind: str) -> int | None:
        """Of one part; None = no bound."""
        return {"card": self.card_maximum, "sbp": self.sbp_maximum}.get(kind)


@dataclass(frozen=True, slots=True)
class ExportLine:
    """A part for the bank, with the details in clear."""

    payout: Payout
    part: Part
    kind: str
    destination: dict[str, str]


class PayoutService:
    """The creator's balance is locked before their payouts, so that no two requests see the same money."""

    def __init__(self, db: Database, clock: Clock, details: DetailsService, policy: Policy) -> None:
        self._db, self._clock, self._details, self._policy = db, clock, details, policy

    # The creator.

    async def request(self, actor: Actor, amount: int | None = None) -> Payout:
        """Reserve ``amount`` kopecks, or all that is available, for a payout.

        :raises PayoutOpen: :raises NothingAvailable: :raises BelowMinimum: :raises DetailsMissing:
        :raises DetailsCooling: :raises PayoutsPaused:
        """
        async with self._db.transaction() as tx:
            return await self._request(tx, actor.id, amount, actor.id)

    async def cancel(self, actor: Actor, payout_id: int) -> Payout:
        """Withdraw a payout that nothing has been done about yet. :raises PayoutUnknown: :raises PayoutWrongTime:"""
        await PayoutRepository(self._db).get(payout_id, actor.id)
        return await self._move(payout_id, Status.CANCELLED, None, allowed=(Status.REQUESTED, Status.APPROVED))

    async def get(self, actor: Actor, payout_id: int) -> Payout:
        """:raises PayoutUnknown: none, or another account's."""
        return await PayoutRepository(self._db).get(payout_id, actor.id)

    async def of_creator(self, creator_id: int, page: PageRequest) -> Page[Payout]:
        """Newest first."""
        payouts = PayoutRepository(self._db)
        rows = await payouts.of_creator(creator_id, offset=page.offset, limit=page.size)
        return Page(rows, await payouts.count_of_creator(creator_id))

    async def outlook(self, creator_id: int) -> tuple[date | None, str | None]:
        """The day of the next payout by schedule, and the code of what stands in the way of any."""
        now = self._clock.now()
        following = self._policy.schedule.following(now.astimezone(MOSCOW))
        if following is not None and await self.is_by_hand(creator_id):
            following = None
        return following.date() if following else None, await self._paused(creator_id, now)

    async def is_by_hand(self, creator_id: int) -> bool:
        """Whether the creator asks for payouts alone, and the schedule leaves the balance as it is."""
        return (await EarningRepository(self._db).balance(creator_id)).by_hand

    async def set_by_hand(self, creator_id: int, by_hand: bool) -> None:
        await PayoutRepository(self._db).set_by_hand(creator_id, by_hand, self._clock.now())

    # The staff, and the operator of the command line.

    async def approve(self, by: Approver, payout_id: int) -> Payout:
        """Let a payout go; a large one needs two people.

        :raises PayoutUnknown: :raises PayoutWrongTime: :raises SecondPersonNeeded: :raises PayoutsPaused:
        """
        async with self._db.transaction() as tx:
            payout, payouts, now = await self.lock(tx, payout_id), PayoutRepository(tx), self._clock.now()
            if payout.status is not Status.REQUESTED:
                raise PayoutWrongTime(status=str(payout.status))
            balance = await EarningRepository(tx).balance(payout.creator_id)
            if balance.stop_reason:
                raise PayoutsPaused
            is_second = payout.approved_as is not None
            if is_second and (payout.approved_as == by.name or not by.is_owner):
                raise SecondPersonNeeded
            await payouts.set_approval(payout_id, by, now)
            await DetailsRepository(tx).set_confirmed(payout.details_id, now)
            if not is_second and payout.amount > self._policy.second_pair_above:
                approved = await payouts.get(payout_id)
                await tx.publish(PayoutMoved(approved, "approved_first", by.name, by.account_id))
                return approved
            return await self.move_parts(tx, payout, payout.parts, Status.APPROVED, by=by)

    async def pay(self, by: Approver, payout_id: int, document: str, part: int | None = None) -> Payout:
        """Say that the money has arrived, by the bank's document. ``part``: its number; None = all parts."""
        open_ones = (Status.APPROVED, Status.SENDING, Status.PENDING, Status.UNKNOWN)
        return await self._move(payout_id, Status.PAID, by, allowed=open_ones, document=document, part=part)

    async def fail(self, by: Approver, payout_id: int, reason: str, part: int | None = None) -> Payout:
        """Say that the bank refused; the money is available again."""
        open_ones = (Status.APPROVED, Status.SENDING, Status.PENDING, Status.UNKNOWN)
        return await self._move(payout_id, Status.FAILED, by, allowed=open_ones, reason=reason, part=part)

    async def return_(self, by: Approver, payout_id: int, part: int | None = None) -> Payout:
        """The bank sent the money back later; the details have to be confirmed anew."""
        return await self._move(payout_id, Status.RETURNED, by, allowed=(Status.PAID,), part=part)

    async def withdraw(self, by: Approver, payout_id: int) -> Payout:
        """Cancel a creator's payout that nothing has been done about yet."""
        return await self._move(payout_id, Status.CANCELLED, by, allowed=(Status.REQUESTED, Status.APPROVED))

    async def export(self, by: Approver, *, again: bool = False) -> list[ExportLine]:
        """What is approved and paid by hand, for the bank; from now on it counts as sent.

        :param again: also what was exported before and is not settled yet.
        """
        lines: list[ExportLine] = []
        payouts = PayoutRepository(self._db)
        found = await payouts.with_status(Status.APPROVED, 10_000)
        found += await payouts.with_status(Status.SENDING, 10_000) if again else []
        for payout in sorted(found, key=lambda one: one.id):
            if payout.provider == "manual":
                lines += await self._export(by, payout.id, again=again)
        return lines

    async def stop(self, by: Approver, creator_id: int, reason: str | None) -> None:
        """Stop a creator's payouts; None = go on."""
        async with self._db.transaction() as tx:
            await self._details.stop(tx, creator_id, reason, by=by.account_id)

    async def queue(self, status: Status, limit: int = 1000) -> list[Payout]:
        """Payouts of a status, newest first."""
        return await PayoutRepository(self._db).with_status(status, limit)

    # The schedule.

    async def sweep(self) -> int:
        """Ask for a payout of everything for every creator who can have one; returns how many."""
        requested, after = 0, 0
        payouts = PayoutRepository(self._db)
        while found := await payouts.to_sweep(self._policy.minimum, self._clock.now(), after=after, limit=500):
            for creator_id in found:
                requested += await self._sweep_one(creator_id)
            after = found[-1]
        return requested

    async def sweep_now(self) -> int:
        """By the operator, whatever the schedule."""
        requested = await self.sweep()
        await PayoutRepository(self._db).add_sweep(None, requested, self._clock.now())
        return requested

    async def sweep_if_due(self) -> int | None:
        """By the schedule, once in its period. None: not now. The first period is only remembered."""
        payouts, now = PayoutRepository(self._db), self._clock.now()
        latest = self._policy.schedule.latest(now.astimezone(MOSCOW))
        if latest is None:
            return None
        last = await payouts.last_sweep()
        if last is not None and last >= latest.date():
            return None
        requested = 0 if last is None else await self.sweep()
        await payouts.add_sweep(latest.date(), requested, now)
        return requested

    async def recount(self) -> list[Difference]:
        """Where payouts disagree with their parts and entries, what is unclear for long, and a sweep that is late."""
        payouts, now = PayoutRepository(self._db), self._clock.now()
        found = await payouts.differences(now - _UNKNOWN_FOR)
        latest, last = self._policy.schedule.latest(now.astimezone(MOSCOW)), await payouts.last_sweep()
        if latest and last and last < latest.date() and now - latest > timedelta(hours=1):
            found.append(Difference("payouts", "last sweep", 0, last.isoformat(), latest.date().isoformat()))
        return found

    # For the code that moves the money.

    async def move_parts(
        self,
        tx: Tx,
        payout: Payout,
        parts: Sequence[Part],
        status: Status,
        *,
        by: Approver | None = None,
        reason: str | None = None,
        provider_id: str | None = None,
        check_at: datetime | None = None,
    ) -> Payout:
        """Bring parts of a locked payout to a status, with the entries that it means.

        :raises PayoutWrongTime: a part cannot come there from where it is.
        """
        payouts, earnings, now = PayoutRepository(tx), EarningRepository(tx), self._clock.now()
        for part in parts:
            if not may_follow(part.status, status):
                raise PayoutWrongTime(status=str(payout.status))
            await payouts.set_part(part.id, status, now, reason=reason, provider_id=provider_id, check_at=check_at)
            if moved := part_move(payout.creator_id, part, status):
                await earnings.record_moves(payout.creator_id, [moved], now)
        changed = await payouts.get(payout.id)
        await payouts.set_status(payout.id, status_of(changed.parts), now)
        if status is Status.RETURNED:
            await DetailsRepository(tx).set_confirmed(payout.details_id, None)
        changed = await payouts.get(payout.id)
        name, account_id = (by.name, by.account_id) if by else ("", None)
        await tx.publish(PayoutMoved(changed, str(status), name, account_id))
        return changed

    async def lock(self, tx: Tx, payout_id: int) -> Payout:
        """The payout, after its creator's balance. :raises PayoutUnknown:"""
        payouts = PayoutRepository(tx)
        await EarningRepository(tx).lock_balance(await payouts.creator_of(payout_id))
        return await payouts.lock(payout_id)

    async def _request(self, tx: Tx, creator_id: int, amount: int | None, requested_by: int | None) -> Payout:
        payouts, earnings, now = PayoutRepository(tx), EarningRepository(tx), self._clock.now()
        balance = await earnings.lock_balance(creator_id)
        available = balance.available if balance else 0
        shown = told_rubles(available)
        if await payouts.open_status(creator_id):
            raise PayoutOpen(available=shown)
        wanted = available if amount is None else amount
        if available <= 0 or wanted > available:
            raise NothingAvailable(available=shown)
        if wanted < self._policy.minimum:
            raise BelowMinimum(minimum=told_rubles(self._policy.minimum), available=shown)
        details = await DetailsRepository(tx).current(creator_id)
        if details is None:
            raise DetailsMissing(available=shown)
        if details.usable_at > now:
            raise DetailsCooling(usable_at=details.usable_at, available=shown)
        if balance is None or balance.stop_reason or not await payouts.is_active(creator_id):
            raise PayoutsPaused(available=shown)
        return await self._add(tx, creator_id, wanted, details, requested_by, now)

    async def _add(
        self, tx: Tx, creator_id: int, wanted: int, details: Details, requested_by: int | None, now: datetime
    ) -> Payout:
        """A payout that needs no approval is approved at once."""
        payouts, policy = PayoutRepository(tx), self._policy
        amounts, _ = split(wanted, policy.maximum(details.kind))
        total = sum(amounts)
        if not total:
            raise BelowMinimum(minimum=told_rubles(policy.minimum), available=told_rubles(wanted))
        approved = total <= min(policy.approve_above, policy.second_pair_above) and details.confirmed_at is not None
        payout_id = await payouts.add(
            creator_id,
            amounts,
            details_id=details.id,
            # No provider pays to a bank account: the staff do, with the export.
            provider="manual" if details.kind == "bank_account" else policy.provider,
            status=Status.APPROVED if approved else Status.REQUESTED,
            requested_by=requested_by,
            now=now,
        )
        await EarningRepository(tx).record_moves(creator_id, [request_move(payout_id, creator_id, total)], now)
        payout = await payouts.get(payout_id)
        await tx.publish(PayoutMoved(payout, "requested", "", requested_by))
        if approved:
            await tx.publish(PayoutMoved(payout, str(Status.APPROVED), "", None))
        return payout

    async def _move(
        self,
        payout_id: int,
        status: Status,
        by: Approver | None,
        *,
        allowed: Sequence[Status],
        reason: str | None = None,
        document: str | None = None,
        part: int | None = None,
    ) -> Payout:
        """All parts that are in one of the ``allowed`` statuses, or the one with this number.

        :raises PayoutUnknown: :raises PayoutWrongTime: there is no such part.
        """
        async with self._db.transaction() as tx:
            payout = await self.lock(tx, payout_id)
            chosen = [one for one in payout.parts if one.status in allowed and part in (None, one.number)]
            if not chosen:
                raise PayoutWrongTime(status=str(payout.status))
            if document is not None:
                await PayoutRepository(tx).set_document(payout_id, document, self._clock.now())
            return await self.move_parts(tx, payout, chosen, status, by=by, reason=reason)

    async def _export(self, by: Approver, payout_id: int, *, again: bool) -> list[ExportLine]:
        """Of two exports at once, one has the approved parts; what was sent before is only in an export ``again``."""
        async with self._db.transaction() as tx:
            payout = await self.lock(tx, payout_id)
            balance = await EarningRepository(tx).balance(payout.creator_id)
            details = await DetailsRepository(tx).get(payout.details_id)
            if balance.stop_reason or details is None:
                return []
            approved = [part for part in payout.parts if part.status is Status.APPROVED]
            if approved:
                payout = await self.move_parts(tx, payout, approved, Status.SENDING, by=by)
                await PayoutRepository(tx).set_exported(payout_id, self._clock.now())
            destination = self._details.open(details)
            known = None if again else {part.id for part in approved}
            sent = [one for one in payout.parts if one.status is Status.SENDING and (known is None or one.id in known)]
            return [ExportLine(payout, part, details.kind, destination) for part in sent]

    async def _sweep_one(self, creator_id: int) -> bool:
        """Whether a payout was asked for; what stands in the way may have come up since."""
        try:
            async with self._db.transaction() as tx:
                await self._request(tx, creator_id, None, None)
        except (PayoutOpen, NothingAvailable, BelowMinimum, DetailsMissing, DetailsCooling, PayoutsPaused):
            return False
        return True

    async def _paused(self, creator_id: int, now: datetime) -> str | None:
        """Nothing stands in the way of an account that has never sold anything."""
        balance = await EarningRepository(self._db).balance(creator_id)
        if balance == Balance(creator_id):
            return None
        if balance.stop_reason:
            return "stopped"
        if await PayoutRepository(self._db).open_status(creator_id) is Status.UNKNOWN:
            return "payout_unknown"
        if balance.available < 0:
            return "negative"
        details = await DetailsRepository(self._db).current(creator_id)
        if details is None:
            return "details_missing"
        return "details_cooling" if details.usable_at > now else None
