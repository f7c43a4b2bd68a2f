"""Parts that are sent and the state of the queue as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mystar.earnings.payouts.model import PayoutUnknown
from mystar.earnings.sending.model import QueueState, QueueStop
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row

QUERIES = queries.load(__package__)


class SendingRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def payout_of(self, part_id: int) -> int:
        """:raises PayoutUnknown: there is no such part."""
        payout_id = await self._tx.value(QUERIES.payout_of_part, id=part_id)
        if payout_id is None:
            raise PayoutUnknown
        return int(payout_id)

    async def part_of_provider(self, provider_id: str) -> int | None:
        part_id = await self._tx.value(QUERIES.part_of_provider, provider_id=provider_id)
        return None if part_id is None else int(part_id)

    async def begin_attempt(self, part_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.begin_attempt, id=part_id, now=now)

    async def queue_state(self) -> QueueState:
        row = await self._tx.one(QUERIES.queue_state)
        return QueueState(row["stopped_for"], row["stopped_at"])

    async def stop_queue(self, reason: QueueStop, now: datetime) -> bool:
        """Whether it was running until now."""
        return bool(await self._tx.execute(QUERIES.stop_queue, reason=reason, now=now))

    async def resume_queue(self) -> None:
        await self._tx.execute(QUERIES.resume_queue)

    async def due_deals(
        self, now: datetime, after: tuple[datetime, int] | None, limit: int
    ) -> list[tuple[datetime, int]]:
        """When it cleared, and the order, of each share that rests in a deal and may be paid out, behind ``after``."""
        moment, order_id = after or (None, None)
        rows = await self._tx.all(QUERIES.due_deals, now=now, moment=moment, id=order_id, limit=limit)
        return [(row["clears_at"], row["order_id"]) for row in rows]

    async def refund_is_under_way(self, order_id: int) -> bool:
        """Whether money of the order was asked to go back and has not yet, or could not."""
        return bool(await self._tx.value(QUERIES.refund_is_under_way, order_id=order_id))

    async def set_order(self, payout_id: int, order_id: int) -> None:
        await self._tx.execute(QUERIES.set_order, id=payout_id, order_id=order_id)

    async def last_failure(self, order_id: int) -> datetime | None:
        moment: datetime | None = await self._tx.value(QUERIES.last_failure, order_id=order_id)
        return moment

    async def deal_of_order(self, order_id: int) -> str | None:
        deal_id: str | None = await self._tx.value(QUERIES.deal_of_order, order_id=order_id)
        return deal_id

    async def deals_to_compare(self, deal_ids: Sequence[str], since: datetime | None) -> list[Row]:
        return await self._tx.all(QUERIES.deals_to_compare, deal_ids=list(deal_ids), since=since)

    async def has_deals(self) -> bool:
        return bool(await self._tx.value(QUERIES.has_deals))

    async def opens_deal(self, order_id: int) -> bool:
        """Whether a payment of the order is to be made in a deal whose id has not come yet."""
        return bool(await self._tx.value(QUERIES.opens_deal, order_id=order_id))

    async def parts_to_compare(self, since: datetime, provider_ids: Sequence[str]) -> list[Row]:
        return await self._tx.all(QUERIES.parts_to_compare, since=since, provider_ids=list(provider_ids))
