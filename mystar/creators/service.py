"""Everything one can do as a creator or to one, whoever asks and over whatever wire."""

from __future__ import annotations

from typing import Any

from mystar.accounts.model import Actor
from mystar.creators.model import (
    Creator,
    CreatorCard,
    CreatorCreated,
    CreatorsOnly,
    CreatorUnknown,
    Difference,
    OwnRating,
)
from mystar.creators.repository import CreatorRepository
from mystar.files.model import StoredFile
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.web.pagination import Page, PageRequest

#: `recount` names this many differences; more say nothing more.
_MAX_DIFFERENCES = 1000


class CreatorService:
    """Stars are named by their account's id; only the domains above know the creator's own."""

    def __init__(self, db: Database, files: FileService, clock: Clock) -> None:
        self._db, self._files, self._clock = db, files, clock

    async def become(self, tx: Tx, account_id: int, *, profession: str = "", description: str = "") -> Creator:
        """Make the account a creator, greeting service included, in the caller's transaction.

        :raises CreatorExists: it is one (D27).
        """
        creator = await CreatorRepository(tx).add(
            account_id, profession=profession, description=description, now=self._clock.now()
        )
        await tx.publish(CreatorCreated(creator.id, account_id))
        return creator

    async def by_account(self, account_id: int) -> Creator:
        """:raises CreatorUnknown: the account sells nothing."""
        return await CreatorRepository(self._db).by_account(account_id)

    async def is_creator(self, account_id: int) -> bool:
        """Whether the account has a creator's profile (D28)."""
        return await CreatorRepository(self._db).is_creator(account_id)

    async def edit(self, tx: Tx, account_id: int, **changes: Any) -> int:
        """Change what the creator says about itself; answer its id.

        :param changes: ``profession``, ``description``, ``specialization``, ``experience``, ``portfolio_link`` and
            ``social_links``, a text by the name of a site. What is not given stays.
        :raises CreatorUnknown: the account sells nothing.
        """
        return await CreatorRepository(tx).edit(account_id, changes, self._clock.now())

    async def require(self, actor: Actor, tx: Tx | None = None) -> Creator:
        """The actor's own profile. In a transaction whoever else changes what is the creator's waits for its end.

        :raises CreatorsOnly: there is none.
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
        """:raises CreatorUnknown: the account sells nothing."""
        return _found(await CreatorRepository(self._db).card(account_id=account_id))

    async def best(self, page: PageRequest) -> Page[CreatorCard]:
        """All of them: those on top first, then by rating, then in the order they came."""
        creators = CreatorRepository(self._db)
        return Page(await creators.best(page), await creators.count_all())

    async def set_top(self, actor: Actor, creator_id: int, is_top: bool) -> None:
        """Put the creator among the first of the front page, or back.

        :raises Forbidden: not staff who may change things. :raises CreatorUnknown:
        """
        actor.require_operator()
        await CreatorRepository(self._db).set_top(creator_id, is_top)

    async def rate(self, actor: Actor, star_id: int, rating: int) -> None:
        """One vote, 1 to 5, per person and star.

        :raises CreatorUnknown: no such star. :raises AlreadyRated: this person has. :raises OwnRating: oneself.
        """
        if actor.id == star_id:
            raise OwnRating
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.by_account(star_id)
            await creators.vote(creator.id, actor.id, rating, self._clock.now())

    async def like(self, actor: Actor, star_id: int) -> None:
        """One like per person and star.

        :raises CreatorUnknown: no such star. :raises AlreadyLiked: this person does. :raises OwnRating: oneself.
        """
        if actor.id == star_id:
            raise OwnRating
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.by_account(star_id)
            await creators.like(creator.id, actor.id, self._clock.now())

    async def favourite(self, actor: Actor, star_id: int) -> bool:
        """Put the star among the person's favourites; false when it was there. :raises CreatorUnknown: no such star."""
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.by_account(star_id)
            return await creators.add_favourite(creator.id, actor.id, self._clock.now())

    async def unfavourite(self, actor: Actor, star_id: int) -> None:
        """Take the star from the favourites, if it was there. :raises CreatorUnknown: no such star."""
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.by_account(star_id)
            await creators.remove_favourite(creator.id, actor.id)

    async def set_hello_video(self, actor: Actor, file_id: int) -> StoredFile:
        """The video that greets on the star's page from now on; the one before is discarded.

        :raises CreatorUnknown: the person is no creator. :raises FileUnknown: no such upload of theirs.
        """
        async with self._db.transaction() as tx:
            creators = CreatorRepository(tx)
            creator = await creators.lock_by_account(actor.id)
            file = await self._files.attach(tx, file_id, owner_id=actor.id, public=True)
            await creators.set_video(creator.id, file.id, self._clock.now())
            if creator.video_id is not None:
                await self._files.discard(tx, creator.video_id)
        return file

    async def count_completed(self, tx: Tx, creator_id: int) -> None:
        """One more order of theirs is completed; part of the transaction that completes it."""
        await CreatorRepository(tx).count_completed(creator_id)

    async def count_review(self, tx: Tx, creator_id: int, rating: int) -> None:
        """A review with this rating counts from now on; part of the transaction that writes or shows it."""
        await CreatorRepository(tx).count_review(creator_id, rating, 1)

    async def uncount_review(self, tx: Tx, creator_id: int, rating: int) -> None:
        """A review with this rating counts no more; part of the transaction that hides it."""
        await CreatorRepository(tx).count_review(creator_id, rating, -1)

    async def recount(self) -> list[Difference]:
        """Where the likes on the creators' rows differ from the likes themselves. Nowhere, if all is well."""
        return await CreatorRepository(self._db).differences(_MAX_DIFFERENCES)


def _found(card: CreatorCard | None) -> CreatorCard:
    if card is None:
        raise CreatorUnknown
    return card
