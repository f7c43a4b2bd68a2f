"""Creates, changes and finds services.

A greeting that is for sale is a service like any other: it is listed, found by the name of its star, changed and
ordered (D20). It cannot be removed, since it exists as long as its creator does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mystar.accounts.model import AccountChanged, Actor
from mystar.catalog.model import GreetingStays, PriceLimits, Service, ServiceDraft, ServiceUnknown
from mystar.catalog.repository import CatalogRepository
from mystar.catalog.search import ServiceFilter
from mystar.catalog.search_repository import SearchRepository
from mystar.catalog.service_repository import ServiceRepository
from mystar.catalog.taxonomy_repository import TaxonomyRepository
from mystar.creators.model import VisibilityChanged
from mystar.creators.service import CreatorService
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.recount import Difference
from mystar.kit.text import comparison_key
from mystar.kit.web.pagination import Page, PageRequest

#: At most this many differences are reported by `recount`.
_MAX_DIFFERENCES = 1000


class ServiceListings:
    """Hidden and removed services do not exist for others (D4)."""

    def __init__(
        self,
        db: Database,
        creators: CreatorService,
        files: FileService,
        clock: Clock,
        limits: PriceLimits = PriceLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._db, self._creators, self._files, self._clock, self._limits = db, creators, files, clock, limits

    def listen(self, events: Events) -> None:
        """Services are found by the name of their creator, and those of blocked accounts are not listed."""
        events.on(AccountChanged, self._follow_account)

    # For creators

    async def create(self, actor: Actor, draft: ServiceDraft) -> Service:
        """Create a service of the actor, with its options and tags.

        :param draft: has a title, a price and the delivery days at least. Without a category it gets the default one.
        :raises CreatorsOnly: the actor has no creator profile. :raises CategoryUnknown: :raises PriceImpossible:
        :raises OptionUnknown: an option has an id: a new service has none yet. :raises FileUnknown: not the actor's.
        :raises PriceOutsideLimits:
        """
        self._check_prices(draft)
        async with self._db.transaction() as tx:
            service_id = await ServiceRepository(tx).add(actor.id, draft, self._clock.now())
            await self._set_images(tx, actor, service_id, draft)
            return await self._read(tx, service_id)

    async def change(self, actor: Actor, service_id: int, draft: ServiceDraft) -> Service:
        """Change a service; orders that were placed keep their price and options (D24).

        :raises ServiceUnknown: it is not the actor's. :raises CategoryUnknown: :raises PriceImpossible:
        :raises OptionUnknown: names its index. :raises PriceOutsideLimits: :raises ImageUnknown:
        :raises TooManyServiceImages:
        """
        self._check_prices(draft)
        async with self._db.transaction() as tx:
            rows = ServiceRepository(tx)
            service = await rows.lock(actor.id, service_id)
            await rows.change(service, draft, self._clock.now())
            if draft.is_active is not None and draft.is_active != service.is_active:
                await tx.publish(VisibilityChanged("service", service_id, draft.is_active))
            await self._set_images(tx, actor, service_id, draft)
            return await self._read(tx, service_id)

    async def remove(self, actor: Actor, service_id: int) -> None:
        """Remove a service for good; only orders still name it.

        :raises ServiceUnknown: it is not the actor's. :raises GreetingStays:
        """
        async with self._db.transaction() as tx:
            rows = ServiceRepository(tx)
            if (await rows.lock(actor.id, service_id)).kind == "greeting":
                raise GreetingStays
            await rows.remove(service_id, self._clock.now())

    async def own(self, actor: Actor, filters: ServiceFilter, page: PageRequest) -> Page[Service]:
        """The actor's services, hidden ones included; empty without a creator profile."""
        if not await self._creators.is_creator(actor.id):
            return Page((), 0)
        creator = await self._creators.by_account(actor.id)
        return await self.find(replace(filters, creator_id=creator.id, include_hidden=True), page)

    # For all readers

    async def service(self, actor: Actor | None, service_id: int) -> Service:
        """:raises ServiceUnknown: there is none, or it is hidden and the actor neither its creator nor staff."""
        service = (await CatalogRepository(self._db).services([service_id])).get(service_id)
        if service is None or service.is_removed:
            raise ServiceUnknown
        if not service.is_listed and (actor is None or not (actor.id == service.account_id or actor.acts_as_staff())):
            raise ServiceUnknown
        return service

    async def find(self, filters: ServiceFilter, page: PageRequest) -> Page[Service]:
        """A page of what fits the filters.

        The count is exact up to `search.MAX_COUNTED`, and further for whole categories; a search counts what it finds,
        at most `search.MAX_FOUND`. There are no pages beyond the count.
        """
        index = SearchRepository(self._db)
        if filters.text:
            found = await index.found(filters)
            return Page(await self._services(found[page.offset : page.offset + page.size]), len(found))
        ids, count = await index.page(filters, page)
        return Page(await self._services(ids), count)

    async def category_ids(self, names: Sequence[str]) -> tuple[int, ...]:
        """The categories with these names, in any case, or ids; unknown ones are left out."""
        wanted = {comparison_key(name) for name in names}
        known = await TaxonomyRepository(self._db).categories()
        return tuple(one.id for one in known if str(one.id) in wanted or comparison_key(one.name) in wanted)

    # Maintenance

    async def recount(self) -> list[Difference]:
        """Differences between the kept numbers of listed services and their count; empty if consistent."""
        return await CatalogRepository(self._db).differences(_MAX_DIFFERENCES)

    async def _follow_account(self, tx: Tx, event: AccountChanged) -> None:
        if service_ids := await ServiceRepository(tx).follow_account(event.account_id):
            await SearchRepository(tx).put(service_ids)

    async def _services(self, ids: Sequence[int]) -> list[Service]:
        """In the order of the ids."""
        services = await CatalogRepository(self._db).services(ids) if ids else {}
        return [services[service_id] for service_id in ids if service_id in services]

    def _check_prices(self, draft: ServiceDraft) -> None:
        self._limits.check(price=draft.base_price, modifications_price=draft.modifications_price)

    async def _set_images(self, tx: Tx, actor: Actor, service_id: int, draft: ServiceDraft) -> None:
        rows = ServiceRepository(tx)
        if draft.kept_images is not None:
            for file_id in await rows.keep_images(service_id, draft.kept_images):
                await self._files.mark_deleted(tx, file_id)
        for file_id in draft.image_ids:
            await self._files.attach(tx, file_id, owner_id=actor.id, public=True)
        await rows.add_images(service_id, draft.image_ids)

    @staticmethod
    async def _read(tx: Tx, service_id: int) -> Service:
        return (await CatalogRepository(tx).services([service_id]))[service_id]
