"""What the staff does with categories and tags."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.accounts.model import Actor
from mystar.catalog.model import CategoryInUse, CategoryUnknown, Tag, tag_key, tags_by_key
from mystar.catalog.repository import QUERIES, CatalogRepository
from mystar.catalog.search_repository import SearchRepository
from mystar.errors import Invalid, NotFound, Text
from mystar.files.service import FileService
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.web.pagination import Page

_NO_NAME = Text("Нужно название.", "A name is needed.")
#: Services whose words are written anew in one go.
_AT_ONCE = 500


class TaxonomyService:
    """Every verb that changes something raises `Forbidden` for whoever is not staff who may."""

    def __init__(self, db: Database, files: FileService) -> None:
        self._db, self._files = db, files

    # Categories

    async def add_category(self, actor: Actor, name: str, *, photo_id: int | None = None, position: int = 0) -> int:
        """The id. :raises CategoryExists: the name is taken. :raises FileUnknown: no such upload of theirs."""
        _require(actor)
        async with self._db.transaction() as tx:
            if photo_id is not None:
                await self._files.attach(tx, photo_id, owner_id=actor.id, public=True)
            return await CatalogRepository(tx).add_category(_tidy(name), photo_id, position)

    async def edit_category(
        self,
        actor: Actor,
        category_id: int,
        *,
        name: str | None = None,
        photo_id: int | None = None,
        position: int | None = None,
    ) -> None:
        """What is None stays as it is; the picture before is discarded.

        :raises NotFound: :raises CategoryExists: the name is taken. :raises FileUnknown: no such upload of theirs.
        """
        _require(actor)
        async with self._db.transaction() as tx:
            before = await tx.one_or_none(QUERIES.lock_category, category_id=category_id)
            if before is None:
                raise NotFound
            if photo_id is not None:
                await self._files.attach(tx, photo_id, owner_id=actor.id, public=True)
            await tx.execute(
                QUERIES.edit_category,
                category_id=category_id,
                name=None if name is None else _tidy(name),
                photo_id=photo_id,
                position=position,
            )
            if photo_id is not None and before["photo_id"] is not None:
                await self._files.discard(tx, before["photo_id"])

    async def delete_category(self, actor: Actor, category_id: int) -> None:
        """:raises NotFound: :raises CategoryInUse: services are in it, hidden and removed ones too."""
        _require(actor)
        async with self._db.transaction() as tx:
            before = await tx.one_or_none(QUERIES.lock_category, category_id=category_id)
            if before is None:
                raise NotFound
            try:
                await tx.execute(QUERIES.drop_category, category_id=category_id)
            except CategoryUnknown as error:
                # One constraint guards both ends: no category without a row, no row gone while services name it.
                raise CategoryInUse from error
            if before["photo_id"] is not None:
                await self._files.discard(tx, before["photo_id"])

    async def reorder_categories(self, actor: Actor, category_ids: Sequence[int]) -> None:
        """These come in this order, from 1; what is not named keeps its position."""
        _require(actor)
        await self._db.execute(QUERIES.reorder_categories, ids=list(dict.fromkeys(category_ids)))

    # Tags

    async def tags(self, *, beginning: str = "", offset: int = 0, limit: int = 100) -> Page[Tag]:
        """By name; only those that begin so, in whatever case. Everybody may ask."""
        begins = tag_key(beginning) or None
        rows = await self._db.all(QUERIES.tags, beginning=begins, offset=offset, limit=limit)
        return Page([Tag(**row) for row in rows], int(await self._db.value(QUERIES.count_tags, beginning=begins)))

    async def add_tag(self, actor: Actor, name: str) -> int:
        """The id. :raises TagExists: in whatever spelling."""
        _require(actor)
        ((key, tidy),) = tags_by_key([_tidy(name)]).items()
        return int(await self._db.value(QUERIES.add_tag, key=key, name=tidy))

    async def rename_tag(self, actor: Actor, tag_id: int, name: str) -> None:
        """:raises NotFound: :raises TagExists: merge the two instead."""
        _require(actor)
        for key, tidy in tags_by_key([_tidy(name)]).items():
            async with self._db.transaction() as tx:
                if await tx.value(QUERIES.rename_tag, tag_id=tag_id, key=key, name=tidy) is None:
                    raise NotFound
                await _put_words(tx, await _services_with(tx, [tag_id]))

    async def merge_tags(self, actor: Actor, tag_ids: Sequence[int], into: int) -> None:
        """Whatever has one of the tags has ``into`` from now on, and they are gone. :raises NotFound: one of them."""
        _require(actor)
        others = [tag_id for tag_id in dict.fromkeys(tag_ids) if tag_id != into]
        async with self._db.transaction() as tx:
            await _lock(tx, [into, *others])
            services = await _services_with(tx, others)
            await tx.execute(QUERIES.give_tag, tag_id=into, ids=others)
            await tx.execute(QUERIES.drop_tag, ids=others)
            await _put_words(tx, services)

    async def delete_tag(self, actor: Actor, tag_id: int) -> None:
        """Nothing has it any more. :raises NotFound:"""
        _require(actor)
        async with self._db.transaction() as tx:
            await _lock(tx, [tag_id])
            services = await _services_with(tx, [tag_id])
            await tx.execute(QUERIES.drop_tag, ids=[tag_id])
            await _put_words(tx, services)


def _require(actor: Actor) -> None:
    actor.require_operator()


def _tidy(name: str) -> str:
    """:raises Invalid: nothing is left of it."""
    tidy = " ".join(name.split())
    if not tag_key(tidy):
        raise Invalid(fields={"name": [_NO_NAME]})
    return tidy


async def _lock(tx: Tx, tag_ids: Sequence[int]) -> None:
    if len(await tx.all(QUERIES.lock_tags, ids=list(tag_ids))) < len(tag_ids):
        raise NotFound


async def _services_with(tx: Tx, tag_ids: Sequence[int]) -> list[int]:
    return [row["id"] for row in await tx.all(QUERIES.services_with_tags, ids=list(tag_ids))]


async def _put_words(tx: Tx, service_ids: Sequence[int]) -> None:
    for start in range(0, len(service_ids), _AT_ONCE):
        await SearchRepository(tx).put(service_ids[start : start + _AT_ONCE])
