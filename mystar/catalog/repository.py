"""Categories, services and tags as rows, and stars as they are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from operator import itemgetter

from mystar.catalog.model import (
    Category,
    CategoryExists,
    CategoryUnknown,
    Difference,
    Greeting,
    GreetingPricing,
    GreetingPricingPatch,
    Option,
    PriceImpossible,
    Service,
    ServiceUnknown,
    Star,
    StarUnknown,
    TagExists,
    tags_by_key,
)
from mystar.catalog.search_repository import SearchRepository
from mystar.creators.model import whole_stars
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.queries import load

QUERIES = load(__package__)
CONSTRAINTS = {
    "categories_name_key": CategoryExists,
    "services_category_id_fkey": CategoryUnknown,
    "services_base_price_check": PriceImpossible,
    "services_invitation_price_check": PriceImpossible,
    "tags_key_key": TagExists,
}
_MAX_CATEGORIES = 1000
#: A list has up to a thousand stars, and keywords would cost four times as much as their values in order.
_STAR_FIELDS, _SERVICE_FIELDS = itemgetter(*Star._fields), itemgetter(*Service._fields)


@dataclass(frozen=True, slots=True)
class StarFilter:
    """Which stars; None = does not matter. ``fan_id``: only the favourites of this account."""

    account_id: int | None = None
    category_id: int | None = None
    tag: str | None = None
    fan_id: int | None = None


class CatalogRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def categories(self) -> list[Category]:
        return [Category(**row) for row in await self._tx.all(QUERIES.categories, most=_MAX_CATEGORIES)]

    async def add_category(self, name: str, photo_id: int | None, position: int) -> int:
        """The id. :raises CategoryExists: the name is taken."""
        return int(await self._tx.value(QUERIES.add_category, name=name, photo_id=photo_id, position=position))

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
        """These and no others, by their keys; and the service is found by them from now on."""
        keys = list(tags)
        await self._tx.execute(QUERIES.add_tags, keys=keys, names=list(tags.values()))
        await self._tx.execute(QUERIES.drop_tags, service_id=service_id, keys=keys)
        await self._tx.execute(QUERIES.put_tags, service_id=service_id, keys=keys)
        await SearchRepository(self._tx).put([service_id])

    async def greeting_of(self, account_id: int) -> Greeting | None:
        row = await self._tx.one_or_none(QUERIES.greeting_of, account_id=account_id)
        return Greeting(**row) if row else None

    async def services(self, ids: Sequence[int]) -> dict[int, Service]:
        """By id, listed or not; what there is no row of is left out."""
        return {row["id"]: _service(row) for row in await self._tx.all(QUERIES.services, ids=list(ids))}

    async def set_withheld(self, service_id: int, now: datetime, *, is_withheld: bool) -> None:
        """:raises ServiceUnknown:"""
        if not await self._tx.execute(QUERIES.set_withheld, service_id=service_id, is_withheld=is_withheld, now=now):
            raise ServiceUnknown

    async def stars(self, which: StarFilter, *, limit: int, offset: int = 0) -> list[Star]:
        return [_star(row) for row in await self._tx.all(QUERIES.stars, **asdict(which), limit=limit, offset=offset)]

    async def count_stars(self, which: StarFilter) -> int:
        if which.account_id is None and which.tag is None and which.fan_id is None:
            return await self.count_listed("greeting", None if which.category_id is None else (which.category_id,))
        return int(await self._tx.value(QUERIES.count_stars, **asdict(which)))

    async def count_listed(self, kind: str | None, category_ids: Sequence[int] | None) -> int:
        """How many services of a kind (None = any) are listed in these categories (None = all); nothing is counted."""
        ids = None if category_ids is None else list(category_ids)
        return int(await self._tx.value(QUERIES.count_listed, kind=kind, category_ids=ids))

    async def differences(self, limit: int) -> list[Difference]:
        return [Difference(**row) for row in await self._tx.all(QUERIES.differences, limit=limit)]


def _service(row: Row) -> Service:
    row["options"] = tuple(map(Option._make, row["options"] or ()))
    row["tags"] = tuple(row["tags"] or ())
    return Service._make(_SERVICE_FIELDS(row))


def _star(row: Row) -> Star:
    row["whole_stars"] = whole_stars(row.pop("rating_sum"), row.pop("rating_count"))
    row["tags"] = tuple(row["tags"])
    return Star._make(_STAR_FIELDS(row))
