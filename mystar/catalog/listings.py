"""Services as creators put them up and as people find them.

A greeting that is for sale is a service of its creator like any other: it is in these lists, found by the star's name,
opened, changed and ordered like the rest (D20). It cannot be removed, for it is there as long as its creator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mystar.accounts.model import AccountChanged, Actor
from mystar.catalog.model import Category, Difference, GreetingStays, Service, ServiceDraft, ServiceUnknown, tag_key
from mystar.catalog.repository import QUERIES, CatalogRepository
from mystar.catalog.search import ServiceFilter, SortOrder
from mystar.catalog.search_repository import SearchRepository
from mystar.catalog.service_repository import ServiceRepository
from mystar.creators.service import CreatorService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.web.pagination import Page

#: `recount` names this many differences; more say nothing more.
_MAX_DIFFERENCES = 1000


class ServiceListings:
    """Services are named by their ids. What is hidden or removed does not exist for others (D4)."""

    def __init__(self, db: Database, creators: CreatorService, clock: Clock) -> None:
        self._db, self._creators, self._clock = db, creators, clock

    def listen(self, events: Events) -> None:
        """Services are found by their creators' names, and those of blocked people are not found."""
        events.on(AccountChanged, self._follow)

    # The creator's side

    async def create(self, actor: Actor, draft: ServiceDraft) -> Service:
        """A new service of the actor's, with its options and tags.

        :param draft: with a title, a category, a price and the days at least.
        :raises CreatorsOnly: the actor is none. :raises CategoryUnknown: :raises PriceImpossible:
        :raises OptionUnknown: a new service has no options yet, whatever ids they are given.
        """
        async with self._db.transaction() as tx:
            service_id = await ServiceRepository(tx).add(actor.id, draft, self._clock.now())
            return await self._read(tx, service_id)

    async def change(self, actor: Actor, service_id: int, draft: ServiceDraft) -> Service:
        """Orders that were placed keep their price and the options as they were (D24).

        :raises ServiceUnknown: it is none of the actor's. :raises CategoryUnknown: :raises PriceImpossible:
        :raises OptionUnknown: by its place in the list.
        """
        async with self._db.transaction() as tx:
            rows = ServiceRepository(tx)
            await rows.change(await rows.lock(actor.id, service_id), draft, self._clock.now())
            return await self._read(tx, service_id)

    async def remove(self, actor: Actor, service_id: int) -> None:
        """For everybody and for good; only orders still name it.

        :raises ServiceUnknown: it is none of the actor's. :raises GreetingStays:
        """
        async with self._db.transaction() as tx:
            rows = ServiceRepository(tx)
            if (await rows.lock(actor.id, service_id)).kind == "greeting":
                raise GreetingStays
            await rows.remove(service_id, self._clock.now())

    async def own(self, actor: Actor, filters: ServiceFilter, *, offset: int = 0, limit: int = 20) -> Page[Service]:
        """The actor's services, hidden ones too. Who is no creator has none."""
        if not await self._creators.is_creator(actor.id):
            return Page((), 0)
        creator = await self._creators.by_account(actor.id)
        return await self.find(replace(filters, creator_id=creator.id, hidden_too=True), offset=offset, limit=limit)

    # Everybody's side

    async def service(self, actor: Actor | None, service_id: int) -> Service:
        """:raises ServiceUnknown: there is none, or it is hidden and the actor neither its creator nor staff."""
        service = (await CatalogRepository(self._db).services([service_id])).get(service_id)
        if service is None or service.is_removed:
            raise ServiceUnknown
        if not service.is_listed and (actor is None or not (actor.is_staff or actor.id == service.account_id)):
            raise ServiceUnknown
        return service

    async def find(self, filters: ServiceFilter, *, offset: int = 0, limit: int = 20) -> Page[Service]:
        """A page of what fits the filters.

        The count is exact up to `search.MAX_COUNTED`, and further for whole categories; a search counts what it finds,
        at most `search.MAX_FOUND`. What is not counted cannot be leafed to.
        """
        index = SearchRepository(self._db)
        if filters.text:
            found = await index.found(filters)
            return Page(await self._cards(found[offset : offset + limit]), len(found))
        count = await self._count(filters)
        ids = await index.page(filters, limit=limit, offset=offset) if offset < count else []
        return Page(await self._cards(ids), count)

    async def category_ids(self, names: Sequence[str]) -> tuple[int, ...]:
        """The categories of these names, in whatever case, or ids; what nobody knows is left out."""
        wanted = {tag_key(name) for name in names}
        known: list[Category] = await CatalogRepository(self._db).categories()
        return tuple(one.id for one in known if str(one.id) in wanted or tag_key(one.name) in wanted)

    # By itself

    async def recount(self) -> list[Difference]:
        """Where the numbers of listed services are not what counting says. Nowhere, if all is well."""
        return await CatalogRepository(self._db).differences(_MAX_DIFFERENCES)

    async def _follow(self, tx: Tx, event: AccountChanged) -> None:
        rows = await tx.all(QUERIES.services_of_account, account_id=event.account_id)
        if rows:
            await tx.execute(QUERIES.follow_seller, account_id=event.account_id)
            await SearchRepository(tx).put([row["id"] for row in rows])

    async def _count(self, filters: ServiceFilter) -> int:
        if replace(filters, category_ids=None, order=SortOrder.FIT) == ServiceFilter():
            return await CatalogRepository(self._db).count_listed(None, filters.category_ids)
        return await SearchRepository(self._db).count(filters)

    async def _cards(self, ids: Sequence[int]) -> list[Service]:
        """In the order of the ids."""
        services = await CatalogRepository(self._db).services(ids) if ids else {}
        return [services[service_id] for service_id in ids if service_id in services]

    @staticmethod
    async def _read(tx: Tx, service_id: int) -> Service:
        return (await CatalogRepository(tx).services([service_id]))[service_id]
