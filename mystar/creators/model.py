"""Creators and skills, events and errors (D27)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text


@dataclass(frozen=True, slots=True)
class Creator:
    """A profile. ``rating``: the mean of all votes and reviews to two places, 0 without any (D27)."""

    id: int
    account_id: int
    profession: str
    description: str
    specialization: str
    experience: str
    portfolio_link: str
    social_links: dict[str, Any]
    is_top: bool
    video_id: int | None
    rating_sum: int
    rating_count: int
    rating: Decimal
    likes_count: int
    completed_orders: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CreatorCard:
    """A profile with the names of its account. ``avatar_key``: the path of the picture after /media/."""

    creator: Creator
    username: str
    first_name: str
    last_name: str
    bio: str
    location: str
    avatar_key: str | None


def whole_stars(total: int, count: int) -> int:
    """The mean rounded up, 1 to 5, as the greetings dialect shows it; 0 without ratings (D27)."""
    return -(-total // count) if count else 0


@dataclass(frozen=True, slots=True)
class VisibilityChanged:
    """A service, a review or a message was hidden or shown, or a creator moved to or from the top.

    :param what: "service", "review", "message" or "creator". :param place: where it is shown; "" = everywhere.
    :param reason: what the staff say to its author, who is notified; None = the author did it, or is told by another.
    """

    what: str
    id: int
    is_shown: bool
    place: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaxonomyChanged:
    """Staff changed a value of a category, a tag or a skill, or added or deleted one.

    :param what: "category", "tag" or "skill". :param field: which value. :param before: "" of what is new.
    :param after: "" of what is deleted.
    """

    what: str
    id: int
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CreatorCreated:
    creator_id: int
    account_id: int


class CreatorUnknown(NotFound):
    """The creator does not exist."""

    code = "creator_unknown"
    text = Text("Креатор не найден.", "The creator was not found.")


class CreatorExists(Conflict):
    """The account has a creator profile already (D27)."""

    code = "creator_exists"
    text = Text("У вас уже есть профиль креатора.", "You have a creator profile already.")


class AlreadyRated(Conflict):
    """The account has rated this star before."""

    code = "already_rated"
    text = Text("Рейтинг уже выставлен", "You have rated already")


class RaterBlocked(Forbidden):
    """The star has blocked the account, which can neither rate nor like it."""

    code = "rater_blocked"
    text = Text("Эта звезда ограничила вам доступ.", "This star does not take ratings from you.")


class AlreadyLiked(Conflict):
    """The account has liked this star before."""

    code = "already_liked"
    text = Text("Лайк уже стоит", "You like this star already")


class OwnRating(Forbidden):
    """A creator votes for or likes itself."""

    code = "own_rating"
    text = Text("Нельзя оценивать самого себя.", "You cannot rate yourself.")


class CreatorsOnly(Forbidden):
    """The action needs a creator profile, and the account has none."""

    code = "creators_only"
    text = Text("Сначала создайте профиль креатора.", "Create a creator profile first.")


# Availability (D71).

#: Orders that are worked on at once, and days before work begins, at most; absences that are not over, of one creator.
MAX_OPEN_ORDERS, MAX_LEAD_DAYS, MAX_ABSENCES = 1000, 90, 50
#: Days of one absence.
MAX_ABSENCE_DAYS = 366


@dataclass(frozen=True, slots=True)
class Absence:
    """Both days are inside."""

    id: int
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Availability:
    """How much work a creator takes. ``max_open_orders`` None = any number; ``absences`` that are not over, by day."""

    creator_id: int
    max_open_orders: int | None = None
    lead_days: int = 0
    is_full: bool = False
    absences: tuple[Absence, ...] = ()

    def away_until(self, today: date) -> date | None:
        """The last day of the absence that today is inside; None = the creator is there."""
        return max((one.ends_on for one in self.absences if one.starts_on <= today <= one.ends_on), default=None)


class CreatorAway(Conflict):
    """An order from a creator who is absent today.

    ``until``: the last day of the absence.
    """

    code = "creator_away"
    text = Text("Сейчас заказов не принимают: перерыв по {until}.", "No orders are taken now: away until {until}.")


class CreatorAtCapacity(Conflict):
    """An order from a creator who works on as many orders as they take at once."""

    code = "creator_at_capacity"
    text = Text(
        "Сейчас заказов не принимают: все места заняты. Попробуйте позже.",
        "No orders are taken now: all places are taken. Please try later.",
    )


class AbsenceUnknown(NotFound):
    """The absence does not exist, or belongs to another creator (D4)."""

    code = "absence_unknown"
    text = Text("Перерыв не найден.", "The absence was not found.")


class AbsenceImpossible(Invalid):
    """An absence that ends before it begins, that is over, or that lasts longer than a year."""

    code = "absence_impossible"
    text = Text(
        "Конец перерыва не раньше начала, не в прошлом и не дальше года от начала.",
        "An absence ends on its first day or later, not in the past and within a year of its beginning.",
    )

    def __init__(self) -> None:
        super().__init__(fields={"ends_on": [self.text]})


class TooManyAbsences(Conflict):
    """The creator has as many absences that are not over as it may have.

    ``limit``: their number.
    """

    code = "too_many_absences"
    text = Text("Перерывов может быть не больше {limit}.", "There can be no more than {limit} absences.")


# Skills.

#: Of one creator.
MAX_SKILLS = 100
MIN_LEVEL, MAX_LEVEL = 1, 5


@dataclass(frozen=True, slots=True)
class Skill:
    id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class CreatorSkill:
    """A skill of a creator; ``level`` is 1 to 5."""

    id: int
    skill: Skill
    level: int
    creator_id: int


@dataclass(frozen=True, slots=True)
class SetSkill:
    """The result of one entry of a bulk update. ``is_new``: the skill was added."""

    id: int
    skill_id: int
    skill_name: str
    level: int
    is_new: bool


class SkillUnknown(NotFound):
    """The skill does not exist."""

    code = "skill_unknown"
    text = Text("Навык не найден.", "The skill was not found.")


class SkillExists(Conflict):
    """Another skill has this name."""

    code = "skill_exists"
    text = Text("Такой навык уже есть.", "There is such a skill already.")


class SkillInUse(Conflict):
    """A skill that creators have cannot be deleted."""

    code = "skill_in_use"
    text = Text("Этот навык есть у креаторов.", "Creators have this skill.")


class CreatorSkillUnknown(NotFound):
    """The creator's skill does not exist, or belongs to another creator (D4)."""

    code = "creator_skill_unknown"
    text = Text("У вас нет такого навыка.", "You have no such skill.")


