"""The whole page of a creator: the profile, the pricing of a greeting, skills and works (D27, D30)."""

from __future__ import annotations

from mystar.accounts.model import Actor
from mystar.accounts.profile import ProfilePatch, ProfileService
from mystar.catalog.service import CatalogService
from mystar.creators.model import MAX_SKILLS, CreatorCard, CreatorUnknown
from mystar.creators.service import CreatorService
from mystar.creators.skills import SkillService
from mystar.files.service import FileService
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.web.pagination import PageRequest
from mystar.portfolio.model import MAX_SHOWN_ITEMS, CreatorPage, ProfileChange
from mystar.portfolio.service import PortfolioService


class Showcase:
    """The pages of creators, read and changed as a whole."""

    def __init__(
        self,
        db: Database,
        *,
        profiles: ProfileService,
        files: FileService,
        creators: CreatorService,
        catalog: CatalogService,
        skills: SkillService,
        portfolio: PortfolioService,
    ) -> None:
        self._db, self._profiles, self._files = db, profiles, files
        self._creators, self._catalog = creators, catalog
        self._skills, self._portfolio = skills, portfolio

    async def create(self, actor: Actor, change: ProfileChange, *, avatar_id: int | None = None) -> CreatorPage:
        """Create a profile; with a price and a category the actor is also a star of the greetings dialect.

        :param avatar_id: an uploaded picture of the actor.
        :raises CreatorExists: the actor has a profile. :raises CategoryUnknown: :raises PriceImpossible:
        """
        account = await self._profiles.check(actor, **change.account)
        async with self._db.transaction() as tx:
            await self._creators.create(tx, actor.id)
            await self._change(tx, actor, change, account, avatar_id)
        return await self.own(actor)

    async def change(
        self, actor: Actor, change: ProfileChange, *, creator_id: int | None = None, avatar_id: int | None = None
    ) -> CreatorPage:
        """Change a part of the profile, the pricing, the account and its avatar: all of it, or nothing.

        :param creator_id: must be the actor's. :param avatar_id: an uploaded picture of the actor.
        :raises CreatorUnknown: no profile. :raises CategoryUnknown:
        """
        account = await self._profiles.check(actor, **change.account)
        async with self._db.transaction() as tx:
            own_id = await self._change(tx, actor, change, account, avatar_id)
            if creator_id not in (None, own_id):
                raise CreatorUnknown
        return await self.own(actor)

    async def _change(
        self, tx: Tx, actor: Actor, change: ProfileChange, account: ProfilePatch, avatar_id: int | None
    ) -> int:
        if account:
            await self._profiles.save(tx, actor.id, account)
        if avatar_id is not None:
            await self._files.use_as_avatar(tx, actor.id, avatar_id)
        creator_id = await self._creators.edit(tx, actor.id, **change.profile)
        await self._catalog.patch_greeting(tx, creator_id, change.pricing)
        return creator_id

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
