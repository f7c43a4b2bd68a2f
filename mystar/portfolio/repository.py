"""Works and their images as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.kit.web.pagination import PageRequest
from mystar.portfolio.model import Image, ImageUnknown, Item, ItemUnknown

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "portfolio": QUERIES.export_portfolio,
    },
    erasures=(QUERIES.erase_portfolio,),
)


class LockedItem(NamedTuple):
    """An item that is locked until the transaction ends."""

    id: int
    cover_id: int | None


class PortfolioRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add_item(
        self, creator_id: int, *, title: str, description: str, external_url: str, cover_id: int, now: datetime
    ) -> int:
        """Returns the id."""
        return int(
            await self._tx.value(
                QUERIES.add_item,
                creator_id=creator_id,
                title=title,
                description=description,
                external_url=external_url,
                cover_id=cover_id,
                now=now,
            )
        )

    async def lock_item(self, item_id: int, account_id: int) -> LockedItem:
        """:raises ItemUnknown: the account has no such item."""
        row = await self._tx.one_or_none(QUERIES.lock_item, id=item_id, account_id=account_id)
        if row is None:
            raise ItemUnknown
        return LockedItem(**row)

    async def lock_image(self, image_id: int, account_id: int) -> int:
        """Lock the item of an image; returns the id of the file. :raises ImageUnknown: not of the account."""
        locked = await self._tx.value(QUERIES.lock_item_of_image, id=image_id, account_id=account_id)
        # It may have been deleted while the lock was awaited.
        row = await self._tx.one_or_none(QUERIES.image, id=image_id) if locked else None
        if row is None:
            raise ImageUnknown
        return int(row["file_id"])

    async def edit_item(
        self,
        item_id: int,
        *,
        title: str | None,
        description: str | None,
        external_url: str | None,
        cover_id: int | None,
        now: datetime,
    ) -> None:
        await self._tx.execute(
            QUERIES.edit_item,
            id=item_id,
            title=title,
            description=description,
            external_url=external_url,
            cover_id=cover_id,
            now=now,
        )

    async def delete_item(self, item_id: int) -> list[int]:
        """Returns the ids of its files, those of its images included."""
        files = [row["file_id"] for row in await self._tx.all(QUERIES.files_of_item, id=item_id)]
        await self._tx.execute(QUERIES.delete_item, id=item_id)
        return files

    async def item(self, item_id: int) -> Item:
        """:raises ItemUnknown:"""
        rows = await self._tx.all(QUERIES.items, id=item_id, creator_id=None, limit=0, offset=0)
        if not rows:
            raise ItemUnknown
        return (await self._with_images(rows))[0]

    async def items(self, creator_id: int, page: PageRequest) -> list[Item]:
        rows = await self._tx.all(QUERIES.items, id=None, creator_id=creator_id, offset=page.offset, limit=page.size)
        return await self._with_images(rows)

    async def count_items(self, creator_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_items, creator_id=creator_id))

    async def images(
        self, page: PageRequest, *, item_id: int | None = None, account_id: int | None = None
    ) -> list[Image]:
        rows = await self._tx.all(
            QUERIES.images, item_id=item_id, account_id=account_id, offset=page.offset, limit=page.size
        )
        return [Image(**row) for row in rows]

    async def count_images(self, *, item_id: int | None = None, account_id: int | None = None) -> int:
        return int(await self._tx.value(QUERIES.count_images, item_id=item_id, account_id=account_id))

    async def image(self, image_id: int) -> Image:
        """:raises ImageUnknown:"""
        row = await self._tx.one_or_none(QUERIES.image, id=image_id)
        if row is None:
            raise ImageUnknown
        return Image(**{name: row[name] for name in Image.__slots__})

    async def add_images(
        self, item_id: int, file_ids: Sequence[int], *, caption: str = "", position: int | None = None, now: datetime
    ) -> list[int]:
        """Returns the ids. :param position: None = after the existing ones."""
        rows = await self._tx.all(
            QUERIES.add_images,
            item_id=item_id,
            file_ids=list(file_ids),
            caption=caption,
            position=position,
            now=now,
        )
        return [row["id"] for row in rows]

    async def edit_image(
        self, image_id: int, *, caption: str | None, position: int | None, file_id: int | None, now: datetime
    ) -> None:
        await self._tx.execute(
            QUERIES.edit_image, id=image_id, caption=caption, position=position, file_id=file_id, now=now
        )

    async def delete_image(self, image_id: int) -> None:
        await self._tx.execute(QUERIES.delete_image, id=image_id)

    async def _with_images(self, rows: Sequence[Row]) -> list[Item]:
        images: dict[int, list[Image]] = defaultdict(list)
        if rows:
            for row in await self._tx.all(QUERIES.images_of, item_ids=[row["id"] for row in rows]):
                images[row["item_id"]].append(Image(**row))
        return [Item(**row, images=tuple(images[row["id"]])) for row in rows]
