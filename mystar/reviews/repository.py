"""Reviews as rows."""

from __future__ import annotations

from datetime import datetime

from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import PageRequest
from mystar.reviews.model import AlreadyReviewed, Reply, Review, Reviewer, ReviewUnknown

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "reviews_written": QUERIES.export_reviews_written,
        "reviews_received": QUERIES.export_reviews_received,
    },
    erasures=(
        QUERIES.erase_reviews,
        QUERIES.erase_replies,
    ),
)
CONSTRAINTS = {"reviews_order_key": AlreadyReviewed}
#: At most this many differences of a kind are reported by `recount`.
_MAX_DIFFERENCES = 1000


class ReviewRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(
        self, *, order_id: int, creator_id: int, service_id: int, author_id: int, rating: int, words: str, now: datetime
    ) -> Review:
        """:raises AlreadyReviewed: the order has one."""
        review_id = await self._tx.value(
            QUERIES.add_review,
            order_id=order_id,
            creator_id=creator_id,
            service_id=service_id,
            author_id=author_id,
            rating=rating,
            words=words,
            now=now,
        )
        return await self.find(review_id)

    async def find(self, review_id: int) -> Review:
        """Hidden or not. :raises ReviewUnknown:"""
        rows = await self._rows(review_id=review_id, limit=0)
        if not rows:
            raise ReviewUnknown
        return rows[0]

    async def lock(self, review_id: int) -> Review:
        """Lock a review, hidden or not. :raises ReviewUnknown:"""
        await self._tx.value(QUERIES.lock_review, id=review_id)
        return await self.find(review_id)

    async def set_reply(self, review_id: int, words: str, now: datetime) -> Review:
        await self._tx.execute(QUERIES.set_reply, id=review_id, words=words, now=now)
        return await self.find(review_id)

    async def set_hidden(self, review_id: int, is_hidden: bool, now: datetime) -> None:
        await self._tx.execute(QUERIES.set_hidden, id=review_id, is_hidden=is_hidden, now=now)

    async def of_creator(self, creator_id: int, page: PageRequest) -> list[Review]:
        return await self._rows(creator_id=creator_id, offset=page.offset, limit=page.size)

    async def of_service(self, service_id: int, page: PageRequest) -> list[Review]:
        return await self._rows(service_id=service_id, offset=page.offset, limit=page.size)

    async def count_of_creator(self, creator_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_of_creator, id=creator_id))

    async def count_of_service(self, service_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_of_service, id=service_id))

    async def creator_is_shown(self, creator_id: int) -> bool:
        return bool(await self._tx.value(QUERIES.creator_is_shown, id=creator_id))

    async def service_is_shown(self, service_id: int) -> bool:
        return bool(await self._tx.value(QUERIES.service_is_shown, id=service_id))

    async def differences(self) -> list[Difference]:
        ratings = await self._tx.all(QUERIES.rating_differences, limit=_MAX_DIFFERENCES)
        orders = await self._tx.all(QUERIES.order_differences, limit=_MAX_DIFFERENCES)
        return [Difference(of="creator", **row) for row in ratings] + [Difference(of="order", **row) for row in orders]

    async def _rows(
        self,
        *,
        review_id: int | None = None,
        creator_id: int | None = None,
        service_id: int | None = None,
        offset: int = 0,
        limit: int,
    ) -> list[Review]:
        rows = await self._tx.all(
            QUERIES.reviews,
            id=review_id,
            creator_id=creator_id,
            service_id=service_id,
            offset=offset,
            limit=limit,
        )
        return [_review(row) for row in rows]


def _review(row: Row) -> Review:
    author = Reviewer(row.pop("author_id"), row.pop("username"), row.pop("avatar_key"))
    words, written_at, edited_at = row.pop("reply"), row.pop("replied_at"), row.pop("reply_edited_at")
    reply = None if words is None else Reply(words, written_at, edited_at)
    return Review(**row, author=author, reply=reply)