class CreatorSkillExists(Conflict):
    """The creator has this skill already."""

    code = "creator_skill_exists"
    text = Text("Этот навык у вас уже есть.", "You have this skill already.")


class TooManySkills(Conflict):
    """A creator has as many skills as it can have.

    ``limit``: their number.
    """

    code = "too_many_skills"
    text = Text("Навыков может быть не больше {limit}.", "There can be no more than {limit} skills.")


# Clients show these four sentences as they are; market answers them with 400:
# docs/dialects/market.md#skills-and-portfolio.


class NoCreatorProfile(Invalid):
    """Skills are changed by an account without a creator profile."""

    code = "no_creator_profile"
    text = Text("У вас нет профиля креатора", "You have no creator profile")


class NotAList(Invalid):
    """The body of a bulk update is not a list."""

    code = "skills_not_a_list"
    text = Text("Данные должны быть в формате списка", "The data must be a list")


class EntryIncomplete(Invalid):
    """An entry of a list of skills lacks ``skill_id`` or ``level``."""

    code = "skill_entry_incomplete"
    text = Text("Каждая запись должна содержать skill_id и level", "Every entry must have skill_id and level")


class SkillNotFound(Invalid):
    """An entry of a list of skills names a skill that does not exist.

    ``skill_id``: the one.
    """

    code = "skill_not_found"
    text = Text("Навык с ID {skill_id} не найден", "There is no skill with the ID {skill_id}")


DUPLICATE_SKILL = Text("Этот навык указан дважды.", "This skill is given twice.")
