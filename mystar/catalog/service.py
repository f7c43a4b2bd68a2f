"""Stars and their greetings, and what orders need to know of a service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mystar.accounts.model import Account, AccountDraft, Actor
from mystar.accounts.service import AccountService
from mystar.catalog.kept_services import KeptServices
from mystar.catalog.model import (
    Category,
    CategoryUnknown,
    Greeting,
    GreetingPricing,
    GreetingPricingPatch,
    ModificationsTooCheap,
    OptionUnknown,
    PriceImpossible,
    PriceLimits,
    Quote,
    Service,
    ServiceUnknown,
    Star,
    StarUnknown,
)
from mystar.catalog.repository import CatalogRepository
from mystar.catalog.search import StarFilter
from mystar.catalog.taxonomy_repository import TaxonomyRepository
from mystar.creators.model import Creator, CreatorCreated, VisibilityChanged
from mystar.creators.service import CreatorService
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.text import comparison_key
from mystar.kit.web.pagination import PageRequest

#: Bare lists end here (D19).
_FIRST_STARS = PageRequest(size=1000)
_GREETING = "Видео-поздравление"


class CatalogService:
    """A star is identified by the id of the account."""

    def __init__(
        self,
        db: Database,
        accounts: AccountService,
        creators: CreatorService,
        files: FileService,
        clock: Clock,
        kept: KeptServices,
        limits: PriceLimits = PriceLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._db, self._clock, self._kept, self._limits = db, clock, kept, limits
        self._accounts, self._creators, self._files = accounts, creators, files

    def listen(self, events: Events) -> None:
        """Create the greeting service of every new creator (D20)."""
        events.on(CreatorCreated, self._make_greeting)

    async def _make_greeting(self, tx: Tx, event: CreatorCreated) -> None:
        await CatalogRepository(tx).add_greeting(event.creator_id, _GREETING, self._clock.now())

    async def categories(self) -> list[Category]:
        return await TaxonomyRepository(self._db).categories()

    async def add_category(
        self, name: str, *, photo_id: int | None = None, owner_id: int | None = None, position: int = 0
    ) -> int:
        """Returns the id.

        :param photo_id: an uploaded picture of ``owner_id``.
        :raises CategoryExists: the name is taken. :raises FileUnknown: no such upload of the owner.
        """
        async with self._db.transaction() as tx:
            if photo_id is not None and owner_id is not None:
                await self._files.attach(tx, photo_id, owner_id=owner_id, public=True)
            return await TaxonomyRepository(tx).add_category(name, photo_id, position)

    async def services_by_id(self, ids: Iterable[int]) -> dict[int, Service]:
        """By id, hidden and removed ones included: orders show what was bought. Unknown ids are left out."""
        return await self._kept.by_id(tuple(ids))

    async def quote(self, service_id: int, option_ids: Sequence[int] = ()) -> Quote:
        """The service with the chosen options, in the given order, at the current prices.

        :raises ServiceUnknown: there is none, or it is not for sale. :raises OptionUnknown: of another service.
        """
        service = (await self.services_by_id([service_id])).get(service_id)
        if service is None or not service.is_listed or service.base_price is None:
            raise ServiceUnknown
        options = {option.id: option for option in service.options}
        if not options.keys() >= set(option_ids):
            raise OptionUnknown
        return Quote(
            service=service,
            service_id=service.id,
            creator_id=service.creator_id,
            account_id=service.account_id,
            title=service.title,
            is_greeting=service.kind == "greeting",
            base_price=service.base_price,
            modifications_price=service.modifications_price,
            delivery_days=service.delivery_days,
            options=tuple(options[option_id] for option_id in option_ids),
        )

    async def offerable(self, service_id: int, tx: Tx | None = None) -> Service:
        """A service that can be sold in a custom offer. :raises ServiceUnknown:"""
        service = (await CatalogRepository(tx or self._db).services([service_id])).get(service_id)
        if service is None or not service.can_be_offered:
            raise ServiceUnknown
        return service

    async def offered(self, actor: Actor, service_id: int, *, price: int, modifications_price: int | None) -> Service:
        """The actor's service, which is offered at another price; with modifications it costs more.

        :raises ServiceUnknown: it is not the actor's, or cannot be offered. :raises PriceImpossible:
        :raises PriceOutsideLimits: :raises ModificationsTooCheap:
        """
        service = await self.offerable(service_id)
        if service.account_id != actor.id:
            raise ServiceUnknown
        if price <= 0:
            raise PriceImpossible
        if modifications_price is not None and modifications_price < price:
            raise ModificationsTooCheap
        self._limits.check(price=price, modifications_price=modifications_price)
        return service

    async def set_listed(self, actor: Actor, service_id: int, listed: bool, reason: str | None = "") -> None:
        """Hide a service from all but its creator and staff, or stop doing so; ``is_active`` is not changed.

        :param reason: what its creator, who is notified, reads; None = the caller tells the creator.
        :raises Forbidden: not staff who may change things. :raises ServiceUnknown:
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            was = await CatalogRepository(tx).set_withheld(service_id, self._clock.now(), is_withheld=not listed)
            if was is listed:
                await tx.publish(VisibilityChanged("service", service_id, listed, reason=reason))

    async def make_star(
        self, account_id: int, pricing: GreetingPricing, *, profession: str = "", description: str = ""
    ) -> Creator:
        """Make the account a creator whose greeting is for sale (D29, D30).

        :raises CreatorExists: it is one. :raises CategoryUnknown: :raises PriceImpossible:
        """
        async with self._db.transaction() as tx:
            creator = await self._creators.create(tx, account_id, profession=profession, description=description)
            await self.set_greeting(tx, creator.id, pricing)
        return creator

    async def create_star(
        self,
        actor: Actor,
        draft: AccountDraft,
        password: str,
        pricing: GreetingPricing,
        *,
        profession: str = "",
        description: str = "",
    ) -> Account:
        """Create an account that is a star (D29); for staff.

        :raises Forbidden: not staff who may change things. :raises Invalid: :raises Taken: by field, of the account.
        :raises CategoryUnknown: :raises PriceImpossible: before the account is created.
        """
        actor.require_operator()
        if pricing.price is None or pricing.price <= 0:
            raise PriceImpossible
        self._check_prices(pricing)
        if pricing.category_id not in {category.id for category in await self.categories()}:
            raise CategoryUnknown
        account = await self._accounts.create(draft, password)
        await self.make_star(account.id, pricing, profession=profession, description=description)
        return account

    async def set_greeting(self, tx: Tx, creator_id: int, pricing: GreetingPricing) -> None:
        """Replace the pricing of a greeting, tags included.

        :raises CategoryUnknown: :raises PriceImpossible: :raises StarUnknown: there is no such creator.
        :raises PriceOutsideLimits:
        """
        self._check_prices(pricing)
        await CatalogRepository(tx).set_greeting(creator_id, pricing, self._clock.now())

    async def patch_greeting(self, tx: Tx, creator_id: int, change: GreetingPricingPatch) -> None:
        """Change a part of the pricing of a greeting; it is for sale once it has a price and a category (D30).

        :raises CategoryUnknown: :raises PriceImpossible: :raises StarUnknown: there is no such creator.
        :raises PriceOutsideLimits:
        """
        self._check_prices(change)
        await CatalogRepository(tx).patch_greeting(creator_id, change, self._clock.now())

    def _check_prices(self, pricing: GreetingPricing | GreetingPricingPatch) -> None:
        """Field names are those of the greetings' document."""
        self._limits.check(price=pricing.price, price_another=pricing.invitation_price)

    async def greeting_pricing(self, creator_id: int) -> GreetingPricing:
        """The pricing of a greeting, for sale or not. :raises StarUnknown: there is no such creator."""
        return await CatalogRepository(self._db).greeting_pricing(creator_id)

    async def greeting_of(self, account_id: int) -> Greeting:
        """The greeting service, for sale or not. :raises StarUnknown: the account is no creator."""
        greeting = await CatalogRepository(self._db).greeting_of(account_id)
        if greeting is None:
            raise StarUnknown
        return greeting

    async def is_star(self, account_id: int) -> bool:
        """Whether the account sells greetings (D30)."""
        greeting = await CatalogRepository(self._db).greeting_of(account_id)
        return greeting is not None and greeting.is_for_sale

    async def star(self, account_id: int) -> Star:
        """:raises StarUnknown: the account sells no greetings."""
        stars = await CatalogRepository(self._db).stars(StarFilter(account_id=account_id), PageRequest(size=1))
        if not stars:
            raise StarUnknown
        return stars[0]

    async def stars(
        self,
        *,
        category_id: int | None = None,
        tag: str | None = None,
        fan_id: int | None = None,
        is_available: bool = False,
        page: PageRequest = _FIRST_STARS,
    ) -> list[Star]:
        """Best first: `is_top`, then by rating, then by age.

        :param tag: in any spelling. :param fan_id: the favourites of this account.
        :param is_available: only those who take orders now.
        """
        which = _star_filter(category_id, tag, fan_id, is_available)
        return await CatalogRepository(self._db).stars(which, page)

    async def count_stars(
        self,
        *,
        category_id: int | None = None,
        tag: str | None = None,
        fan_id: int | None = None,
        is_available: bool = False,
    ) -> int:
        """How many `stars` there are on all pages."""
        which = _star_filter(category_id, tag, fan_id, is_available)
        return await CatalogRepository(self._db).count_stars(which)


def _star_filter(category_id: int | None, tag: str | None, fan_id: int | None, is_available: bool) -> StarFilter:
    key = None if tag is None else comparison_key(tag)
    return StarFilter(category_id=category_id, tag=key, fan_id=fan_id, is_available=is_available)
