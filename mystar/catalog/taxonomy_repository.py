"""Categories and tags as rows."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.catalog.filter_queries import count_tags, page_of_tags
from mystar.catalog.model import DEFAULT_CATEGORY, Category, CategoryInUse, CategoryUnknown, Tag
from mystar.errors import NotFound
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.queries import load
from mystar.kit.web.pagination import PageRequest

QUERIES = load(__package__)
_MAX_CATEGORIES = 1000
#: The default category comes after all others.
_LAST = 1_000_000


class TaxonomyRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    # Categories

    async def categories(self) -> list[Category]:
        """By position."""
        return [Category(**row) for row in await self._tx.all(QUERIES.categories, limit=_MAX_CATEGORIES)]

    async def add_category(self, name: str, photo_id: int | None, position: int) -> int:
        """Returns the id. :raises CategoryExists: the name is taken."""
        return int(await self._tx.value(QUERIES.add_category, name=name, photo_id=photo_id, position=position))

    async def default_category(self) -> int:
        """The id of the category of services without one; created if it is missing."""
        await self._tx.execute(QUERIES.add_default_category, name=DEFAULT_CATEGORY, position=_LAST)
        return int(await self._tx.value(QUERIES.category_id, name=DEFAULT_CATEGORY))

    async def lock_category(self, category_id: int) -> Row:
        """Lock the row: ``photo_id, name, position``. :raises NotFound: there is no such category."""
        row = await self._tx.one_or_none(QUERIES.lock_category, category_id=category_id)
        if row is None:
            raise NotFound
        return row

    async def edit_category(
        self, category_id: int, *, name: str | None, photo_id: int | None, position: int | None
    ) -> None:
        """None leaves a column as it is. :raises CategoryExists: the name is taken."""
        await self._tx.execute(
            QUERIES.edit_category, category_id=category_id, name=name, photo_id=photo_id, position=position
        )

    async def delete_category(self, category_id: int) -> None:
        """:raises CategoryInUse: services name it, hidden and removed ones included."""
        try:
            await self._tx.execute(QUERIES.delete_category, category_id=category_id)
        except CategoryUnknown as error:
            # One foreign key refuses both a service with an unknown category and the removal of one in use.
            raise CategoryInUse from error

    async def reorder_categories(self, category_ids: Sequence[int]) -> None:
        """Number these from 1 in the given order; other categories keep their positions."""
        await self._tx.execute(QUERIES.reorder_categories, ids=list(category_ids))

    # Tags

    async def tags(self, prefix: str, page: PageRequest) -> list[Tag]:
        """By key. :param prefix: of the key, "" = all."""
        statement, values = page_of_tags(prefix, offset=page.offset, limit=page.size)
        return [Tag(**row) for row in await self._tx.all(statement, values)]

    async def count_tags(self, prefix: str) -> int:
        statement, values = count_tags(prefix)
        return int(await self._tx.value(statement, values))

    async def add_tag(self, key: str, name: str) -> int:
        """Returns the id. :raises TagExists: another tag has this key."""
        return int(await self._tx.value(QUERIES.add_tag, key=key, name=name))

    async def rename_tag(self, tag_id: int, key: str, name: str) -> None:
        """:raises NotFound: there is no such tag. :raises TagExists: another tag has this key."""
        if await self._tx.value(QUERIES.rename_tag, tag_id=tag_id, key=key, name=name) is None:
            raise NotFound

    async def lock_tags(self, tag_ids: Sequence[int]) -> dict[int, str]:
        """Their names by id. :raises NotFound: one of them does not exist."""
        names = {row["id"]: row["name"] for row in await self._tx.all(QUERIES.lock_tags, ids=list(tag_ids))}
        if len(names) < len(tag_ids):
            raise NotFound
        return names

    async def assign_tag(self, tag_id: int, of_tags: Sequence[int]) -> None:
        """Add the tag to every service that has one of ``of_tags``."""
        await self._tx.execute(QUERIES.assign_tag, tag_id=tag_id, ids=list(of_tags))

    async def delete_tags(self, tag_ids: Sequence[int]) -> None:
        await self._tx.execute(QUERIES.delete_tags, ids=list(tag_ids))

    async def services_with_tags(self, tag_ids: Sequence[int]) -> list[int]:
        """Ids of services, ascending."""
        return [row["id"] for row in await self._tx.all(QUERIES.services_with_tags, ids=list(tag_ids))]
