"""Compares the provider's payouts with ours; changes nothing."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mystar.earnings.payouts.model import Status
from mystar.earnings.payouts.provider import PayoutProvider, ProviderPayout
from mystar.earnings.sending.model import STATUSES, DifferenceKind, PayoutDifference
from mystar.earnings.sending.repository import SendingRepository
from mystar.errors import Unavailable
from mystar.kit.clock import Clock
from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Database, Row
from mystar.payments.provider import PaymentNotFound, ProviderError

#: A part that is on its way may lag behind the provider by this.
_LAG = timedelta(hours=1)
_ON_ITS_WAY = (Status.SENDING, Status.PENDING, Status.UNKNOWN)
#: How many of the last digits of a destination both sides show.
_SHOWN_DIGITS = {"sbp": 2, "card": 4, "wallet": 4}


@dataclass(frozen=True, slots=True)
class Compared:
    """``count`` payouts of the provider were compared. ``balance``: kopecks that it holds for payouts."""

    differences: list[PayoutDifference]
    count: int
    balance: int

    @property
    def balance_text(self) -> str:
        sign = "-" if self.balance < 0 else ""
        return sign + rubles_text(abs(self.balance))


class PayoutReconciliation:
    """Every payout that the provider lists since a moment, and every part that was sent since then."""

    def __init__(self, db: Database, provider: PayoutProvider, clock: Clock) -> None:
        self._db, self._provider, self._clock = db, provider, clock

    async def run(self, back: timedelta) -> Compared:
        """Compare what was created since so long ago.

        :raises Unavailable: the provider cannot be asked to the end.
        """
        now = self._clock.now()
        try:
            differences, count = await self._compare(now - back, now)
            return Compared(differences, count, await self._provider.balance())
        except ProviderError as error:
            raise Unavailable(retry_after=math.ceil(error.retry_after)) from error

    async def _compare(self, since: datetime, now: datetime) -> tuple[list[PayoutDifference], int]:
        theirs = {payout.id: payout async for payout in self._listed(since)}
        rows = await SendingRepository(self._db).parts_to_compare(since, list(theirs))
        ours = {row["provider_id"]: row for row in rows if row["provider_id"] is not None}
        found = [_unknown_here(payout) for payout in theirs.values() if payout.id not in ours]
        for row in rows:
            payout = theirs.get(row["provider_id"]) or await self._read(row["provider_id"])
            found += _compare(row, payout, now)
        return found, len(theirs)

    async def _listed(self, since: datetime) -> AsyncIterator[ProviderPayout]:
        cursor = None
        while True:
            page = await self._provider.list_payouts(since, cursor)
            for payout in page.payouts:
                yield payout
            if (cursor := page.next_cursor) is None:
                return

    async def _read(self, provider_id: str | None) -> ProviderPayout | None:
        """One that the list does not reach back to, or does not have."""
        if provider_id is None:
            return None
        try:
            return await self._provider.get_payout(provider_id)
        except PaymentNotFound:
            return None


def _unknown_here(payout: ProviderPayout) -> PayoutDifference:
    return PayoutDifference("unknown_here", payout.id, None, "none", f"{payout.status} {payout.amount}")


def _compare(row: Row, payout: ProviderPayout | None, now: datetime) -> Iterator[PayoutDifference]:
    status = Status(row["status"])
    is_recent = status in _ON_ITS_WAY and row["sent_at"] is not None and now - row["sent_at"] < _LAG
    if payout is None:
        # What failed without an id was refused: the provider never had it.
        if row["provider_id"] is not None or (status in (*_ON_ITS_WAY, Status.PAID) and not is_recent):
            yield _difference("missing_there", row, "", str(status), "none")
        return
    if not is_recent and not _agrees(status, payout):
        yield _difference("status", row, payout.id, str(status), payout.status)
    if payout.amount != row["amount"]:
        yield _difference("amount", row, payout.id, str(row["amount"]), str(payout.amount))
    if payout.destination and not _same_end(row["mask"], payout.destination, _SHOWN_DIGITS.get(row["kind"], 4)):
        yield _difference("destination", row, payout.id, row["mask"], payout.destination)


def _difference(kind: DifferenceKind, row: Row, provider_id: str, ours: str, theirs: str) -> PayoutDifference:
    return PayoutDifference(kind, provider_id or row["provider_id"] or "", row["id"], ours, theirs)


def _agrees(status: Status, payout: ProviderPayout) -> bool:
    """The provider shows a returned payout as a successful one."""
    return STATUSES[payout.status] is (Status.PAID if status is Status.RETURNED else status)


def _same_end(ours: str, theirs: str, count: int) -> bool:
    return _digits(ours)[-count:] == _digits(theirs)[-count:]


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdecimal())
