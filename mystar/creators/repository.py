"""Creators, votes, likes, favourites and skills as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mystar.creators.model import (
    AlreadyLiked,
    AlreadyRated,
    Creator,
    CreatorCard,
    CreatorExists,
    CreatorSkill,
    CreatorSkillExists,
    CreatorSkillUnknown,
    CreatorUnknown,
    SetSkill,
    Skill,
    SkillExists,
    SkillInUse,
    SkillUnknown,
)
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.kit.recount import Difference
from mystar.kit.text import comparison_key
from mystar.kit.web.pagination import PageRequest

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "creator": QUERIES.export_creator,
        "creator_skills": QUERIES.export_creator_skills,
        "votes": QUERIES.export_votes,
        "likes": QUERIES.export_likes,
        "favourites": QUERIES.export_favourites,
    },
    erasures=(
        QUERIES.erase_likes,
        QUERIES.erase_favourites,
        QUERIES.erase_skills,
        QUERIES.erase_creator,
    ),
)
CONSTRAINTS = {
    "creators_account_key": CreatorExists,
    "creator_votes_pkey": AlreadyRated,
    "creator_likes_pkey": AlreadyLiked,
    "skills_key_key": SkillExists,
    "creator_skills_skill_key": CreatorSkillExists,
    # Raised by the deletion of a skill alone: adding one to a creator checks that it exists.
    "creator_skills_skill_id_fkey": SkillInUse,
}
_EDITABLE = ("profession", "description", "specialization", "experience", "portfolio_link", "social_links")


class CreatorRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(self, account_id: int, *, profession: str, description: str, now: datetime) -> Creator:
        """:raises CreatorExists: the account has one (D27)."""
        return Creator(
            **await self._tx.one(
                QUERIES.add, account_id=account_id, profession=profession, description=description, now=now
            )
        )

    async def by_account(self, account_id: int) -> Creator:
        """:raises CreatorUnknown: the account has no creator profile."""
        return _creator(await self._tx.one_or_none(QUERIES.by_account, account_id=account_id))

    async def is_creator(self, account_id: int) -> bool:
        return bool(await self._tx.value(QUERIES.is_creator, account_id=account_id))

    async def lock_by_account(self, account_id: int) -> Creator:
        """:raises CreatorUnknown: the account has no creator profile."""
        return _creator(await self._tx.one_or_none(QUERIES.lock_by_account, account_id=account_id))

    async def has_blocked(self, blocker_id: int, blocked_id: int) -> bool:
        return bool(await self._tx.value(QUERIES.has_blocked, blocker_id=blocker_id, blocked_id=blocked_id))

    async def vote(self, creator_id: int, account_id: int, rating: int, now: datetime) -> None:
        """:raises AlreadyRated: this account has voted."""
        await self._tx.execute(QUERIES.add_vote, creator_id=creator_id, account_id=account_id, rating=rating, now=now)
        await self._tx.execute(QUERIES.count_rating, creator_id=creator_id, rating=rating)

    async def like(self, creator_id: int, account_id: int, now: datetime) -> None:
        """:raises AlreadyLiked: this account has liked."""
        await self._tx.execute(QUERIES.add_like, creator_id=creator_id, account_id=account_id, now=now)
        await self._tx.execute(QUERIES.count_like, creator_id=creator_id)

    async def add_favourite(self, creator_id: int, account_id: int, now: datetime) -> bool:
        """Returns whether it was added."""
        return bool(
            await self._tx.execute(QUERIES.add_favourite, creator_id=creator_id, account_id=account_id, now=now)
        )

    async def remove_favourite(self, creator_id: int, account_id: int) -> None:
        await self._tx.execute(QUERIES.remove_favourite, creator_id=creator_id, account_id=account_id)

    async def set_video(self, creator_id: int, video_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_video, creator_id=creator_id, video_id=video_id, now=now)

    async def count_completed(self, creator_id: int) -> None:
        await self._tx.execute(QUERIES.count_completed, creator_id=creator_id)

    async def count_review(self, creator_id: int, rating: int, times: int) -> None:
        await self._tx.execute(QUERIES.count_review, creator_id=creator_id, rating=rating, times=times)

    async def set_top(self, creator_id: int, is_top: bool) -> bool:
        """Whether it was on top before. :raises CreatorUnknown:"""
        row = await self._tx.one_or_none(QUERIES.set_top, id=creator_id, is_top=is_top)
        if row is None:
            raise CreatorUnknown
        return bool(row["was_top"])

    async def edit(self, account_id: int, changes: Mapping[str, Any], now: datetime) -> int:
        """Returns the id of the creator. :param changes: by column, None = unchanged. :raises CreatorUnknown:"""
        values = {name: changes.get(name) for name in _EDITABLE}
        creator_id = await self._tx.value(QUERIES.edit, account_id=account_id, now=now, **values)
        if creator_id is None:
            raise CreatorUnknown
        return int(creator_id)

    async def card(self, *, creator_id: int | None = None, account_id: int | None = None) -> CreatorCard | None:
        row = await self._tx.one_or_none(QUERIES.cards, creator_id=creator_id, account_id=account_id, limit=0, offset=0)
        return _card(row) if row else None

    async def best(self, page: PageRequest) -> list[CreatorCard]:
        rows = await self._tx.all(QUERIES.cards, creator_id=None, account_id=None, offset=page.offset, limit=page.size)
        return [_card(row) for row in rows]

    async def count_all(self) -> int:
        return int(await self._tx.value(QUERIES.count_all))

    async def differences(self, limit: int) -> list[Difference]:
        return [Difference(**row) for row in await self._tx.all(QUERIES.differences, limit=limit)]


class SkillRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(self, name: str, description: str, now: datetime) -> Skill:
        """:raises SkillExists: in whatever spelling."""
        return Skill(**await self._tx.one(QUERIES.add_skill, now=now, **_written(name, description)))

    async def edit(self, skill_id: int, name: str, description: str, now: datetime) -> Skill:
        """:raises SkillExists: in whatever spelling. :raises SkillUnknown:"""
        return _skill(
            await self._tx.one_or_none(QUERIES.edit_skill, id=skill_id, now=now, **_written(name, description))
        )

    async def delete(self, skill_id: int) -> None:
        """:raises SkillInUse: a creator has it. :raises SkillUnknown:"""
        if not await self._tx.execute(QUERIES.delete_skill, id=skill_id):
            raise SkillUnknown

    async def find(self, skill_id: int) -> Skill:
        """:raises SkillUnknown:"""
        return _skill(await self._tx.one_or_none(QUERIES.find_skill, id=skill_id))

    async def lock(self, skill_id: int) -> Skill:
        """:raises SkillUnknown:"""
        return _skill(await self._tx.one_or_none(QUERIES.lock_skill, id=skill_id))

    async def all(self, search: str, page: PageRequest) -> list[Skill]:
        rows = await self._tx.all(QUERIES.skills, pattern=_pattern(search), offset=page.offset, limit=page.size)
        return [Skill(**row) for row in rows]

    async def count(self, search: str) -> int:
        return int(await self._tx.value(QUERIES.count_skills, pattern=_pattern(search)))

    async def lock_existing(self, skill_ids: Sequence[int]) -> set[int]:
        """The existing ones of them; they cannot be deleted until the transaction ends."""
        return {row["id"] for row in await self._tx.all(QUERIES.lock_existing_skills, ids=list(skill_ids))}

    async def add_to_creator(self, creator_id: int, skill_id: int, level: int, now: datetime) -> CreatorSkill:
        """:raises CreatorSkillExists:"""
        given = await self._tx.value(
            QUERIES.add_creator_skill, creator_id=creator_id, skill_id=skill_id, level=level, now=now
        )
        return await self.one_of(creator_id, given)

    async def set_many(self, creator_id: int, levels: Mapping[int, int], now: datetime) -> list[SetSkill]:
        """In the order of ``levels``, which are by skill."""
        rows = await self._tx.all(
            QUERIES.set_skills,
            creator_id=creator_id,
            skill_ids=list(levels),
            levels=list(levels.values()),
            now=now,
        )
        found = {row["skill_id"]: SetSkill(**row) for row in rows}
        return [found[skill_id] for skill_id in levels]

    async def set_level(self, creator_id: int, given_id: int, level: int | None, now: datetime) -> CreatorSkill:
        """:raises CreatorSkillUnknown: the creator has none of this id."""
        await self._tx.execute(QUERIES.set_level, creator_id=creator_id, id=given_id, level=level, now=now)
        return await self.one_of(creator_id, given_id)

    async def remove_from_creator(self, creator_id: int, given_id: int) -> None:
        """:raises CreatorSkillUnknown: the creator has none of this id."""
        if not await self._tx.execute(QUERIES.remove_creator_skill, creator_id=creator_id, id=given_id):
            raise CreatorSkillUnknown

    async def one_of(self, creator_id: int, given_id: int) -> CreatorSkill:
        """:raises CreatorSkillUnknown: the creator has none of this id."""
        row = await self._tx.one_or_none(QUERIES.creator_skills, creator_id=creator_id, id=given_id, offset=0, limit=1)
        if row is None:
            raise CreatorSkillUnknown
        return _creator_skill(row)

    async def of_creator(self, creator_id: int, page: PageRequest) -> list[CreatorSkill]:
        """By age."""
        rows = await self._tx.all(
            QUERIES.creator_skills, creator_id=creator_id, id=None, offset=page.offset, limit=page.size
        )
        return [_creator_skill(row) for row in rows]

    async def count_of_creator(self, creator_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_creator_skills, creator_id=creator_id))


def _written(name: str, description: str) -> dict[str, str]:
    words = comparison_key(f"{name} {description}")
    return {"name": name, "key": comparison_key(name), "description": description, "words": words}


def _pattern(search: str) -> str | None:
    """For LIKE: whatever has it inside. None finds everything."""
    part = comparison_key(search)
    for special in ("\\", "%", "_"):
        part = part.replace(special, f"\\{special}")
    return f"%{part}%" if part else None


def _skill(row: Row | None) -> Skill:
    if row is None:
        raise SkillUnknown
    return Skill(**row)


def _creator_skill(row: Row) -> CreatorSkill:
    skill = Skill(row["skill_id"], row["name"], row["description"])
    return CreatorSkill(row["id"], skill, row["level"], row["creator_id"])


def _card(row: Row) -> CreatorCard:
    person = {name: row.pop(name) for name in ("username", "first_name", "last_name", "bio", "location", "avatar_key")}
    return CreatorCard(Creator(**row), **person)


def _creator(row: Row | None) -> Creator:
    if row is None:
        raise CreatorUnknown
    return Creator(**row)
