"""Reviews, their facts, and what can be refused (docs/dialects/market.md#reviews)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mystar.errors import Conflict, Forbidden, NotFound, Text


@dataclass(frozen=True, slots=True)
class Person:
    """``avatar_key``: the path of the picture behind /media/."""

    id: int
    username: str
    avatar_key: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the creator answers. ``edited_at``: when it was corrected; that is done once."""

    words: str
    written_at: datetime
    edited_at: datetime | None


@dataclass(frozen=True, slots=True)
class Review:
    """What the buyer of an order says of it; ``rating`` is 1 to 5. ``creator_id`` is the creator's profile."""

    id: int
    order_id: int
    service_id: int
    service_title: str
    creator_id: int
    creator_account_id: int
    creator_name: str
    author: Person
    rating: int
    words: str
    reply: Reply | None
    is_hidden: bool
    created_at: datetime
    updated_at: datetime


class ReviewUnknown(NotFound):
    """The review does not exist, is hidden, or the actor is not a party to its order (D4)."""

    code = "review_unknown"
    text = Text("Отзыв не найден.", "The review was not found.")


class AlreadyReviewed(Conflict):
    """The buyer has reviewed this order before."""

    code = "already_reviewed"
    text = Text("На этот заказ уже есть отзыв.", "This order has a review already.")


class NotYourReview(Forbidden):
    """The author of a review replies to it; only the creator can."""

    code = "review_not_yours"
    text = Text("На отзыв отвечает только креатор.", "Only the creator answers a review.")


class ReplyFinal(Conflict):
    """A reply to a review is changed for the second time."""

    code = "reply_final"
    text = Text("Ответ на отзыв можно исправить только один раз.", "An answer to a review can be corrected only once.")


# Facts. Each is published in the transaction that makes it true.


@dataclass(frozen=True, slots=True)
class ReviewWritten:
    review: Review


@dataclass(frozen=True, slots=True)
class ReviewAnswered:
    """For the first time; corrections are told to nobody."""

    review: Review
