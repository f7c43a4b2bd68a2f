"""Which event notifies whom: events of orders, reviews and chat write notifications in their own transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mystar.chat.model import MessageSent, ReadMoved
from mystar.chat.offers.model import Offer, OfferDeclined, OfferExpired, OfferFact, OfferWithdrawn
from mystar.creators.model import VisibilityChanged
from mystar.earnings.model import BalanceAdjusted
from mystar.earnings.payouts.model import Payout, PayoutMoved
from mystar.earnings.sending.model import DETAILS_AT_FAULT
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Tx
from mystar.notifications.kinds import Kind
from mystar.notifications.model import Notification, NotificationDraft, Subject
from mystar.notifications.notice_mails import NoticeMails
from mystar.notifications.repository import NotificationRepository
from mystar.notifications.service import NotificationService
from mystar.orders.model import (
    Goal,
    Money,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderDisputed,
    OrderEdited,
    OrderFact,
    OrderMoneyReturned,
    OrderPaid,
    OrderPartlyRefunded,
    OrderPaymentFailed,
    OrderPlaced,
    OrderRejected,
    OrderReopened,
    Role,
    Status,
)
from mystar.reports.model import CaseDecided, Decision
from mystar.reviews.model import Review, ReviewAnswered, ReviewWritten

_BOTH = (Role.BUYER, Role.CREATOR)
#: The kind of each event, and the roles that are notified, except the one that acted.
_RULES: dict[type[OrderFact], tuple[Kind, tuple[Role, ...]]] = {
    OrderPlaced: (Kind.NEW_ORDER, (Role.CREATOR,)),
    OrderAccepted: (Kind.ORDER_ACCEPTED, (Role.BUYER,)),
    OrderRejected: (Kind.ORDER_REJECTED, (Role.BUYER,)),
    OrderCancelled: (Kind.ORDER_CANCELLED, _BOTH),
    OrderPaid: (Kind.ORDER_PAID, (Role.CREATOR,)),
    OrderPaymentFailed: (Kind.PAYMENT_FAILED, (Role.BUYER,)),
    OrderMoneyReturned: (Kind.MONEY_RETURNED, (Role.BUYER,)),
    OrderDelivered: (Kind.DELIVERY, (Role.BUYER,)),
    OrderReopened: (Kind.REVISION_REQUESTED, (Role.CREATOR,)),
    OrderCompleted: (Kind.ORDER_COMPLETED, _BOTH),
    OrderDisputed: (Kind.DISPUTE, _BOTH),
    OrderEdited: (Kind.ORDER_EDITED, (Role.CREATOR,)),
    OrderPartlyRefunded: (Kind.MONEY_PARTLY_RETURNED, _BOTH),
}
#: The kind when the system acted: a deadline passed.
_EXPIRED = {
    OrderCancelled: Kind.ORDER_EXPIRED,
    OrderCompleted: Kind.ORDER_AUTO_COMPLETED,
    OrderDisputed: Kind.REVISION_LATE,
}
#: Kinds that `OrderMails` mails at once.
_MAILED = frozenset(
    {
        *(Kind.NEW_ORDER, Kind.OFFER_ACCEPTED, Kind.ORDER_ACCEPTED, Kind.ORDER_REJECTED, Kind.ORDER_CANCELLED),
        *(Kind.ORDER_EXPIRED, Kind.ORDER_PAID, Kind.PAYMENT_FAILED, Kind.DELIVERY, Kind.REVISION_REQUESTED),
        *(Kind.DISPUTE, Kind.REVISION_LATE, Kind.DISPUTE_SETTLED, Kind.ORDER_COMPLETED, Kind.ORDER_AUTO_COMPLETED),
        *(Kind.MONEY_PARTLY_RETURNED, Kind.HOLD_ENDED, Kind.MONEY_RETURNED),
    }
)
#: The kind of each end of an offer, and the roles that are notified.
_CLOSED_OFFERS: dict[type[OfferFact], tuple[Kind, tuple[Role, ...]]] = {
    OfferDeclined: (Kind.OFFER_DECLINED, (Role.CREATOR,)),
    OfferWithdrawn: (Kind.OFFER_WITHDRAWN, (Role.BUYER,)),
    OfferExpired: (Kind.OFFER_EXPIRED, _BOTH),
}
#: What a creator is told of a payout, by the status that its parts came to.
_PAYOUTS = {"paid": Kind.PAYOUT_PAID, "failed": Kind.PAYOUT_FAILED, "returned": Kind.PAYOUT_RETURNED}


class Listeners:
    """Writes notifications about events.

    :param quiet: how long after a notification about a conversation a star gets no mail of its own about it.
    """

    def __init__(
        self, notifications: NotificationService, mails: NoticeMails, clock: Clock, *, quiet: timedelta
    ) -> None:
        self._notifications, self._mails, self._clock, self._quiet = notifications, mails, clock, quiet

    def listen(self, events: Events) -> None:
        for fact in _RULES:
            events.on(fact, self._order_moved)
        events.on(PayoutMoved, self._payout_moved)
        events.on(BalanceAdjusted, self._balance_adjusted)
        events.on(ReviewWritten, self._review_written)
        events.on(ReviewAnswered, self._review_answered)
        events.on(MessageSent, self._message_sent)
        for closed in _CLOSED_OFFERS:
            events.on(closed, self._offer_closed)
        events.on(ReadMoved, self._conversation_read)
        events.on(CaseDecided, self._case_decided)
        events.on(VisibilityChanged, self._visibility_changed)

    async def _order_moved(self, tx: Tx, fact: OrderFact) -> None:
        order, (kind, roles) = fact.order, kind_of(fact)
        if kind is None:
            return
        people = {Role.BUYER: order.buyer_id, Role.CREATOR: order.creator_account_id}
        data, is_mailed = _about(order), kind in _MAILED
        if isinstance(fact, OrderPartlyRefunded):
            data["amount"] = rubles_text(fact.amount)
        notified = [people[role] for role in roles if role is not fact.by]
        drafts = [
            NotificationDraft(one, kind, Subject.ORDER, order.id, data, is_mailed)
            for one in notified
            if one is not None
        ]
        await self._notifications.notify(tx, *drafts)

    async def _review_written(self, tx: Tx, fact: ReviewWritten) -> None:
        await self._notify_of_review(tx, fact.review, fact.review.creator_account_id, Kind.REVIEW)

    async def _review_answered(self, tx: Tx, fact: ReviewAnswered) -> None:
        await self._notify_of_review(tx, fact.review, fact.review.author.id, Kind.REVIEW_REPLY)

    async def _notify_of_review(self, tx: Tx, review: Review, account_id: int, kind: Kind) -> None:
        data = {"order_id": review.order_id, "review_id": review.id, "rating": review.rating}
        await self._notifications.notify(tx, NotificationDraft(account_id, kind, Subject.ORDER, review.order_id, data))

    async def _payout_moved(self, tx: Tx, event: PayoutMoved) -> None:
        payout, kind = event.payout, _PAYOUTS.get(event.what)
        if kind is None:
            return
        parts = [part.amount for part in payout.parts if str(part.status) == event.what]
        data = {"payout_id": payout.id, "amount": rubles_text(sum(parts)), "destination": payout.mask}
        if kind is Kind.PAYOUT_FAILED and not _is_details_fault(payout):
            kind = Kind.PAYOUT_NOT_MADE
        draft = NotificationDraft(payout.creator_id, kind, Subject.PAYOUT, payout.id, data, is_mailed=True)
        await self._notifications.notify(tx, draft)
        await self._mails.payout(tx, str(kind), payout, sum(parts))

    async def _balance_adjusted(self, tx: Tx, event: BalanceAdjusted) -> None:
        if event.what != "adjustment":
            return
        data = {"amount": rubles_text(event.amount), "reason": event.reason}
        draft = NotificationDraft(
            event.creator_id, Kind.BALANCE_ADJUSTED, Subject.EARNINGS, event.creator_id, data, is_mailed=True
        )
        await self._notifications.notify(tx, draft)
        await self._mails.balance(tx, event)

    async def _message_sent(self, tx: Tx, fact: MessageSent) -> None:
        message = fact.message
        if fact.is_notified and message.offer is None:
            return
        data = {
            "conversation_id": message.conversation_id,
            "message_id": message.id,
            "sender": {"id": message.sender.id, "username": message.sender.username},
        }
        if message.offer is not None:
            data |= _about_offer(message.offer)
            draft = NotificationDraft(
                fact.recipient_id, Kind.OFFER, Subject.CONVERSATION, message.conversation_id, data, is_mailed=True
            )
            await self._notifications.notify(tx, draft)
            unsubscribe = await self._notifications.unsubscribe_link(fact.recipient_id, tx)
            return await self._mails.offer(tx, message, fact.recipient_id, unsubscribe)
        draft = NotificationDraft(fact.recipient_id, Kind.MESSAGE, Subject.CONVERSATION, message.conversation_id, data)
        notification = await self._notifications.notify_once(tx, draft)
        if notification is not None:
            await self._mail_star(tx, notification, message.sender.username)

    async def _mail_star(self, tx: Tx, notification: Notification, sender: str) -> None:
        """Mail a star who wants mails about the message, instead of a digest, unless there was one lately."""
        notifications = NotificationRepository(tx)
        star = await notifications.star_to_mail(
            notification, self._clock.now() - self._quiet, self._notifications.mails_per_hour
        )
        if star is None or not star.email:
            return
        await notifications.skip_digest(notification.id)
        unsubscribe = await self._notifications.unsubscribe_link(star.id, tx)
        await self._mails.message(tx, star, sender, notification.subject_id, unsubscribe)

    async def _offer_closed(self, tx: Tx, fact: OfferFact) -> None:
        offer, (kind, roles) = fact.offer, _CLOSED_OFFERS[type(fact)]
        people = {Role.BUYER: offer.buyer_id, Role.CREATOR: offer.creator_account_id}
        data = _about_offer(offer)
        drafts = [
            NotificationDraft(people[role], kind, Subject.CONVERSATION, offer.conversation_id, data) for role in roles
        ]
        await self._notifications.notify(tx, *drafts)

    async def _case_decided(self, tx: Tx, event: CaseDecided) -> None:
        """Tells those who reported, and the person whom it is about of a warning or a removal."""
        case = event.case
        kind = Kind.REPORT_DISMISSED if case.decision is Decision.DISMISS else Kind.REPORT_UPHELD
        drafts = [
            NotificationDraft(reporter, kind, Subject.REPORT, report_id, {"report_id": report_id})
            for reporter, report_id in event.reporters
        ]
        if case.decision is Decision.WARN:
            data = {"note": case.note, "kind": str(case.kind), "object_id": case.object_id}
            drafts.append(NotificationDraft(case.account_id, Kind.WARNING, Subject.ACCOUNT, case.account_id, data))
        hidden = None
        if case.decision is Decision.HIDE:
            hidden = VisibilityChanged(str(case.kind), case.object_id, False, reason=case.note)
        await self._tell(tx, hidden, drafts)

    async def _visibility_changed(self, tx: Tx, event: VisibilityChanged) -> None:
        if event.reason is not None:
            await self._tell(tx, event, [])

    async def _tell(self, tx: Tx, event: VisibilityChanged | None, drafts: list[NotificationDraft]) -> None:
        """Write the drafts, and tell the author of what the staff have hidden or shown again."""
        posted = await NotificationRepository(tx).posted(event.what, event.id) if event else None
        if event is None or posted is None:
            return await self._notifications.notify(tx, *drafts)
        kind, what = Kind.CONTENT_SHOWN if event.is_shown else Kind.CONTENT_REMOVED, posted.words(event.what)
        data = {"note": event.reason, "kind": event.what, "object_id": event.id, "what_ru": what.ru, "what_en": what.en}
        draft = NotificationDraft(posted.account_id, kind, posted.subject, posted.subject_id, data, is_mailed=True)
        await self._notifications.notify(tx, *drafts, draft)
        unsubscribe = await self._notifications.unsubscribe_link(posted.account_id, tx)
        await self._mails.moderation(tx, kind, posted, what, event.reason or "", unsubscribe)

    async def _conversation_read(self, tx: Tx, fact: ReadMoved) -> None:
        await self._notifications.mark_conversation_read(tx, fact.mark.account_id, fact.mark.conversation_id)


def kind_of(fact: OrderFact) -> tuple[Kind | None, tuple[Role, ...]]:
    """The kind of the notifications about an event, and the roles that may be notified; None = no roles."""
    order, (kind, roles) = fact.order, _RULES[type(fact)]
    if order.offer_id is not None and kind is Kind.NEW_ORDER:
        return Kind.OFFER_ACCEPTED, roles
    if order.offer_id is not None and kind is Kind.ORDER_ACCEPTED:
        return None, ()  # the creator has agreed by the offer, and the buyer knows
    if kind in (Kind.ORDER_PAID, Kind.PAYMENT_FAILED) and order.money_goal is Goal.REVERSE:
        return None, ()  # too late: the money goes back at once
    if kind is Kind.MONEY_RETURNED and order.money is Money.RELEASED and order.money_goal is not Goal.REVERSE:
        # The hold ended by itself: the creator may be working on the order.
        return Kind.HOLD_ENDED, _BOTH
    if fact.was is Status.DISPUTED and order.status is not Status.DISPUTED:
        return Kind.DISPUTE_SETTLED, roles
    return (_EXPIRED.get(type(fact), kind) if fact.by is Role.SYSTEM else kind), roles


def _about(order: Order) -> dict[str, Any]:
    data = {
        "order_id": order.id,
        "kind": str(order.kind),
        "status": str(order.status),
        "total_price": rubles_text(order.total_price),
    }
    return data | {"reason": order.cancellation_reason} if order.cancellation_reason else data


def _about_offer(offer: Offer) -> dict[str, Any]:
    data = {
        "offer_id": offer.id,
        "conversation_id": offer.conversation_id,
        "title": offer.title,
        "price": rubles_text(offer.price),
        "delivery_days": offer.delivery_days,
        "expires_at": offer.expires_at.isoformat(),
    }
    return data | {"reason": offer.reason} if offer.reason else data


def _is_details_fault(payout: Payout) -> bool:
    """Whether other details may help; the bank's words to staff, who pay by hand, are taken to say so."""
    return payout.provider == "manual" or any(part.reason in DETAILS_AT_FAULT for part in payout.parts)
