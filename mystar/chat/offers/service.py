"""Sending, accepting, declining and withdrawing offers, and the end of their time."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date

from mystar.accounts.model import Actor
from mystar.catalog.model import Service
from mystar.catalog.service import CatalogService
from mystar.chat.model import AlreadySent, Message, MessageChanged
from mystar.chat.offers.model import (
    MAX_PENDING,
    OFFER_FACTS,
    Offer,
    OfferClosed,
    OfferDraft,
    OfferNotYours,
    OfferStatus,
    TooManyOffers,
)
from mystar.chat.offers.repository import OfferRepository
from mystar.chat.repository import ChatRepository
from mystar.chat.service import ChatService
from mystar.errors import Unavailable
from mystar.kit.clock import Clock
from mystar.kit.money import format_rubles
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.placing import OfferedTerms
from mystar.orders.service import OrderService

log = logging.getLogger(__name__)
#: Offers of one run that expire; the rest follow in the next.
_BATCH = 500
_HEADLINE = {"ru": "Предложение: {title} — {price}, {days} дн.", "en": "Offer: {title} — {price}, {days} days"}


class OfferService:
    """Methods about one offer raise `OfferUnknown` if the actor is neither of its parties."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        chat: ChatService,
        catalog: CatalogService,
        orders: OrderService,
        limits: RateLimits,
    ) -> None:
        self._db, self._clock, self._limits = db, clock, limits
        self._chat, self._catalog, self._orders = chat, catalog, orders

    async def send(
        self, actor: Actor, conversation_id: int, draft: OfferDraft, *, language: str, client_id: str | None = None
    ) -> tuple[Offer, bool]:
        """Propose a service of the actor to the other member, as a message; false if it was sent before.

        :param language: of the first line of the message, which clients show that know no offers.
        :param client_id: an id chosen by the client; the same id again returns the first offer.
        :raises ConversationUnknown: :raises ServiceUnknown: not a service of the actor, or withheld by staff.
        :raises PriceImpossible: :raises PriceOutsideLimits: :raises ModificationsTooCheap: :raises TooManyOffers:
        :raises BlockedByThem: :raises BlockedByYou: :raises TooMany:
        """
        service = await self._catalog.offered(
            actor, draft.service_id, price=draft.price, modifications_price=draft.modifications_price
        )
        conversation = await self._chat.conversation(actor, conversation_id)
        await self._limits.hit("offer", actor.id)
        draft = replace(draft, title=draft.title or service.title)
        text, buyer_id = _in_words(draft, language), conversation.other_than(actor.id).id
        try:
            async with self._db.transaction() as tx:
                sent = await self._chat.send_within(
                    tx,
                    actor,
                    conversation_id,
                    text,
                    client_id=client_id,
                    then=lambda message: self._add(tx, message, service, buyer_id, draft),
                )
                offer = await OfferRepository(tx).of_message(sent.message.id)
        except AlreadySent:
            first = await ChatRepository(self._db).sent_as(client_id or "", conversation_id, actor.id)
            assert first is not None
            return await OfferRepository(self._db).of_message(first.id), False
        return offer, sent.is_new

    async def _add(self, tx: Tx, message: Message, service: Service, buyer_id: int, draft: OfferDraft) -> Message:
        offers = OfferRepository(tx)
        if await offers.count_pending(message.conversation_id) >= MAX_PENDING:
            raise TooManyOffers(limit=MAX_PENDING)
        return replace(message, offer=await offers.add(message, service, buyer_id, draft, self._clock.now()))

    async def accept(
        self,
        actor: Actor,
        offer_id: int,
        *,
        requirements: str = "",
        delivery_date: date | None = None,
        modifications: str | None = None,
    ) -> tuple[int, bool]:
        """Order what is offered, as its buyer; the id of the order, which the creator has accepted by the offer.

        Repeated, it returns the order that was made; the flag is false then.

        :param modifications: description of the modifications, where they are offered; None = without.
        :raises OfferNotYours: the actor is its creator. :raises OfferClosed: it is withdrawn, declined or expired.
        :raises ServiceUnknown: the service was removed or withheld, or its creator is blocked. :raises NoModifications:
        :raises CreatorAway: :raises CreatorAtCapacity: :raises Invalid: ``delivery_date`` has passed.
        """
        offer = await self._of_buyer(OfferRepository(self._db), actor, offer_id)
        if offer.order_id is None:
            await self._orders.limit_offered(actor, offer.creator_account_id)
        async with self._db.transaction() as tx:
            offers = OfferRepository(tx)
            offer = await offers.lock(offer_id)
            if offer.order_id is not None:
                return offer.order_id, False
            self._require_open(offer)
            # The conversation before the inboxes of the parties, which is the order in which messages lock them.
            await ChatRepository(tx).move(offer.conversation_id, offer.message_id)
            await offers.close(offer_id, OfferStatus.ACCEPTED, "", self._clock.now())
            placed = await self._orders.place_offered(
                tx,
                actor,
                _terms(offer),
                requirements=requirements,
                delivery_date=delivery_date,
                modifications=modifications,
            )
            await self._publish_message(tx, offer)
        return placed.id, True

    async def decline(self, actor: Actor, offer_id: int, reason: str = "") -> Offer:
        """As the buyer; repeated, it changes nothing. :raises OfferNotYours: :raises OfferClosed:"""
        await self._of_buyer(OfferRepository(self._db), actor, offer_id)
        return await self._close(offer_id, OfferStatus.DECLINED, reason)

    async def withdraw(self, actor: Actor, offer_id: int, reason: str = "") -> Offer:
        """As the creator; repeated, it changes nothing. :raises OfferNotYours: :raises OfferClosed:"""
        offer = await self.offer(actor, offer_id)
        if actor.id != offer.creator_account_id:
            raise OfferNotYours
        return await self._close(offer_id, OfferStatus.WITHDRAWN, reason)

    async def offer(self, actor: Actor, offer_id: int) -> Offer:
        """:raises OfferUnknown:"""
        offer = await OfferRepository(self._db).find(offer_id)
        offer.require_party(actor)
        return offer

    async def of_conversation(self, actor: Actor, conversation_id: int, page: PageRequest) -> Page[Offer]:
        """Newest first. :raises ConversationUnknown:"""
        await self._chat.conversation(actor, conversation_id)
        offers = OfferRepository(self._db)
        return Page(
            await offers.of_conversation(conversation_id, page), await offers.count_of_conversation(conversation_id)
        )

    async def offers(
        self, actor: Actor, page: PageRequest, *, role: str | None = None, status: str | None = None
    ) -> Page[Offer]:
        """The actor's, newest first. :param role: "buyer" = received, "creator" = sent, None = both."""
        offers = OfferRepository(self._db)
        buyer_id = actor.id if role != "creator" else None
        seller_id = actor.id if role != "buyer" else None
        return Page(
            await offers.of_account(buyer_id=buyer_id, seller_id=seller_id, status=status, page=page),
            await offers.count_of_account(buyer_id=buyer_id, seller_id=seller_id, status=status),
        )

    async def expire_due(self) -> None:
        """End the pending offers whose time is over. Several processes may run it at once."""
        now = self._clock.now()
        for offer_id in await OfferRepository(self._db).due(now, _BATCH):
            try:
                async with self._db.transaction() as tx:
                    if offer := await OfferRepository(tx).lock_due(offer_id, now):
                        await self._end(tx, offer, OfferStatus.EXPIRED, "")
            except Unavailable:
                raise
            except Exception:
                # The others still expire.
                log.exception("offer %s could not expire", offer_id)

    @staticmethod
    async def _of_buyer(offers: OfferRepository, actor: Actor, offer_id: int) -> Offer:
        """:raises OfferUnknown: :raises OfferNotYours:"""
        offer = await offers.find(offer_id)
        offer.require_party(actor)
        if actor.id != offer.buyer_id:
            raise OfferNotYours
        return offer

    def _require_open(self, offer: Offer) -> None:
        """:raises OfferClosed: also when its time is over and the background task has not marked it yet."""
        is_over = offer.status is OfferStatus.PENDING and offer.expires_at <= self._clock.now()
        status = OfferStatus.EXPIRED if is_over else offer.status
        if status is not OfferStatus.PENDING:
            raise OfferClosed(status=str(status))

    async def _close(self, offer_id: int, status: OfferStatus, reason: str) -> Offer:
        async with self._db.transaction() as tx:
            offer = await OfferRepository(tx).lock(offer_id)
            if offer.status is status:
                return offer
            self._require_open(offer)
            return await self._end(tx, offer, status, reason)

    async def _end(self, tx: Tx, offer: Offer, status: OfferStatus, reason: str) -> Offer:
        offers = OfferRepository(tx)
        await ChatRepository(tx).move(offer.conversation_id, offer.message_id)
        await offers.close(offer.id, status, reason, self._clock.now())
        closed = await offers.find(offer.id)
        await self._publish_message(tx, offer)
        await tx.publish(OFFER_FACTS[status](closed))
        return closed

    @staticmethod
    async def _publish_message(tx: Tx, offer: Offer) -> None:
        """The message, which has moved in the log, with the offer as it is now."""
        message = await ChatRepository(tx).message(offer.conversation_id, offer.message_id)
        await tx.publish(MessageChanged(message, offer.buyer_id))


def _terms(offer: Offer) -> OfferedTerms:
    return OfferedTerms(
        offer_id=offer.id,
        service_id=offer.service_id,
        creator_account_id=offer.creator_account_id,
        title=offer.title,
        text=offer.text,
        price=offer.price,
        modifications_price=offer.modifications_price,
        delivery_days=offer.delivery_days,
    )


def _in_words(draft: OfferDraft, language: str) -> str:
    price = format_rubles(draft.price, language)
    headline = _HEADLINE[language].format(title=draft.title, price=price, days=draft.delivery_days)
    return f"{headline}\n\n{draft.text}" if draft.text else headline
