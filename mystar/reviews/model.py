"""Reviews, their events and errors (docs/dialects/market.md#reviews)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mystar.errors import Conflict, Forbidden, NotFound, Text


@dataclass(frozen=True, slots=True)
class Reviewer:
    """``avatar_key``: the path of the picture after /media/."""

    id: int
    username: str
    avatar_key: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of the creator. ``edited_at``: when it was corrected, which is possible once."""

    words: str
    written_at: datetime
    edited_at: datetime | None


@dataclass(frozen=True, slots=True)
class Review:
    """A buyer's review of an order; ``rating`` is 1 to 5. ``creator_id`` is the id of the profile."""

    id: int
    order_id: int
    service_id: int
    service_title: str
    creator_id: int
    creator_account_id: int
    creator_name: str
    author: Reviewer
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
    text = Text("На отзыв отвечает только креатор.", "Only the creator can reply to a review.")


class ReplyFinal(Conflict):
    """A reply to a review is changed for the second time."""

    code = "reply_final"
    text = Text("Ответ на отзыв можно исправить только один раз.", "A reply to a review can be corrected only once.")


# Events, published in the transaction of the change.


@dataclass(frozen=True, slots=True)
class ReviewWritten:
    review: Review


@dataclass(frozen=True, slots=True)
class ReviewAnswered:
    """The first reply; a correction publishes no event."""

    review: Review
