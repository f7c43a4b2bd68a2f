"""Creators, votes, likes and favourites as rows."""

from __future__ import annotations

from datetime import datetime

from mystar.creators.model import AlreadyLiked, AlreadyRated, Creator, CreatorExists, CreatorUnknown, Difference
from mystar.kit.db import Row, Statements
from mystar.kit.queries import load

QUERIES = load(__package__)
CONSTRAINTS = {
    "creators_account_key": CreatorExists,
    "creator_votes_pkey": AlreadyRated,
    "creator_likes_pkey": AlreadyLiked,
}


class CreatorRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Statements) -> None:
        self._tx = tx

    async def add(self, account_id: int, *, profession: str, description: str, now: datetime) -> Creator:
        """:raises CreatorExists: the account has one (contract D27)."""
        return Creator(
            **await self._tx.one(
                QUERIES.add, account_id=account_id, profession=profession, description=description, now=now
            )
        )

    async def by_account(self, account_id: int) -> Creator:
        """:raises CreatorUnknown: the account sells nothing."""
        return _creator(await self._tx.maybe(QUERIES.by_account, account_id=account_id))

    async def is_creator(self, account_id: int) -> bool:
        return bool(await self._tx.value(QUERIES.is_creator, account_id=account_id))

    async def lock_by_account(self, account_id: int) -> Creator:
        """:raises CreatorUnknown: the account sells nothing."""
        return _creator(await self._tx.maybe(QUERIES.lock_by_account, account_id=account_id))

    async def vote(self, creator_id: int, account_id: int, rating: int, now: datetime) -> None:
        """:raises AlreadyRated: this person has."""
        await self._tx.execute(QUERIES.add_vote, creator_id=creator_id, account_id=account_id, rating=rating, now=now)
        await self._tx.execute(QUERIES.count_rating, creator_id=creator_id, rating=rating)

    async def like(self, creator_id: int, account_id: int, now: datetime) -> None:
        """:raises AlreadyLiked: this person does."""
        await self._tx.execute(QUERIES.add_like, creator_id=creator_id, account_id=account_id, now=now)
        await self._tx.execute(QUERIES.count_like, creator_id=creator_id)

    async def add_favourite(self, creator_id: int, account_id: int, now: datetime) -> bool:
        """Whether it is new."""
        return bool(
            await self._tx.execute(QUERIES.add_favourite, creator_id=creator_id, account_id=account_id, now=now)
        )

    async def remove_favourite(self, creator_id: int, account_id: int) -> None:
        await self._tx.execute(QUERIES.remove_favourite, creator_id=creator_id, account_id=account_id)

    async def set_video(self, creator_id: int, video_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_video, creator_id=creator_id, video_id=video_id, now=now)

    async def count_completed(self, creator_id: int) -> None:
        await self._tx.execute(QUERIES.count_completed, creator_id=creator_id)

    async def differences(self, most: int) -> list[Difference]:
        return [Difference(**row) for row in await self._tx.all(QUERIES.differences, most=most)]


def _creator(row: Row | None) -> Creator:
    if row is None:
        raise CreatorUnknown
    return Creator(**row)
