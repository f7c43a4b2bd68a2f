"""Compares the provider's safe deals with the shares that we say rest in them; changes nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mystar.earnings.payouts.provider import DealProvider, ProviderDeal
from mystar.earnings.sending.repository import SendingRepository
from mystar.errors import Unavailable
from mystar.kit.clock import Clock
from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Database, Row
from mystar.payments.provider import PaymentNotFound, ProviderError


@dataclass(frozen=True, slots=True)
class DealDifference:
    """``kind`` is unknown_here, missing_there, status or amount, of the creator's part."""

    kind: str
    deal_id: str
    order_id: int | None
    ours: str
    theirs: str

    def __str__(self) -> str:
        order = "no order" if self.order_id is None else f"order {self.order_id}"
        return f"deal_{self.kind}: {order}, {self.deal_id}: ours {self.ours}, theirs {self.theirs}"


@dataclass(frozen=True, slots=True)
class ComparedDeals:
    differences: list[DealDifference]
    count: int


class DealReconciliation:
    """Every deal that the provider lists since a moment, and every deal of ours since then."""

    def __init__(self, db: Database, provider: DealProvider, clock: Clock, *, is_mode: bool) -> None:
        """:param is_mode: whether orders are placed as deals now; a shop without deals cannot be asked for them."""
        self._db, self._provider, self._clock, self._is_mode = db, provider, clock, is_mode

    async def run(self, back: timedelta) -> ComparedDeals:
        """Compare what was created since so long ago. :raises Unavailable: the provider cannot be asked to the end."""
        if not self._is_mode and not await SendingRepository(self._db).has_deals():
            return ComparedDeals([], 0)
        try:
            return await self._compare(self._clock.now() - back)
        except ProviderError as error:
            raise Unavailable(retry_after=math.ceil(error.retry_after)) from error

    async def _compare(self, since: datetime) -> ComparedDeals:
        theirs = {deal.id: deal for deal in await self._listed(since)}
        ours = await self._ours(list(theirs), since)
        found: list[DealDifference] = []
        for deal_id in {**theirs, **ours}:
            row, deal = ours.get(deal_id), theirs.get(deal_id)
            if row is None or deal is None or any(_compared(row, deal)):
                found += await self._recheck(deal_id)
        return ComparedDeals(found, len(theirs))

    async def _recheck(self, deal_id: str) -> list[DealDifference]:
        """Read both sides again, since either may have changed between the two reads."""
        try:
            deal = await self._provider.get_deal(deal_id)
        except PaymentNotFound:
            deal = None
        row = (await self._ours([deal_id], None)).get(deal_id)
        if row is None:
            if deal is None or await self._being_opened(deal):
                return []
            return [DealDifference("unknown_here", deal_id, None, "none", _text(deal))]
        if deal is None:
            return [DealDifference("missing_there", deal_id, row["order_id"], rubles_text(row["share"]), "none")]
        return list(_compared(row, deal))

    async def _being_opened(self, deal: ProviderDeal) -> bool:
        """Whether a payment of ours still waits for the answer that names this deal."""
        order_id = deal.metadata.get("order_id", "")
        is_id = re.fullmatch("[0-9]{1,18}", order_id) is not None
        return is_id and await SendingRepository(self._db).opens_deal(int(order_id))

    async def _ours(self, deal_ids: Sequence[str], since: datetime | None) -> dict[str, Row]:
        rows = await SendingRepository(self._db).deals_to_compare(deal_ids, since)
        return {row["deal_id"]: row for row in rows}

    async def _listed(self, since: datetime) -> list[ProviderDeal]:
        found: list[ProviderDeal] = []
        cursor = None
        while True:
            page = await self._provider.list_deals(since, cursor)
            found += page.deals
            if (cursor := page.next_cursor) is None:
                return found


def _compared(row: Row, deal: ProviderDeal) -> Iterator[DealDifference]:
    """The creator's part rests in an open deal; a deal closes when it is paid out, or refunded in full."""
    if row["is_moving"]:
        return
    should_be_open = row["share"] > 0 or not row["is_captured"]
    if should_be_open is not (deal.status == "opened"):
        expected = "opened" if should_be_open else "closed"
        yield DealDifference("status", deal.id, row["order_id"], expected, deal.status)
    elif deal.payout_balance != row["share"]:
        share, theirs = rubles_text(row["share"]), rubles_text(deal.payout_balance)
        yield DealDifference("amount", deal.id, row["order_id"], share, theirs)


def _text(deal: ProviderDeal) -> str:
    return f"{deal.status} {rubles_text(deal.payout_balance)}"
