"""Creator profiles, votes, likes and favourites."""

from __future__ import annotations

from typing import Any

from mystar.accounts.model import AccountRegistered, Actor
from mystar.creators.model import (
    Creator,
    CreatorCard,
    CreatorCreated,
    CreatorsOnly,
    CreatorUnknown,
    OwnRating,
    RaterBlocked,
    VisibilityChanged,
)
from mystar.creators.repository import CreatorRepository
from mystar.files.model import StoredFile
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import Page, PageRequest

#: At most this many differences are reported by `recount`.
_MAX_DIFFERENCES = 1000


class CreatorService:
    """A star is identified by the id of its account; a creator by the id of its profile."""

    def __init__(self, db: Database, files: FileService, clock: Clock) -> None:
        self._db, self._files, self._clock = db, files, clock

    def listen(self, events: Events) -> None:
        """Create the profiles that are requested with new accounts."""
        events.on(AccountRegistered, self._account_registered)

    async def _account_registered(self, tx: Tx, event: AccountRegistered) -> None:
        if event.as_creator:
            await self.create(tx, event.account_id)

    async def create(self, tx: Tx, account_id: int, *, profession: str = "", description: str = "") -> Creator:
        """Create a profile, and with it the greeting service, in the transaction of the caller.

        :raises CreatorExists: it is one (D27).
        """
        creator = await CreatorRepository(tx).add(
            account_id, profession=profession, description=description, now=self._clock.now()
        )
        await tx.publish(CreatorCreated(creator.id, account_id))
        return creator

    async def by_account(self, account_id: int) -> Creator:
        """:raises CreatorUnknown: the account has no creator profile."""
        return await CreatorRepository(self._db).by_account(account_id)

    async def is_creator(self, account_id: int) -> bool:
        """Whether the account has a creator's profile (D28)."""
        return await CreatorRepository(self._db).is_creator(account_id)

    async def edit(self, tx: Tx, account_id: int, **changes: Any) -> int:
        """Change a profile; returns its id.

        :param changes: ``profession``, ``description``, ``specialization``, ``experience``, ``portfolio_link`` and
            ``social_links``, a text by the name of a site. Absent ones are unchanged.
        :raises CreatorUnknown: the account has no creator profile.
        """
        return await CreatorRepository(tx).edit(account_id, changes, self._clock.now())

    async def require(self, actor: Actor, tx: Tx | None = None) -> Creator:
        """The profile of the actor; given a transaction, locked until its end.

        :raises CreatorsOnly: the actor has none.
        """
        try:
            if tx is not None:
                return await CreatorRepository(tx).lock_by_account(actor.id)
            return await CreatorRepository(self._db).by_account(actor.id)
        except CreatorUnknown as error:
            raise CreatorsOnly from error

    async def card(self, creator_id: int) -> CreatorCard:
        """:raises CreatorUnknown:"""
        return _found(await CreatorRepository(self._db).card(creator_id=creator_id))

    async def card_of(self, account_id: int) -> CreatorCard:
        """:raises CreatorUnknown: the account has no creator profile."""
        return _found(await CreatorRepository(self._db).card(account_id=account_id))

    async def best(self, page: PageRequest) -> Page[CreatorCard]:
        """A page of all creators: `is_top` first, then by rating, then by age."""
        creators = CreatorRepository(self._db)
        return Page(await creators.best(page), await creators.count_all())

    async def set_top(self, actor: Actor, creator_id: int, is_top: bool) -> None:
        """Show the creator among the first of the front page, or stop doing so.

        :raises Forbidden: not staff who may change things. :raises CreatorUnknown:
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            if await CreatorRepository(tx).set_top(creator_id, is_top) != is_top:
                await tx.publish(VisibilityChanged("creator", creator_id, is_top, place="top"))

    async def rate(self, actor: Actor, star_id: int, rating: int) -> None:
        """Vote for a star with 1 to 5, once per account.

        :raises CreatorUnknown: no such star. :raises AlreadyRated: :raises OwnRating: the actor is the star.
        :raises RaterBlocked: the star has blocked the actor.
        """
        async with self._db.transaction() as tx:
            creator = await self._rated_by(tx, actor, star_id)
            await CreatorRepository(tx).vote(creator.id, actor.id, rating, self._clock.now())

    async def like(self, actor: Actor, star_id: int) -> None:
        """Like a star, once per account.

        :raises CreatorUnknown: no such star. :raises AlreadyLiked: :raises OwnRating: the actor is the star.
        :raises RaterBlocked: the star has blocked the actor.
        """
        async with self._db.transaction() as tx:
            creator = await self._rated_by(tx, actor, star_id)
            await CreatorRepository(tx).like(creator.id, actor.id, self._clock.now())

    async def _rated_by(self, tx: Tx, actor: Actor, star_id: int) -> Creator:
        """The star, if the actor may vote for it and like it."""
        if actor.id == star_id:
            raise OwnRating
        creators = CreatorRepository(tx)
        creator = await creators.by_account(star_id)
        if await creators.has_blocked(star_id, actor.id):
            raise RaterBlocked
        return creator

    async def add_favourite(self, actor: Actor, star_id: int) -> bool:
        """Add a star to the favourites; returns whether it was added. :raises CreatorUnknown: no such star."""
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.by_account(star_id)
            return await creators.add_favourite(creator.id, actor.id, self._clock.now())

    async def remove_favourite(self, actor: Actor, star_id: int) -> None:
        """Remove a star from the favourites, if it is one. :raises CreatorUnknown: no such star."""
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.by_account(star_id)
            await creators.remove_favourite(creator.id, actor.id)

    async def set_hello_video(self, actor: Actor, file_id: int) -> StoredFile:
        """Set the hello video of the star's page; the one before is discarded.

        :raises CreatorUnknown: the actor has no profile. :raises FileUnknown: no upload of the actor.
        """
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.lock_by_account(actor.id)
            file = await self._files.attach(tx, file_id, owner_id=actor.id, public=True)
            await creators.set_video(creator.id, file.id, self._clock.now())
            if creator.video_id is not None:
                await self._files.mark_deleted(tx, creator.video_id)
        return file

    async def count_completed(self, tx: Tx, creator_id: int) -> None:
        """Count a completed order, in the transaction that completes it."""
        await CreatorRepository(tx).count_completed(creator_id)

    async def count_review(self, tx: Tx, creator_id: int, rating: int) -> None:
        """Add a review to the sums, in the transaction that writes or shows it."""
        await CreatorRepository(tx).count_review(creator_id, rating, 1)

    async def uncount_review(self, tx: Tx, creator_id: int, rating: int) -> None:
        """Remove a review from the sums, in the transaction that hides it."""
        await CreatorRepository(tx).count_review(creator_id, rating, -1)

    async def recount(self) -> list[Difference]:
        """Differences between the kept numbers of likes and their count; empty if consistent."""
        return await CreatorRepository(self._db).differences(_MAX_DIFFERENCES)


def _found(card: CreatorCard | None) -> CreatorCard:
    if card is None:
        raise CreatorUnknown
    return card
