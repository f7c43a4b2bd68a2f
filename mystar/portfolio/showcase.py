"""The whole page of a creator: the profile, the pricing of a greeting, skills and works (D27, D30)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mystar.accounts.model import Actor
from mystar.catalog.model import GreetingPricingPatch
from mystar.catalog.service import CatalogService
from mystar.creators.model import MAX_SKILLS, CreatorCard
from mystar.creators.service import CreatorService
from mystar.creators.skills import SkillService
from mystar.kit.postgres.database import Database
from mystar.kit.web.pagination import PageRequest
from mystar.portfolio.model import MAX_SHOWN_ITEMS, CreatorPage
from mystar.portfolio.service import PortfolioService


class Showcase:
    """``profile``: the changes that `CreatorService.edit` takes."""

    def __init__(
        self,
        db: Database,
        *,
        creators: CreatorService,
        catalog: CatalogService,
        skills: SkillService,
        portfolio: PortfolioService,
    ) -> None:
        self._db = db
        self._creators, self._catalog = creators, catalog
        self._skills, self._portfolio = skills, portfolio

    async def create(self, actor: Actor, profile: Mapping[str, Any], pricing: GreetingPricingPatch) -> CreatorPage:
        """Create a profile; with a price and a category the actor is also a star of the greetings dialect.

        :raises CreatorExists: the actor has a profile. :raises CategoryUnknown: :raises PriceImpossible:
        """
        async with self._db.transaction() as tx:
            creator = await self._creators.create(tx, actor.id)
            await self._creators.edit(tx, actor.id, **profile)
            await self._catalog.patch_greeting(tx, creator.id, pricing)
        return await self.own(actor)

    async def change(self, actor: Actor, profile: Mapping[str, Any], pricing: GreetingPricingPatch) -> CreatorPage:
        """Change a part of the profile and the pricing. :raises CreatorUnknown: no profile. :raises CategoryUnknown:"""
        async with self._db.transaction() as tx:
            creator_id = await self._creators.edit(tx, actor.id, **profile)
            await self._catalog.patch_greeting(tx, creator_id, pricing)
        return await self.own(actor)

    async def own(self, actor: Actor, *, detail: bool = False) -> CreatorPage:
        """:raises CreatorUnknown: the actor has no profile."""
        return await self._page(await self._creators.card_of(actor.id), detail)

    async def page(self, creator_id: int, *, detail: bool = False) -> CreatorPage:
        """:param detail: with skills and the newest works. :raises CreatorUnknown:"""
        return await self._page(await self._creators.card(creator_id), detail)

    async def _page(self, card: CreatorCard, detail: bool) -> CreatorPage:
        creator_id = card.creator.id
        pricing = await self._catalog.greeting_pricing(creator_id)
        if not detail:
            return CreatorPage(card, pricing)
        skills = await self._skills.of_creator(creator_id, PageRequest(size=MAX_SKILLS))
        works = await self._portfolio.items(creator_id, PageRequest(size=MAX_SHOWN_ITEMS))
        return CreatorPage(card, pricing, tuple(skills.rows), tuple(works.rows))
