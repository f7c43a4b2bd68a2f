"""Services, their tags and stars as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from operator import itemgetter

from mystar.catalog import filter_queries
from mystar.catalog.model import (
    CategoryExists,
    CategoryUnknown,
    Greeting,
    GreetingPricing,
    GreetingPricingPatch,
    Option,
    PriceImpossible,
    Service,
    ServiceImage,
    ServiceUnknown,
    Star,
    StarUnknown,
    TagExists,
    tags_by_key,
)
from mystar.catalog.search import StarFilter, StarRank
from mystar.catalog.search_repository import SearchRepository
from mystar.creators.model import whole_stars
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import PageRequest

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "services": QUERIES.export_services,
    },
    erasures=(
        QUERIES.erase_service_tags,
        QUERIES.erase_service_images,
        QUERIES.erase_service_options,
        QUERIES.erase_services,
    ),
    kept_files=QUERIES.kept_category_photos,
)
CONSTRAINTS = {
    "categories_name_key": CategoryExists,
    "services_category_id_fkey": CategoryUnknown,
    "services_base_price_check": PriceImpossible,
    "services_invitation_price_check": PriceImpossible,
    "tags_key_key": TagExists,
}
#: Lists have up to 1000 stars; building a tuple from values in order takes a quarter of the time of keywords.
_STAR_FIELDS, _SERVICE_FIELDS = itemgetter(*Star._fields), itemgetter(*Service._fields)


class CatalogRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add_greeting(self, creator_id: int, title: str, now: datetime) -> None:
        service_id = await self._tx.value(QUERIES.add_greeting, creator_id=creator_id, title=title, now=now)
        await SearchRepository(self._tx).put([service_id])

    async def set_greeting(self, creator_id: int, pricing: GreetingPricing, now: datetime) -> None:
        """:raises CategoryUnknown: :raises PriceImpossible: :raises StarUnknown: there is no such creator."""
        values = asdict(pricing)
        tags = tags_by_key(values.pop("tags"))
        service_id = await self._tx.value(QUERIES.set_greeting, creator_id=creator_id, now=now, **values)
        if service_id is None:
            raise StarUnknown
        await self.set_tags(service_id, tags)

    async def patch_greeting(self, creator_id: int, change: GreetingPricingPatch, now: datetime) -> None:
        """:raises CategoryUnknown: :raises PriceImpossible: :raises StarUnknown: there is no such creator."""
        values = asdict(change)
        tags = values.pop("tags")
        service_id = await self._tx.value(QUERIES.patch_greeting, creator_id=creator_id, now=now, **values)
        if service_id is None:
            raise StarUnknown
        if tags is not None:
            await self.set_tags(service_id, tags_by_key(tags))

    async def greeting_pricing(self, creator_id: int) -> GreetingPricing:
        """:raises StarUnknown: there is no such creator."""
        row = await self._tx.one_or_none(QUERIES.greeting_pricing, creator_id=creator_id)
        if row is None:
            raise StarUnknown
        return GreetingPricing(**{**row, "tags": tuple(row["tags"])})

    async def set_tags(self, service_id: int, tags: Mapping[str, str]) -> None:
        """Replace the tags of a service, given by key, and update the search index."""
        keys = list(tags)
        await self._tx.execute(QUERIES.add_tags, keys=keys, names=list(tags.values()))
        await self._tx.execute(QUERIES.remove_service_tags, service_id=service_id, keys=keys)
        await self._tx.execute(QUERIES.add_service_tags, service_id=service_id, keys=keys)
        await SearchRepository(self._tx).put([service_id])

    async def greeting_of(self, account_id: int) -> Greeting | None:
        row = await self._tx.one_or_none(QUERIES.greeting_of, account_id=account_id)
        return Greeting(**row) if row else None

    async def services(self, ids: Sequence[int]) -> dict[int, Service]:
        """By id, listed or not; unknown ids are left out."""
        return {row["id"]: _service(row) for row in await self._tx.all(QUERIES.services, ids=list(ids))}

    async def set_withheld(self, service_id: int, now: datetime, *, is_withheld: bool) -> bool:
        """Whether it was withheld before. :raises ServiceUnknown:"""
        values = {"service_id": service_id, "is_withheld": is_withheld, "now": now}
        row = await self._tx.one_or_none(QUERIES.set_withheld, values)
        if row is None:
            raise ServiceUnknown
        return bool(row["was_withheld"])

    async def stars(self, filters: StarFilter, page: PageRequest) -> list[Star]:
        """A page of stars, best first."""
        if page.after is None:
            ids = await self._ids(filter_queries.page_of_stars(filters, limit=page.size, offset=page.offset))
        else:
            ids = await self._ids_after(filters, page.after, page.size)
        return [_star(row) for row in await self._tx.all(QUERIES.stars, ids=ids)] if ids else []

    async def _ids_after(self, filters: StarFilter, account_id: int, limit: int) -> list[int]:
        row = await self._tx.one_or_none(QUERIES.rank_of_star, account_id=account_id)
        if row is None:
            return []
        rank = StarRank(**row)
        # Two statements, each of which begins where it must in the index of ranks.
        ids = await self._ids(filter_queries.stars_like(filters, rank, limit=limit))
        if len(ids) < limit:
            ids += await self._ids(filter_queries.stars_below(filters, rank, limit=limit - len(ids)))
        return ids

    async def _ids(self, statement: filter_queries.Statement) -> list[int]:
        return [row["id"] for row in await self._tx.all(*statement)]

    async def count_stars(self, filters: StarFilter) -> int:
        if filters == StarFilter(category_id=filters.category_id):
            return await self.count_listed("greeting", None if filters.category_id is None else (filters.category_id,))
        statement, values = filter_queries.count_stars(filters)
        return int(await self._tx.value(statement, values))

    async def count_listed(self, kind: str | None, category_ids: tuple[int, ...] | None) -> int:
        """The number of listed services of a kind in these categories, from the kept counts. None = not filtered."""
        statement, values = filter_queries.count_listed(kind, category_ids)
        return int(await self._tx.value(statement, values))

    async def differences(self, limit: int) -> list[Difference]:
        return [Difference(**row) for row in await self._tx.all(QUERIES.differences, limit=limit)]


def _service(row: Row) -> Service:
    row["options"] = tuple(map(Option._make, row["options"] or ()))
    row["tags"] = tuple(row["tags"] or ())
    row["images"] = tuple(map(ServiceImage._make, row["images"] or ()))
    return Service._make(_SERVICE_FIELDS(row))


def _star(row: Row) -> Star:
    row["whole_stars"] = whole_stars(row.pop("rating_sum"), row.pop("rating_count"))
    row["tags"] = tuple(row["tags"])
    return Star._make(_STAR_FIELDS(row))
