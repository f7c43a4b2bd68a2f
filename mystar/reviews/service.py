"""Reviews and replies."""

from __future__ import annotations

from mystar.accounts.model import Actor
from mystar.catalog.model import ServiceUnknown
from mystar.creators.model import CreatorUnknown, VisibilityChanged
from mystar.creators.service import CreatorService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import Page, PageRequest
from mystar.orders.service import OrderService
from mystar.reviews.model import (
    NotYourReview,
    ReplyFinal,
    Review,
    ReviewAnswered,
    ReviewUnknown,
    ReviewWritten,
)
from mystar.reviews.repository import ReviewRepository


class ReviewService:
    """A creator is identified by the id of its profile. Sums change in the transaction of what they add up."""

    def __init__(self, db: Database, orders: OrderService, creators: CreatorService, clock: Clock) -> None:
        self._db, self._orders, self._creators, self._clock = db, orders, creators, clock

    async def write(self, actor: Actor, order_id: int, *, rating: int, words: str) -> Review:
        """Review a completed order; ``rating`` is 1 to 5.

        :raises OrderUnknown: not a party. :raises ActionForbidden: not its buyer.
        :raises ActionNotAllowedNow: not completed, or reviewed already. :raises AlreadyReviewed:
        """
        async with self._db.transaction() as tx:
            order = await self._orders.mark_reviewed(tx, actor, order_id)
            # Studio orders, which have neither, cannot be reviewed.
            assert order.creator_id is not None
            assert order.service_id is not None
            review = await ReviewRepository(tx).add(
                order_id=order_id,
                creator_id=order.creator_id,
                service_id=order.service_id,
                author_id=actor.id,
                rating=rating,
                words=words,
                now=self._clock.now(),
            )
            await self._creators.count_review(tx, review.creator_id, rating)
            await tx.publish(ReviewWritten(review))
        return review

    async def reply(self, actor: Actor, review_id: int, words: str) -> tuple[Review, bool]:
        """Reply to a review, or correct the reply, once. Returns also whether it is the first reply.

        :raises ReviewUnknown: hidden, or of another creator. :raises NotYourReview: the actor has written it.
        :raises ReplyFinal: the reply has been corrected already.
        """
        async with self._db.transaction() as tx:
            reviews = ReviewRepository(tx)
            review = await reviews.lock(review_id)
            if review.is_hidden or actor.id not in (review.creator_account_id, review.author.id):
                raise ReviewUnknown
            if actor.id != review.creator_account_id:
                raise NotYourReview
            if review.reply is not None and review.reply.edited_at is not None:
                raise ReplyFinal
            answered = await reviews.set_reply(review_id, words, self._clock.now())
            if review.reply is None:
                await tx.publish(ReviewAnswered(answered))
        return answered, review.reply is None

    async def read(self, review_id: int) -> Review:
        """:raises ReviewUnknown: there is none, or it is hidden."""
        review = await ReviewRepository(self._db).find(review_id)
        if review.is_hidden:
            raise ReviewUnknown
        return review

    async def of_creator(self, creator_id: int, page: PageRequest) -> Page[Review]:
        """Newest first. :raises CreatorUnknown:"""
        reviews = ReviewRepository(self._db)
        if not await reviews.creator_is_shown(creator_id):
            raise CreatorUnknown
        rows = await reviews.of_creator(creator_id, page)
        return Page(rows, await reviews.count_of_creator(creator_id))

    async def of_service(self, service_id: int, page: PageRequest) -> Page[Review]:
        """Newest first. :raises ServiceUnknown: there is none, or it is hidden."""
        reviews = ReviewRepository(self._db)
        if not await reviews.service_is_shown(service_id):
            raise ServiceUnknown
        rows = await reviews.of_service(service_id, page)
        return Page(rows, await reviews.count_of_service(service_id))

    async def hide(self, actor: Actor, review_id: int, reason: str | None = "") -> None:
        """Hide a review and take it from the sums. :raises Forbidden: not an operator.

        :param reason: what its author, who is notified, reads; None = the caller tells the author.
        """
        await self._set_hidden(actor, review_id, True, reason)

    async def show(self, actor: Actor, review_id: int, reason: str | None = "") -> None:
        """Undo `hide`. :raises Forbidden: not an operator. :raises ReviewUnknown:"""
        await self._set_hidden(actor, review_id, False, reason)

    async def _set_hidden(self, actor: Actor, review_id: int, is_hidden: bool, reason: str | None) -> None:
        actor.require_operator()
        async with self._db.transaction() as tx:
            reviews = ReviewRepository(tx)
            review = await reviews.lock(review_id)
            if review.is_hidden == is_hidden:
                return
            await reviews.set_hidden(review_id, is_hidden, self._clock.now())
            count = self._creators.uncount_review if is_hidden else self._creators.count_review
            await count(tx, review.creator_id, review.rating)
            await tx.publish(VisibilityChanged("review", review_id, not is_hidden, reason=reason))

    async def recount(self) -> list[Difference]:
        """Differences between sums and votes or reviews, and between orders and reviews; empty if consistent."""
        return await ReviewRepository(self._db).differences()
