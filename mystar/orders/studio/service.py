"""Orders to the studio (docs/dialects/studio.md, D34–D36): placed by accounts and guests, started by staff."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from mystar.accounts.model import Actor, ClientInfo
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.outbox.model import OutboxMessage
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.media_urls import media_path
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.model import ActionForbidden, Money, OrderEvent, OrderUnknown, Role, Status
from mystar.orders.repository import OrderRepository
from mystar.orders.studio.model import (
    MAX_PICTURES,
    NumbersRunOut,
    Picture,
    StudioOrder,
    StudioOrderChanged,
    StudioOrderPlaced,
    StudioOrderProcessed,
    StudioOrderQueued,
    StudioOrderWithdrawn,
    TooManyPictures,
    WorkBegun,
)
from mystar.orders.studio.repository import StudioOrderRepository

log = logging.getLogger(__name__)

#: The outbox topic of orders queued for processing.
TOPIC = "studio"


class StudioOrders:
    """Every method with an id raises ``OrderUnknown`` when the actor may not see the order.

    :param process_after: the delay between the request and the start of processing.
    """

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        files: FileService,
        limits: RateLimits,
        clock: Clock,
        *,
        process_after: timedelta,
    ) -> None:
        self._db, self._outbox, self._files = db, outbox, files
        self._limits, self._clock, self._process_after = limits, clock, process_after
        #: What orders may be called.
        self.numbers = range(1_000_000)

    async def rate_limit(self, actor: Actor | None, client: ClientInfo) -> None:
        """Count a new order before its pictures are read. :raises TooMany:"""
        if actor is None:
            await self._limits.hit("guest_order", client.address)
        else:
            await self._limits.hit("studio_order", actor.id)

    async def place(
        self, actor: Actor | None, *, title: str, description: str, file_ids: Sequence[int] = ()
    ) -> StudioOrder:
        """Place an order of an account or, with None, of a guest.

        :param file_ids: uploads of the same account, or of guests. A guest's pictures are public.
        :raises NumbersRunOut: :raises TooManyPictures: :raises FileUnknown: another's upload.
        """
        now, owner_id = self._clock.now(), actor.id if actor else None
        try:
            async with self._db.transaction() as tx:
                rows = StudioOrderRepository(tx)
                order_id = await rows.place(
                    self.numbers, owner_id=owner_id, title=title, description=description, now=now
                )
                await self._attach(tx, order_id, owner_id, file_ids)
                await OrderRepository(tx).add_event(
                    order_id,
                    action="place",
                    role=Role.BUYER,
                    actor_id=owner_id,
                    before=None,
                    after=(Status.NEW, Money.NONE),
                    now=now,
                    details={"pictures": len(file_ids)},
                )
                order = await rows.find(order_id)
                await tx.publish(StudioOrderPlaced(order, owner_id))
        except NumbersRunOut:
            log.error("all numbers of studio orders are used up")
            raise
        return order

    async def read(self, actor: Actor | None, order_id: int) -> StudioOrder:
        order = await StudioOrderRepository(self._db).find(order_id)
        if not order.is_visible_to(actor):
            raise OrderUnknown
        return order

    async def visible_to(self, actor: Actor | None, page: PageRequest, search: str = "") -> Page[StudioOrder]:
        """Orders of guests and, for an account, its own, newest first (D35).

        :param search: a part of the number; a search with other characters finds nothing.
        """
        if search and not (search.isascii() and search.isdigit()):
            return Page([], 0)
        return await StudioOrderRepository(self._db).visible_to(actor.id if actor else None, page, search)

    async def timeline(self, actor: Actor, order_id: int) -> list[OrderEvent]:
        """The events of the order, oldest first."""
        await self.read(actor, order_id)
        return await OrderRepository(self._db).timeline(order_id)

    async def change(
        self,
        actor: Actor,
        order_id: int,
        *,
        title: str | None = None,
        description: str | None = None,
        file_ids: Sequence[int] = (),
        replace_pictures: bool = False,
    ) -> StudioOrder:
        """Change the given fields while the order is new; a guest's order only by staff (D35).

        :param replace_pictures: replace the pictures instead of adding to them.
        :raises ActionForbidden: :raises WorkBegun: :raises TooManyPictures: :raises FileUnknown: not an own upload.
        """
        now = self._clock.now()
        async with self._db.transaction() as tx:
            order, role = await self._lock_new(tx, actor, order_id)
            rows = StudioOrderRepository(tx)
            if replace_pictures and file_ids:
                await self._discard_pictures(tx, order)
            elif len(order.pictures) + len(file_ids) > MAX_PICTURES:
                raise TooManyPictures
            await self._attach(tx, order.id, order.owner_id, file_ids, uploader_id=actor.id)
            await rows.change(
                order.id,
                order.title if title is None else title,
                order.description if description is None else description,
                now,
            )
            await self._add_event(tx, order, "edit", role, actor.id)
            changed = await rows.find(order.id)
            await tx.publish(StudioOrderChanged(changed, actor.id))
        return changed

    async def withdraw(self, actor: Actor, order_id: int) -> None:
        """Withdraw a new order: it is no longer shown; its number stays used and its events stay.

        :raises ActionForbidden: :raises WorkBegun:
        """
        async with self._db.transaction() as tx:
            order, role = await self._lock_new(tx, actor, order_id)
            await self._discard_pictures(tx, order)
            await StudioOrderRepository(tx).move(order.id, Status.CANCELLED, self._clock.now())
            await self._add_event(tx, order, "cancel", role, actor.id, after=Status.CANCELLED)
            await tx.publish(StudioOrderWithdrawn(order, actor.id))

    # Processing (D36)

    async def process(self, actor: Actor, order_id: int) -> StudioOrder:
        """Queue the order for processing after the delay. A repeated request changes nothing.

        :raises Forbidden: not staff, or staff without the right to act.
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            return await self._queue(tx, actor, order_id)

    async def process_many(self, actor: Actor, order_ids: Iterable[int]) -> list[StudioOrder]:
        """Queue several orders; unknown ones are skipped. :raises Forbidden:"""
        actor.require_operator()
        orders = []
        async with self._db.transaction() as tx:
            # In the order of ids, so that two concurrent requests cannot deadlock.
            for order_id in sorted(set(order_ids)):
                try:
                    orders.append(await self._queue(tx, actor, order_id))
                except OrderUnknown:
                    continue
        return orders

    async def start_processing(self, message: OutboxMessage) -> None:
        """Start processing. Idempotent: repeated and concurrent calls change nothing more."""
        async with self._db.transaction() as tx:
            rows = StudioOrderRepository(tx)
            try:
                order = await rows.lock(message.payload["order_id"])
            except OrderUnknown:
                return  # withdrawn meanwhile
            if order.status is not Status.NEW:
                return
            await rows.move(order.id, Status.IN_PROCESS, self._clock.now())
            await self._add_event(tx, order, "process", Role.SYSTEM, None, after=Status.IN_PROCESS)
            await tx.publish(StudioOrderProcessed(await rows.find(order.id), None))

    async def _queue(self, tx: Tx, actor: Actor, order_id: int) -> StudioOrder:
        rows = StudioOrderRepository(tx)
        order = await rows.lock(order_id)
        if order.status is not Status.NEW or order.process_at is not None:
            return order
        now = self._clock.now()
        moment = now + self._process_after
        await rows.queue(order.id, moment, now)
        # The outbox row survives a crash; its unique name prevents a second one.
        await self._outbox.put(tx, TOPIC, {"order_id": order.id}, name=f"process:{order.id}", after=moment)
        await self._add_event(tx, order, "queue", Role.STAFF, actor.id)
        queued = await rows.find(order.id)
        await tx.publish(StudioOrderQueued(queued, actor.id))
        return queued

    def picture_path(self, picture: Picture) -> str:
        """An absolute URL; that of a private picture is signed for an hour."""
        return media_path(picture.key) if picture.is_public else self._files.private_url(picture.key)

    async def _lock_new(self, tx: Tx, actor: Actor, order_id: int) -> tuple[StudioOrder, Role]:
        order = await StudioOrderRepository(tx).lock(order_id)
        if not order.is_visible_to(actor):
            raise OrderUnknown
        role = Role.BUYER if order.owner_id == actor.id else Role.STAFF
        if role is Role.STAFF and not actor.may_operate:
            raise ActionForbidden
        if order.status is not Status.NEW:
            raise WorkBegun
        return order, role

    async def _attach(
        self, tx: Tx, order_id: int, owner_id: int | None, file_ids: Sequence[int], uploader_id: int | None = None
    ) -> None:
        """Pictures that staff add to an account's order can be opened by its owner, too."""
        if len(file_ids) > MAX_PICTURES:
            raise TooManyPictures
        uploader_id = uploader_id or owner_id
        readers = [owner_id] if owner_id is not None and owner_id != uploader_id else []
        for file_id in file_ids:
            await self._files.attach(tx, file_id, owner_id=uploader_id, readers=readers, public=owner_id is None)
        if file_ids:
            await StudioOrderRepository(tx).add_pictures(order_id, file_ids)

    async def _discard_pictures(self, tx: Tx, order: StudioOrder) -> None:
        await StudioOrderRepository(tx).drop_pictures(order.id)
        for picture in order.pictures:
            await self._files.mark_deleted(tx, picture.id)

    async def _add_event(
        self, tx: Tx, order: StudioOrder, action: str, role: Role, actor_id: int | None, after: Status | None = None
    ) -> None:
        await OrderRepository(tx).add_event(
            order.id,
            action=action,
            role=role,
            actor_id=actor_id,
            before=(order.status, Money.NONE),
            after=(after or order.status, Money.NONE),
            now=self._clock.now(),
            details={},
        )
