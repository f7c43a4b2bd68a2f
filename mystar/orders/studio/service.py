"""Orders to the studio (docs/dialects/studio.md, D34–D36): people and guests place them, staff let the studio begin."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from mystar.accounts.model import Actor, ClientInfo
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.outbox.model import OutboxMessage
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Row, Tx
from mystar.kit.security.rate_limits import Limits
from mystar.kit.web.media_urls import media_path
from mystar.orders.model import NotYours, OrderUnknown, Role, Status
from mystar.orders.studio.model import (
    MOST_PICTURES,
    NumbersRunOut,
    Picture,
    StudioList,
    StudioOrder,
    StudioOrderChanged,
    StudioOrderPlaced,
    StudioOrderProcessed,
    StudioOrderQueued,
    StudioOrderWithdrawn,
    TooManyPictures,
    WorkBegun,
)
from mystar.orders.studio.repository import StudioRows

log = logging.getLogger(__name__)

#: The outbox topic of orders that wait for their moment.
TOPIC = "studio"


class StudioOrders:
    """The verbs. Every one with an id raises ``OrderUnknown`` for whoever may not see the order.

    :param process_after: how long an order waits between the button and the work.
    """

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        files: FileService,
        limits: Limits,
        clock: Clock,
        *,
        process_after: timedelta,
    ) -> None:
        self._db, self._outbox, self._files = db, outbox, files
        self._limits, self._clock, self._process_after = limits, clock, process_after
        #: What orders may be called.
        self.numbers = range(1_000_000)

    async def admit(self, actor: Actor | None, client: ClientInfo) -> None:
        """Count an order that is about to come, before its pictures do. :raises TooMany:"""
        if actor is None:
            await self._limits.hit("guest_order", client.address)
        else:
            await self._limits.hit("studio_order", actor.id)

    async def place(
        self, actor: Actor | None, *, title: str, description: str, file_ids: Sequence[int] = ()
    ) -> StudioOrder:
        """A new order of a person or, with None, of a guest, under a number of its own.

        :param file_ids: uploads of the same person, or of guests. A guest's pictures are open to everybody.
        :raises NumbersRunOut: :raises TooManyPictures: :raises FileUnknown: another's upload.
        """
        now, owner_id = self._clock.now(), actor.id if actor else None
        try:
            async with self._db.transaction() as tx:
                rows = StudioRows(tx)
                order_id = await rows.place(
                    self.numbers, owner_id=owner_id, title=title, description=description, now=now
                )
                await self._attach(tx, order_id, owner_id, file_ids)
                await rows.remember(
                    order_id,
                    action="place",
                    role=Role.BUYER,
                    actor_id=owner_id,
                    before=None,
                    after=Status.NEW,
                    now=now,
                    details={"pictures": len(file_ids)},
                )
                order = await rows.find(order_id)
                await tx.publish(StudioOrderPlaced(order, owner_id))
        except NumbersRunOut:
            log.error("every number of the studio's orders is taken")
            raise
        return order

    async def read(self, actor: Actor | None, order_id: int) -> StudioOrder:
        order = await StudioRows(self._db).find(order_id)
        if not order.may_be_seen_by(actor):
            raise OrderUnknown
        return order

    async def seen_by(self, actor: Actor | None, search: str = "", page: int = 1) -> StudioList:
        """Guests' orders and, for a person, their own, newest first (D35).

        :param search: digits that stand together in the number; anything else is in no number.
        """
        if search and not (search.isascii() and search.isdigit()):
            return StudioList([], 0)
        return await StudioRows(self._db).seen_by(actor.id if actor else None, search, page)

    async def history(self, actor: Actor, order_id: int) -> list[Row]:
        """Everything that happened to the order, oldest first."""
        await self.read(actor, order_id)
        return await StudioRows(self._db).history(order_id)

    async def change(
        self,
        actor: Actor,
        order_id: int,
        *,
        title: str | None = None,
        description: str | None = None,
        file_ids: Sequence[int] = (),
        anew: bool = False,
    ) -> StudioOrder:
        """Change what is given, as long as the order is new; a guest's only by staff (D35).

        :param anew: the given pictures take the place of those before, instead of joining them.
        :raises NotYours: :raises WorkBegun: :raises TooManyPictures: :raises FileUnknown: none of the actor's uploads.
        """
        now = self._clock.now()
        async with self._db.transaction() as tx:
            order, role = await self._lock_new(tx, actor, order_id)
            rows = StudioRows(tx)
            if anew and file_ids:
                await self._discard_pictures(tx, order)
            elif len(order.pictures) + len(file_ids) > MOST_PICTURES:
                raise TooManyPictures
            await self._attach(tx, order.id, order.owner_id, file_ids, uploader_id=actor.id)
            await rows.change(
                order.id,
                order.title if title is None else title,
                order.description if description is None else description,
                now,
            )
            await self._remember(tx, order, "edit", role, actor.id)
            changed = await rows.find(order.id)
            await tx.publish(StudioOrderChanged(changed, actor.id))
        return changed

    async def withdraw(self, actor: Actor, order_id: int) -> None:
        """Take a new order back: nobody sees it any more; its number stays taken, its history stays.

        :raises NotYours: :raises WorkBegun:
        """
        async with self._db.transaction() as tx:
            order, role = await self._lock_new(tx, actor, order_id)
            await self._discard_pictures(tx, order)
            await StudioRows(tx).move(order.id, Status.CANCELLED, self._clock.now())
            await self._remember(tx, order, "cancel", role, actor.id, after=Status.CANCELLED)
            await tx.publish(StudioOrderWithdrawn(order, actor.id))

    # The studio's side (D36)

    async def process(self, actor: Actor, order_id: int) -> StudioOrder:
        """Let the studio take the order up after the delay. Once it is asked for, asking again changes nothing.

        :raises Forbidden: not staff, or staff who may only look.
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            return await self._queue(tx, actor, order_id)

    async def process_many(self, actor: Actor, order_ids: Iterable[int]) -> list[StudioOrder]:
        """The same for several at once; those that are not there are passed over. :raises Forbidden:"""
        actor.require_operator()
        orders = []
        async with self._db.transaction() as tx:
            # In one order for everybody, so that two who press at once wait for each other instead of for ever.
            for order_id in sorted(set(order_ids)):
                try:
                    orders.append(await self._queue(tx, actor, order_id))
                except OrderUnknown:
                    continue
        return orders

    async def take_up(self, letter: OutboxMessage) -> None:
        """The moment has come. Done once, however often and by however many processes it is tried."""
        async with self._db.transaction() as tx:
            rows = StudioRows(tx)
            try:
                order = await rows.lock(letter.payload["order_id"])
            except OrderUnknown:
                return  # taken back meanwhile
            if order.status is not Status.NEW:
                return
            await rows.move(order.id, Status.IN_PROCESS, self._clock.now())
            await self._remember(tx, order, "process", Role.SYSTEM, None, after=Status.IN_PROCESS)
            await tx.publish(StudioOrderProcessed(await rows.find(order.id), None))

    async def _queue(self, tx: Tx, actor: Actor, order_id: int) -> StudioOrder:
        rows = StudioRows(tx)
        order = await rows.lock(order_id)
        if order.status is not Status.NEW or order.process_at is not None:
            return order
        now = self._clock.now()
        moment = now + self._process_after
        await rows.queue(order.id, moment, now)
        # The row in the outbox is what survives us; its name makes a second one impossible.
        await self._outbox.put(tx, TOPIC, {"order_id": order.id}, name=f"process:{order.id}", after=moment)
        await self._remember(tx, order, "queue", Role.STAFF, actor.id)
        queued = await rows.find(order.id)
        await tx.publish(StudioOrderQueued(queued, actor.id))
        return queued

    def picture_path(self, picture: Picture) -> str:
        """Behind our address; a private one is signed for an hour."""
        return media_path(picture.key) if picture.is_public else self._files.private_url(picture.key)

    async def _lock_new(self, tx: Tx, actor: Actor, order_id: int) -> tuple[StudioOrder, Role]:
        order = await StudioRows(tx).lock(order_id)
        if not order.may_be_seen_by(actor):
            raise OrderUnknown
        role = Role.BUYER if order.owner_id == actor.id else Role.STAFF
        if role is Role.STAFF and not actor.may_operate:
            raise NotYours
        if order.status is not Status.NEW:
            raise WorkBegun
        return order, role

    async def _attach(
        self, tx: Tx, order_id: int, owner_id: int | None, file_ids: Sequence[int], uploader_id: int | None = None
    ) -> None:
        """Pictures that staff add to another's order are open to its owner, too."""
        if len(file_ids) > MOST_PICTURES:
            raise TooManyPictures
        uploader_id = uploader_id or owner_id
        readers = [owner_id] if owner_id is not None and owner_id != uploader_id else []
        for file_id in file_ids:
            await self._files.attach(tx, file_id, owner_id=uploader_id, readers=readers, public=owner_id is None)
        if file_ids:
            await StudioRows(tx).add_pictures(order_id, file_ids)

    async def _discard_pictures(self, tx: Tx, order: StudioOrder) -> None:
        await StudioRows(tx).drop_pictures(order.id)
        for picture in order.pictures:
            await self._files.discard(tx, picture.id)

    async def _remember(
        self, tx: Tx, order: StudioOrder, action: str, role: Role, actor_id: int | None, after: Status | None = None
    ) -> None:
        await StudioRows(tx).remember(
            order.id,
            action=action,
            role=role,
            actor_id=actor_id,
            before=order.status,
            after=after or order.status,
            now=self._clock.now(),
        )
