"""The rows of offers."""

from __future__ import annotations

from datetime import datetime, timedelta

from mystar.catalog.model import Service
from mystar.chat.model import Message
from mystar.chat.offers.model import Offer, OfferDraft, OfferStatus, OfferUnknown, offer_of
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.web.pagination import PageRequest

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={"offers": QUERIES.export_offers},
    erasures=(QUERIES.erase_own_offers, QUERIES.erase_offers_received),
)


class OfferRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(self, message: Message, service: Service, buyer_id: int, draft: OfferDraft, now: datetime) -> Offer:
        """The caller holds the lock of the conversation."""
        await self._tx.execute(
            QUERIES.add_offer,
            conversation_id=message.conversation_id,
            message_id=message.id,
            service_id=service.id,
            creator_id=service.creator_id,
            buyer_id=buyer_id,
            title=draft.title,
            text=draft.text,
            price=draft.price,
            modifications_price=draft.modifications_price,
            delivery_days=draft.delivery_days,
            expires_at=now + timedelta(days=draft.open_days),
            now=now,
        )
        return await self.of_message(message.id)

    async def of_message(self, message_id: int) -> Offer:
        """:raises OfferUnknown: the message shows none."""
        row = await self._tx.one_or_none(QUERIES.offer_of_message, message_id=message_id)
        if row is None:
            raise OfferUnknown
        return offer_of(row)

    async def count_pending(self, conversation_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_pending_offers, conversation_id=conversation_id))

    async def find(self, offer_id: int) -> Offer:
        """:raises OfferUnknown:"""
        row = await self._tx.one_or_none(QUERIES.offer, id=offer_id)
        if row is None:
            raise OfferUnknown
        return offer_of(row)

    async def lock(self, offer_id: int) -> Offer:
        """:raises OfferUnknown:"""
        await self._tx.value(QUERIES.lock_offer, id=offer_id)
        return await self.find(offer_id)

    async def lock_due(self, offer_id: int, now: datetime) -> Offer | None:
        """The offer if it is pending, its time is over and no other transaction holds its lock."""
        found = await self._tx.value(QUERIES.lock_due_offer, id=offer_id, now=now)
        return None if found is None else await self.find(offer_id)

    async def close(self, offer_id: int, status: OfferStatus, reason: str, now: datetime) -> None:
        """The caller holds its lock."""
        await self._tx.execute(QUERIES.close_offer, id=offer_id, status=str(status), reason=reason, now=now)

    async def due(self, now: datetime, limit: int) -> list[int]:
        """Pending ones whose time is over, by id."""
        return [row["id"] for row in await self._tx.all(QUERIES.due_offers, now=now, limit=limit)]

    async def of_conversation(self, conversation_id: int, page: PageRequest) -> list[Offer]:
        """Newest first."""
        rows = await self._tx.all(
            QUERIES.offers_of_conversation, conversation_id=conversation_id, offset=page.offset, limit=page.size
        )
        return [offer_of(row) for row in rows]

    async def count_of_conversation(self, conversation_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_offers_of_conversation, conversation_id=conversation_id))

    async def of_account(
        self, *, buyer_id: int | None, seller_id: int | None, status: str | None, page: PageRequest
    ) -> list[Offer]:
        """Received and sent ones, newest first. None = neither of that side, or any status."""
        rows = await self._tx.all(
            QUERIES.offers_of_account,
            buyer_id=buyer_id,
            seller_id=seller_id,
            status=status,
            offset=page.offset,
            limit=page.size,
        )
        return [offer_of(row) for row in rows]

    async def count_of_account(self, *, buyer_id: int | None, seller_id: int | None, status: str | None) -> int:
        query = QUERIES.count_offers_of_account
        return int(await self._tx.value(query, buyer_id=buyer_id, seller_id=seller_id, status=status))
