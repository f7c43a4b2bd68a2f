"""What a creator is, what happened to one, and what can be refused (contract D27)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from mystar.errors import Conflict, Forbidden, NotFound, Text


@dataclass(frozen=True, slots=True)
class Creator:
    """One who sells. ``rating`` is the mean of all votes and reviews to two places, 0 while there are none (D27)."""

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


def whole_stars(total: int, count: int) -> int:
    """The mean rounded up, 1 to 5, as greetings shows it; 0 while nobody has rated (contract D27)."""
    return -(-total // count) if count else 0


@dataclass(frozen=True, slots=True)
class CreatorCreated:
    creator_id: int
    account_id: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A sum on a creator's row that its facts do not confirm."""

    creator_id: int
    what: str
    stored: int
    counted: int


class CreatorUnknown(NotFound):
    code = "creator_unknown"
    text = Text("Звезда не найдена.", "The star was not found.")


class CreatorExists(Conflict):
    code = "creator_exists"
    text = Text("У вас уже есть профиль креатора.", "You have a creator profile already.")


class AlreadyRated(Conflict):
    code = "already_rated"
    text = Text("Рейтинг уже выставлен", "You have rated already")


class AlreadyLiked(Conflict):
    code = "already_liked"
    text = Text("Лайк уже стоит", "You like this star already")


class OwnRating(Forbidden):
    code = "own_rating"
    text = Text("Нельзя оценивать самого себя.", "You cannot rate yourself.")
