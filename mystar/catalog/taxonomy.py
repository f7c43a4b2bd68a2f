"""Categories and tags, as staff edit them."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.accounts.model import Actor
from mystar.catalog.model import Category, Tag, tags_by_key
from mystar.catalog.search_repository import SearchRepository
from mystar.catalog.taxonomy_repository import TaxonomyRepository
from mystar.creators.model import TaxonomyChanged
from mystar.errors import Invalid, Text
from mystar.files.service import FileService
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.text import comparison_key
from mystar.kit.web.pagination import Page, PageRequest

_NO_NAME = Text("Нужно название.", "A name is needed.")
#: Services whose search texts are written in one statement.
_BATCH = 500


class TaxonomyService:
    """Methods that change something raise `Forbidden` unless the actor is an operator or an owner."""

    def __init__(self, db: Database, files: FileService) -> None:
        self._db, self._files = db, files

    # Categories

    async def categories(self) -> list[Category]:
        """By position."""
        return await TaxonomyRepository(self._db).categories()

    async def add_category(self, actor: Actor, name: str, *, photo_id: int | None = None, position: int = 0) -> int:
        """Returns the id. :raises CategoryExists: the name is taken. :raises FileUnknown: no upload of the actor."""
        actor.require_operator()
        async with self._db.transaction() as tx:
            if photo_id is not None:
                await self._files.attach(tx, photo_id, owner_id=actor.id, public=True)
            added = await TaxonomyRepository(tx).add_category(_normalize_name(name), photo_id, position)
            await tx.publish(TaxonomyChanged("category", added, "name", "", _normalize_name(name)))
        return added

    async def edit_category(
        self,
        actor: Actor,
        category_id: int,
        *,
        name: str | None = None,
        photo_id: int | None = None,
        position: int | None = None,
    ) -> None:
        """None leaves a field as it is; a new picture discards the one before.

        :raises NotFound: :raises CategoryExists: the name is taken. :raises FileUnknown: no upload of the actor.
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            taxonomy = TaxonomyRepository(tx)
            old = await taxonomy.lock_category(category_id)
            if photo_id is not None:
                await self._files.attach(tx, photo_id, owner_id=actor.id, public=True)
            new_name = None if name is None else _normalize_name(name)
            await taxonomy.edit_category(category_id, name=new_name, photo_id=photo_id, position=position)
            if photo_id is not None and old["photo_id"] is not None:
                await self._files.mark_deleted(tx, old["photo_id"])
            for field, after in (("name", new_name), ("position", position), ("photo_id", photo_id)):
                if after is not None and after != old[field]:
                    change = TaxonomyChanged("category", category_id, field, str(old[field] or ""), str(after))
                    await tx.publish(change)

    async def delete_category(self, actor: Actor, category_id: int) -> None:
        """:raises NotFound: :raises CategoryInUse: it has services, hidden and removed ones included."""
        actor.require_operator()
        async with self._db.transaction() as tx:
            taxonomy = TaxonomyRepository(tx)
            old = await taxonomy.lock_category(category_id)
            await taxonomy.delete_category(category_id)
            if old["photo_id"] is not None:
                await self._files.mark_deleted(tx, old["photo_id"])
            await tx.publish(TaxonomyChanged("category", category_id, "name", old["name"], ""))

    async def reorder_categories(self, actor: Actor, category_ids: Sequence[int]) -> None:
        """Number these from 1 in the given order; other categories keep their positions."""
        actor.require_operator()
        await TaxonomyRepository(self._db).reorder_categories(list(dict.fromkeys(category_ids)))

    # Tags

    async def tags(self, page: PageRequest, *, prefix: str = "") -> Page[Tag]:
        """By name. :param prefix: how the name begins, in any case. Public."""
        taxonomy, key = TaxonomyRepository(self._db), comparison_key(prefix)
        return Page(await taxonomy.tags(key, page), await taxonomy.count_tags(key))

    async def add_tag(self, actor: Actor, name: str) -> int:
        """Returns the id. :raises TagExists: another tag has this name in any spelling."""
        actor.require_operator()
        key, shown = _tag(name)
        async with self._db.transaction() as tx:
            added = await TaxonomyRepository(tx).add_tag(key, shown)
            await tx.publish(TaxonomyChanged("tag", added, "name", "", shown))
        return added

    async def rename_tag(self, actor: Actor, tag_id: int, name: str) -> None:
        """:raises NotFound: :raises TagExists: another tag has this name; merge the two instead."""
        actor.require_operator()
        async with self._db.transaction() as tx:
            taxonomy = TaxonomyRepository(tx)
            key, shown = _tag(name)
            before = (await taxonomy.lock_tags([tag_id]))[tag_id]
            await taxonomy.rename_tag(tag_id, key, shown)
            if before != shown:
                await tx.publish(TaxonomyChanged("tag", tag_id, "name", before, shown))
            await _update_search(tx, await taxonomy.services_with_tags([tag_id]))

    async def merge_tags(self, actor: Actor, tag_ids: Sequence[int], into: int) -> None:
        """Replace the tags by ``into`` on every service and delete them. :raises NotFound: one does not exist."""
        actor.require_operator()
        others = [tag_id for tag_id in dict.fromkeys(tag_ids) if tag_id != into]
        async with self._db.transaction() as tx:
            taxonomy = TaxonomyRepository(tx)
            names = await taxonomy.lock_tags([into, *others])
            services = await taxonomy.services_with_tags(others)
            await taxonomy.assign_tag(into, others)
            await taxonomy.delete_tags(others)
            await _update_search(tx, services)
            for tag_id in others:
                await tx.publish(TaxonomyChanged("tag", tag_id, "name", names[tag_id], ""))

    async def delete_tag(self, actor: Actor, tag_id: int) -> None:
        """Delete the tag and take it from its services. :raises NotFound:"""
        actor.require_operator()
        async with self._db.transaction() as tx:
            taxonomy = TaxonomyRepository(tx)
            names = await taxonomy.lock_tags([tag_id])
            services = await taxonomy.services_with_tags([tag_id])
            await taxonomy.delete_tags([tag_id])
            await _update_search(tx, services)
            await tx.publish(TaxonomyChanged("tag", tag_id, "name", names[tag_id], ""))


def _normalize_name(name: str) -> str:
    """:raises Invalid: it has no visible character."""
    normalized = " ".join(name.split())
    if not comparison_key(normalized):
        raise Invalid(fields={"name": [_NO_NAME]})
    return normalized


def _tag(name: str) -> tuple[str, str]:
    """The key and the name. :raises Invalid: the name has no visible character."""
    (tag,) = tags_by_key([_normalize_name(name)]).items()
    return tag


async def _update_search(tx: Tx, service_ids: Sequence[int]) -> None:
    for start in range(0, len(service_ids), _BATCH):
        await SearchRepository(tx).put(service_ids[start : start + _BATCH])
