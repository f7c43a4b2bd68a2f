"""Skills: the list of them, which staff keep, and those of creators.

See docs/dialects/market.md#skills-and-portfolio.
"""

from __future__ import annotations

from collections.abc import Mapping

from mystar.accounts.model import Actor
from mystar.creators.model import (
    MAX_SKILLS,
    Creator,
    CreatorSkill,
    CreatorSkillUnknown,
    CreatorUnknown,
    NoCreatorProfile,
    SetSkill,
    Skill,
    SkillNotFound,
    TaxonomyChanged,
    TooManySkills,
)
from mystar.creators.repository import CreatorRepository, SkillRepository
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.web.pagination import Page, PageRequest


class SkillService:
    """A creator is identified by its profile's id. Changes to the skills of one creator run one after the other."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    # The list of skills

    async def find(self, skill_id: int) -> Skill:
        """:raises SkillUnknown:"""
        return await SkillRepository(self._db).find(skill_id)

    async def all(self, search: str, page: PageRequest) -> Page[Skill]:
        """By name. :param search: any part of the name or the description, in any case."""
        skills = SkillRepository(self._db)
        return Page(await skills.all(search, page), await skills.count(search))

    async def add(self, actor: Actor, name: str, description: str = "") -> Skill:
        """:raises Forbidden: not staff who may change things. :raises SkillExists: in whatever spelling."""
        _require_operator(actor)
        async with self._db.transaction() as tx:
            skill = await SkillRepository(tx).add(name, description, self._clock.now())
            await tx.publish(TaxonomyChanged("skill", skill.id, "name", "", skill.name))
        return skill

    async def edit(
        self, actor: Actor, skill_id: int, *, name: str | None = None, description: str | None = None
    ) -> Skill:
        """Change what is given. :raises Forbidden: as in `add`. :raises SkillUnknown: :raises SkillExists:"""
        _require_operator(actor)
        async with self._db.transaction() as tx:
            skills = SkillRepository(tx)
            skill = await skills.lock(skill_id)
            words = skill.description if description is None else description
            edited = await skills.edit(skill_id, name or skill.name, words, self._clock.now())
            for field in ("name", "description"):
                if getattr(skill, field) != getattr(edited, field):
                    change = (getattr(skill, field), getattr(edited, field))
                    await tx.publish(TaxonomyChanged("skill", skill_id, field, *change))
        return edited

    async def delete(self, actor: Actor, skill_id: int) -> None:
        """:raises Forbidden: as in `add`. :raises SkillUnknown: :raises SkillInUse: a creator has it."""
        _require_operator(actor)
        async with self._db.transaction() as tx:
            skills = SkillRepository(tx)
            skill = await skills.lock(skill_id)
            await skills.delete(skill_id)
            await tx.publish(TaxonomyChanged("skill", skill_id, "name", skill.name, ""))

    # Skills of creators

    async def of_creator(self, creator_id: int, page: PageRequest) -> Page[CreatorSkill]:
        """By age; empty for an unknown creator."""
        skills = SkillRepository(self._db)
        rows = await skills.of_creator(creator_id, page)
        return Page(rows, await skills.count_of_creator(creator_id))

    async def own(self, actor: Actor, page: PageRequest) -> Page[CreatorSkill]:
        """The skills of the actor; empty without a creator profile."""
        try:
            creator = await CreatorRepository(self._db).by_account(actor.id)
        except CreatorUnknown:
            return Page([], 0)
        return await self.of_creator(creator.id, page)

    async def add_to_creator(self, actor: Actor, skill_id: int, level: int) -> CreatorSkill:
        """Add a skill to the actor's profile, with a level from 1 to 5.

        :raises NoCreatorProfile: :raises SkillNotFound: :raises CreatorSkillExists: :raises TooManySkills:
        """
        async with self._db.transaction() as tx:
            creator = await _locked(tx, actor)
            await _require_skills(tx, [skill_id])
            given = await SkillRepository(tx).add_to_creator(creator.id, skill_id, level, self._clock.now())
            await _require_room(tx, creator)
        return given

    async def set_level(self, actor: Actor, given_id: int, level: int | None) -> CreatorSkill:
        """:param level: None = unchanged. :raises CreatorSkillUnknown: no skill of the actor."""
        async with self._db.transaction() as tx:
            creator = await _owner(tx, actor)
            return await SkillRepository(tx).set_level(creator.id, given_id, level, self._clock.now())

    async def remove_from_creator(self, actor: Actor, given_id: int) -> None:
        """:raises CreatorSkillUnknown: no skill of the actor."""
        async with self._db.transaction() as tx:
            creator = await _owner(tx, actor)
            await SkillRepository(tx).remove_from_creator(creator.id, given_id)

    async def set_many(self, actor: Actor, levels: Mapping[int, int]) -> list[SetSkill]:
        """Add missing skills and set the level of the others, all or nothing; skills that are not named are unchanged.

        :param levels: 1 to 5, by the skill's id.
        :raises NoCreatorProfile: :raises SkillNotFound: names the first unknown one. :raises TooManySkills:
        """
        async with self._db.transaction() as tx:
            creator = await _locked(tx, actor)
            await _require_skills(tx, list(levels))
            made = await SkillRepository(tx).set_many(creator.id, levels, self._clock.now())
            await _require_room(tx, creator)
        return made


def _require_operator(actor: Actor) -> None:
    actor.require_operator()


async def _locked(tx: Tx, actor: Actor) -> Creator:
    try:
        return await CreatorRepository(tx).lock_by_account(actor.id)
    except CreatorUnknown as error:
        raise NoCreatorProfile from error


async def _owner(tx: Tx, actor: Actor) -> Creator:
    """:raises CreatorSkillUnknown: the actor has no creator profile, and so no skills."""
    try:
        return await CreatorRepository(tx).lock_by_account(actor.id)
    except CreatorUnknown as error:
        raise CreatorSkillUnknown from error


async def _require_skills(tx: Tx, skill_ids: list[int]) -> None:
    known = await SkillRepository(tx).lock_existing(skill_ids)
    for skill_id in skill_ids:
        if skill_id not in known:
            raise SkillNotFound(skill_id=skill_id)


async def _require_room(tx: Tx, creator: Creator) -> None:
    if await SkillRepository(tx).count_of_creator(creator.id) > MAX_SKILLS:
        raise TooManySkills(limit=MAX_SKILLS)
