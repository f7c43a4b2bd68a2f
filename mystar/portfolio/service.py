"""Works and their images."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.accounts.model import Actor
from mystar.creators.model import CreatorUnknown
from mystar.creators.service import CreatorService
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.web.pagination import Page, PageRequest
from mystar.portfolio.model import MAX_IMAGES, Image, Item, TooManyImages
from mystar.portfolio.repository import PortfolioRepository


class PortfolioService:
    """Pictures are ids of the actor's uploads; others raise `FileUnknown`."""

    def __init__(self, db: Database, creators: CreatorService, files: FileService, clock: Clock) -> None:
        self._db, self._creators, self._files, self._clock = db, creators, files, clock

    # Works

    async def item(self, item_id: int) -> Item:
        """:raises ItemUnknown:"""
        return await PortfolioRepository(self._db).item(item_id)

    async def items(self, creator_id: int, page: PageRequest) -> Page[Item]:
        """Newest first; empty for an unknown creator."""
        portfolio = PortfolioRepository(self._db)
        rows = await portfolio.items(creator_id, page)
        return Page(rows, await portfolio.count_items(creator_id))

    async def own_items(self, actor: Actor, page: PageRequest) -> Page[Item]:
        """Newest first; empty without a creator profile."""
        try:
            creator = await self._creators.by_account(actor.id)
        except CreatorUnknown:
            return Page([], 0)
        return await self.items(creator.id, page)

    async def add_item(
        self,
        actor: Actor,
        *,
        title: str,
        cover_id: int,
        description: str = "",
        external_url: str = "",
        image_ids: Sequence[int] = (),
    ) -> Item:
        """:raises CreatorsOnly: the actor has no profile. :raises TooManyImages:"""
        creator, now = await self._creators.require(actor), self._clock.now()
        if len(image_ids) > MAX_IMAGES:
            raise TooManyImages(limit=MAX_IMAGES)
        async with self._db.transaction() as tx:
            portfolio = PortfolioRepository(tx)
            for file_id in (cover_id, *image_ids):
                await self._files.attach(tx, file_id, owner_id=actor.id, public=True)
            item_id = await portfolio.add_item(
                creator.id,
                title=title,
                description=description,
                external_url=external_url,
                cover_id=cover_id,
                now=now,
            )
            await portfolio.add_images(item_id, image_ids, now=now)
            return await portfolio.item(item_id)

    async def edit_item(
        self,
        actor: Actor,
        item_id: int,
        *,
        title: str | None = None,
        description: str | None = None,
        external_url: str | None = None,
        cover_id: int | None = None,
    ) -> Item:
        """None = unchanged; a replaced cover is discarded. :raises ItemUnknown: not the actor's."""
        async with self._db.transaction() as tx:
            portfolio = PortfolioRepository(tx)
            locked = await portfolio.lock_item(item_id, actor.id)
            if cover_id is not None:
                await self._files.attach(tx, cover_id, owner_id=actor.id, public=True)
            await portfolio.edit_item(
                item_id,
                title=title,
                description=description,
                external_url=external_url,
                cover_id=cover_id,
                now=self._clock.now(),
            )
            if cover_id is not None and locked.cover_id is not None:
                await self._files.mark_deleted(tx, locked.cover_id)
            return await portfolio.item(item_id)

    async def delete_item(self, actor: Actor, item_id: int) -> None:
        """Delete an item with its images and their files. :raises ItemUnknown: not the actor's."""
        async with self._db.transaction() as tx:
            portfolio = PortfolioRepository(tx)
            await portfolio.lock_item(item_id, actor.id)
            for file_id in await portfolio.delete_item(item_id):
                await self._files.mark_deleted(tx, file_id)

    # Images

    async def images(self, item_id: int, page: PageRequest) -> Page[Image]:
        """The images of an item by position; empty for an unknown item."""
        portfolio = PortfolioRepository(self._db)
        rows = await portfolio.images(page, item_id=item_id)
        return Page(rows, await portfolio.count_images(item_id=item_id))

    async def own_images(self, actor: Actor, page: PageRequest) -> Page[Image]:
        """The images of all items of the actor, item by item."""
        portfolio = PortfolioRepository(self._db)
        rows = await portfolio.images(page, account_id=actor.id)
        return Page(rows, await portfolio.count_images(account_id=actor.id))

    async def image(self, image_id: int) -> Image:
        """:raises ImageUnknown:"""
        return await PortfolioRepository(self._db).image(image_id)

    async def add_image(
        self, actor: Actor, item_id: int, file_id: int, *, caption: str = "", position: int | None = None
    ) -> Image:
        """:param position: None = the last one. :raises ItemUnknown: not the actor's. :raises TooManyImages:"""
        async with self._db.transaction() as tx:
            portfolio = PortfolioRepository(tx)
            await portfolio.lock_item(item_id, actor.id)
            await self._require_room(portfolio, item_id)
            await self._files.attach(tx, file_id, owner_id=actor.id, public=True)
            (image_id,) = await portfolio.add_images(
                item_id, [file_id], caption=caption, position=position, now=self._clock.now()
            )
            return await portfolio.image(image_id)

    async def edit_image(
        self,
        actor: Actor,
        image_id: int,
        *,
        caption: str | None = None,
        position: int | None = None,
        file_id: int | None = None,
    ) -> Image:
        """None = unchanged; a replaced file is discarded. :raises ImageUnknown: not the actor's."""
        async with self._db.transaction() as tx:
            portfolio = PortfolioRepository(tx)
            before = await portfolio.lock_image(image_id, actor.id)
            if file_id is not None:
                await self._files.attach(tx, file_id, owner_id=actor.id, public=True)
            await portfolio.edit_image(
                image_id, caption=caption, position=position, file_id=file_id, now=self._clock.now()
            )
            if file_id is not None:
                await self._files.mark_deleted(tx, before)
            return await portfolio.image(image_id)

    async def delete_image(self, actor: Actor, image_id: int) -> None:
        """Delete an image and its file. :raises ImageUnknown: not the actor's."""
        async with self._db.transaction() as tx:
            portfolio = PortfolioRepository(tx)
            file_id = await portfolio.lock_image(image_id, actor.id)
            await portfolio.delete_image(image_id)
            await self._files.mark_deleted(tx, file_id)

    @staticmethod
    async def _require_room(portfolio: PortfolioRepository, item_id: int) -> None:
        if await portfolio.count_images(item_id=item_id) >= MAX_IMAGES:
            raise TooManyImages(limit=MAX_IMAGES)
