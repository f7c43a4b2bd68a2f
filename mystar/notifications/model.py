"""Kinds of notifications with their texts, notifications, and recipients of mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from mystar.errors import Forbidden, NotFound, Text
from mystar.kit.money import format_rubles_text
from mystar.kit.outbox.texts import TextStore


class Kind(StrEnum):
    """``type`` in answers. The document of the market names only the first."""

    NEW_ORDER = "new_order"
    ORDER_ACCEPTED = "order_accepted"
    ORDER_REJECTED = "order_rejected"
    ORDER_EDITED = "order_edited"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_EXPIRED = "order_expired"
    ORDER_PAID = "order_paid"
    PAYMENT_FAILED = "payment_failed"
    MONEY_RETURNED = "money_returned"
    MONEY_PARTLY_RETURNED = "money_partly_returned"
    HOLD_ENDED = "hold_ended"
    DELIVERY = "delivery"
    REVISION_REQUESTED = "revision_requested"
    ORDER_COMPLETED = "order_completed"
    ORDER_AUTO_COMPLETED = "order_auto_completed"
    DISPUTE = "dispute"
    REVISION_LATE = "revision_late"
    DISPUTE_SETTLED = "dispute_settled"
    REVIEW = "review"
    REVIEW_REPLY = "review_reply"
    MESSAGE = "message"
    OFFER = "offer"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_DECLINED = "offer_declined"
    OFFER_WITHDRAWN = "offer_withdrawn"
    OFFER_EXPIRED = "offer_expired"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_FAILED = "payout_failed"
    PAYOUT_NOT_MADE = "payout_not_made"
    PAYOUT_RETURNED = "payout_returned"
    BALANCE_ADJUSTED = "balance_adjusted"
    REPORT_DISMISSED = "report_dismissed"
    REPORT_UPHELD = "report_upheld"
    WARNING = "warning"
    ANNOUNCEMENT = "announcement"
    CONTENT_REMOVED = "content_removed"
    CONTENT_SHOWN = "content_shown"


class Wording(NamedTuple):
    """``message`` may hold placeholders, filled from the notification's data."""

    title: Text
    message: Text
    is_urgent: bool = False


class Words(NamedTuple):
    """What a reader sees."""

    title: str
    message: str


WORDS: dict[str, Wording] = {
    Kind.NEW_ORDER: Wording(
        Text("Новый заказ", "New order"), Text("У вас новый заказ!", "You have a new order!"), is_urgent=True
    ),
    Kind.ORDER_ACCEPTED: Wording(
        Text("Заказ принят", "Order accepted"), Text("Заказ №{order_id} принят.", "Order no. {order_id} was accepted.")
    ),
    Kind.ORDER_REJECTED: Wording(
        Text("Заказ отклонён", "Order rejected"),
        Text("Заказ №{order_id} отклонён.", "Order no. {order_id} was rejected."),
    ),
    Kind.ORDER_EDITED: Wording(
        Text("Заказ изменён", "Order edited"),
        Text("Заказчик изменил заказ №{order_id}.", "The buyer edited order no. {order_id}."),
    ),
    Kind.ORDER_EXPIRED: Wording(
        Text("Заказ отменён автоматически", "Order cancelled automatically"),
        Text(
            "Заказ №{order_id} отменён: исполнитель не ответил вовремя.",
            "Order no. {order_id} was cancelled: its creator did not answer in time.",
        ),
    ),
    Kind.ORDER_CANCELLED: Wording(
        Text("Заказ отменён", "Order cancelled"),
        Text("Заказ №{order_id} отменён.", "Order no. {order_id} was cancelled."),
    ),
    Kind.ORDER_PAID: Wording(
        Text("Заказ оплачен", "Order paid"),
        Text("Заказ №{order_id} оплачен.", "Order no. {order_id} was paid for."),
        is_urgent=True,
    ),
    Kind.PAYMENT_FAILED: Wording(
        Text("Оплата не прошла", "Payment failed"),
        Text("Оплата заказа №{order_id} не прошла.", "The payment for order no. {order_id} failed."),
        is_urgent=True,
    ),
    Kind.MONEY_RETURNED: Wording(
        Text("Деньги возвращены", "Money returned"),
        Text("Деньги за заказ №{order_id} возвращены.", "The money for order no. {order_id} was returned."),
    ),
    Kind.HOLD_ENDED: Wording(
        Text("Нужна новая оплата", "A new payment is needed"),
        Text(
            "Срок удержания денег за заказ №{order_id} истёк, они вернулись: заказ нужно оплатить заново.",
            "The hold for order no. {order_id} ended and the money went back: the order has to be paid for again.",
        ),
        is_urgent=True,
    ),
    Kind.MONEY_PARTLY_RETURNED: Wording(
        Text("Часть денег возвращена", "Some money returned"),
        Text("За заказ №{order_id} возвращено {amount}.", "{amount} were returned for order no. {order_id}."),
    ),
    Kind.DELIVERY: Wording(
        Text("Заказ выполнен", "Order delivered"),
        Text("Заказ №{order_id} выполнен, посмотрите результат.", "Order no. {order_id} was delivered: have a look."),
    ),
    Kind.REVISION_REQUESTED: Wording(
        Text("Нужна доработка", "Revision requested"),
        Text("Заказчик просит доработать заказ №{order_id}.", "The buyer asks for a revision of order no. {order_id}."),
    ),
    Kind.ORDER_COMPLETED: Wording(
        Text("Заказ завершён", "Order completed"),
        Text("Заказ №{order_id} завершён.", "Order no. {order_id} is completed."),
    ),
    Kind.ORDER_AUTO_COMPLETED: Wording(
        Text("Заказ завершён автоматически", "Order completed automatically"),
        Text(
            "Заказ №{order_id} завершён: замечаний вовремя не поступило.",
            "Order no. {order_id} is completed: there were no objections in time.",
        ),
    ),
    Kind.REVISION_LATE: Wording(
        Text("Открыт спор", "Dispute opened"),
        Text(
            "Доработка заказа №{order_id} не пришла вовремя: решит администрация.",
            "The revision of order no. {order_id} did not come in time: the staff will decide.",
        ),
        is_urgent=True,
    ),
    Kind.DISPUTE_SETTLED: Wording(
        Text("Спор решён", "Dispute settled"),
        Text("Спор по заказу №{order_id} решён.", "The dispute over order no. {order_id} was settled."),
        is_urgent=True,
    ),
    Kind.DISPUTE: Wording(
        Text("Открыт спор", "Dispute opened"),
        Text("По заказу №{order_id} открыт спор.", "A dispute over order no. {order_id} was opened."),
        is_urgent=True,
    ),
    Kind.REVIEW: Wording(
        Text("Новый отзыв", "New review"),
        Text("На заказ №{order_id} оставлен отзыв.", "Order no. {order_id} has a review."),
    ),
    Kind.REVIEW_REPLY: Wording(
        Text("Ответ на отзыв", "Answer to a review"),
        Text("На ваш отзыв о заказе №{order_id} ответили.", "Your review of order no. {order_id} was answered."),
    ),
    Kind.MESSAGE: Wording(
        Text("Новое сообщение", "New message"),
        Text("Вам пишет {sender}.", "{sender} wrote to you."),
    ),
    Kind.OFFER: Wording(
        Text("Новое предложение", "New offer"),
        Text(
            "{sender} предлагает «{title}» за {price}.",
            "{sender} offers “{title}” for {price}.",
        ),
        is_urgent=True,
    ),
    Kind.OFFER_ACCEPTED: Wording(
        Text("Предложение принято", "Offer accepted"),
        Text(
            "Ваше предложение принято: заказ №{order_id} ждёт оплаты.",
            "Your offer was accepted: order no. {order_id} waits for the payment.",
        ),
        is_urgent=True,
    ),
    Kind.OFFER_DECLINED: Wording(
        Text("Предложение отклонено", "Offer declined"),
        Text("Ваше предложение «{title}» отклонено.", "Your offer “{title}” was declined."),
    ),
    Kind.OFFER_WITHDRAWN: Wording(
        Text("Предложение отозвано", "Offer withdrawn"),
        Text("Предложение «{title}» отозвано.", "The offer “{title}” was withdrawn."),
    ),
    Kind.OFFER_EXPIRED: Wording(
        Text("Срок предложения истёк", "Offer expired"),
        Text("Предложение «{title}» больше не действует.", "The offer “{title}” has expired."),
    ),
    Kind.PAYOUT_PAID: Wording(
        Text("Выплата отправлена", "Payout sent"),
        Text("{amount} отправлены: {destination}.", "{amount} were sent: {destination}."),
    ),
    Kind.PAYOUT_FAILED: Wording(
        Text("Выплата не прошла", "Payout failed"),
        Text(
            "Выплата {amount} не прошла: деньги снова доступны. Проверьте реквизиты.",
            "The payout of {amount} failed: the money is available again. Please check the details.",
        ),
        is_urgent=True,
    ),
    Kind.PAYOUT_NOT_MADE: Wording(
        Text("Выплата не прошла", "Payout failed"),
        Text(
            "Выплата {amount} не прошла, и не из-за реквизитов: деньги снова доступны, запросите её позже.",
            "The payout of {amount} failed, and not because of the details: the money is available again, "
            "please ask for it later.",
        ),
    ),
    Kind.PAYOUT_RETURNED: Wording(
        Text("Выплата вернулась", "Payout returned"),
        Text(
            "Банк вернул выплату {amount}: деньги снова доступны. Проверьте реквизиты.",
            "The bank returned the payout of {amount}: the money is available again. Please check the details.",
        ),
        is_urgent=True,
    ),
    Kind.BALANCE_ADJUSTED: Wording(
        Text("Баланс изменён", "Balance adjusted"),
        Text(
            "Администрация изменила баланс на {amount}: {reason}",
            "The staff adjusted the balance by {amount}: {reason}",
        ),
    ),
    Kind.REPORT_DISMISSED: Wording(
        Text("Жалоба рассмотрена", "Report decided"),
        Text(
            "Мы рассмотрели вашу жалобу №{report_id} и не нашли нарушения.",
            "We looked into your report no. {report_id} and found nothing wrong.",
        ),
    ),
    Kind.REPORT_UPHELD: Wording(
        Text("Жалоба рассмотрена", "Report decided"),
        Text(
            "Мы рассмотрели вашу жалобу №{report_id} и приняли меры. Спасибо.",
            "We looked into your report no. {report_id} and have acted on it. Thank you.",
        ),
    ),
    Kind.WARNING: Wording(
        Text("Предупреждение", "Warning"),
        Text("Предупреждение администрации: {note}", "A warning from the staff: {note}"),
        is_urgent=True,
    ),
    Kind.ANNOUNCEMENT: Wording(
        Text("Новости площадки", "News of the platform"),
        Text("{subject}. {text}", "{subject}. {text}"),
    ),
    Kind.CONTENT_REMOVED: Wording(
        Text("Скрыто администрацией", "Removed by the staff"),
        Text("Администрация скрыла {what}. {note}", "The staff have hidden {what}. {note}"),
        is_urgent=True,
    ),
    Kind.CONTENT_SHOWN: Wording(
        Text("Снова видно всем", "Shown again"),
        Text("Администрация снова показывает {what}. {note}", "The staff show {what} again. {note}"),
    ),
}
_WHAT_YOU_POSTED = Text("то, что вы разместили", "what you had posted")
#: Rubles in the data.
_SUMS = frozenset({"amount", "price"})
#: For kinds of a later release.
_UNKNOWN_KIND = Wording(Text("Уведомление", "Notification"), Text("У вас новое уведомление.", "You have news."))


class Subject(StrEnum):
    ORDER = "order"
    CONVERSATION = "conversation"
    PAYOUT = "payout"
    EARNINGS = "earnings"
    REPORT = "report"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of one account. The ids of one account become visible in their order.

    :param data: values for the text, such as ``order_id``, or ``conversation_id``, ``message_id`` and ``sender``.
    :param subject: what it is about, with ``subject_id``.
    """

    id: int
    account_id: int
    kind: str
    data: dict[str, Any]
    subject: str
    subject_id: int
    created_at: datetime
    read_at: datetime | None

    @property
    def position(self) -> int:
        """The position in the log of the account."""
        return self.id

    @property
    def is_read(self) -> bool:
        return self.read_at is not None

    @property
    def priority(self) -> Literal["high", "normal"]:
        return "high" if self._wording.is_urgent else "normal"

    def words(self, language: str, texts: TextStore) -> Words:
        """Title and message, made of the kind and the data. :param texts: those in place of the built-in ones."""
        wording = self._wording
        built_in = {"title": wording.title.in_(language), "message": wording.message.in_(language)}
        try:
            return Words(**texts.fill(f"notification.{self.kind}", built_in, language, self._values(language)))
        except (LookupError, ValueError):
            # Written by another release with other data.
            return Words(built_in["title"], built_in["title"])

    def _values(self, language: str) -> dict[str, Any]:
        """The data, with what is kept in both languages in this one, and sums of money for people."""
        values = {name.removesuffix(f"_{language}"): value for name, value in self.data.items()}
        for name in _SUMS & values.keys():
            values[name] = format_rubles_text(str(values[name]), language)
        if self.kind == Kind.CONTENT_REMOVED:
            # Notifications from before it was kept.
            values.setdefault("what", _WHAT_YOU_POSTED.in_(language))
        sender = values.get("sender")
        return values | {"sender": sender["username"]} if isinstance(sender, dict) else values

    @property
    def _wording(self) -> Wording:
        return WORDS.get(self.kind, _UNKNOWN_KIND)


@dataclass(frozen=True, slots=True)
class Posted:
    """What a person has posted. ``title``: of a service; ``subject`` with its id: where it is seen."""

    account_id: int
    title: str
    subject: Subject
    subject_id: int

    def words(self, what: str) -> Text:
        """As the object of a sentence. :param what: "service", "review" or "message"."""
        if what == "service":
            return Text(f"вашу услугу «{self.title}»", f"your service “{self.title}”")
        if what == "review":
            return Text(f"ваш отзыв о заказе №{self.subject_id}", f"your review of order no. {self.subject_id}")
        return Text("ваше сообщение", "your message")


@dataclass(frozen=True, slots=True)
class NotificationDraft:
    """A notification to be written.

    :param is_mailed: it has a mail of its own; the digest leaves it out.
    """

    account_id: int
    kind: Kind
    subject: Subject
    subject_id: int
    data: dict[str, Any]
    is_mailed: bool = False


@dataclass(frozen=True, slots=True)
class NotificationCreated:
    """The account has a new notification; WebSockets read it after the commit."""

    account_id: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """The account that a mail goes to. Without an address nothing is sent.

    ``is_confirmed``: the address is; mails to another one contain no text of others.
    ``recent``: its notifications of one kind in the last hour, where they were asked for.
    """

    id: int
    username: str
    email: str | None
    language: str
    #: Of the registration, for mails that are not about an order.
    channel: str = "market"
    recent: int = 0
    is_confirmed: bool = True
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class OrderReader:
    """A party of an order as the reader of a mail. ``title`` is that of the offer or the service that was ordered.

    ``recent``: its notifications of one kind in the last hour.
    """

    id: int
    username: str
    full_name: str
    email: str | None
    language: str
    time_zone: str | None
    title: str
    recent: int = 0
    is_confirmed: bool = True


class NotificationUnknown(NotFound):
    """The notification does not exist, or is another account's (D4)."""

    code = "notification_unknown"
    text = Text("Уведомление не найдено.", "The notification was not found.")


class UnsubscribeLinkRefused(Forbidden):
    """The signature of an unsubscribe link is wrong, or the link is older than three months, or than the account's
    wish to be mailed again.
    """

    code = "unsubscribe_link_refused"
    text = Text("Ссылка для отписки недействительна или устарела.", "The unsubscribe link is not valid or too old.")


def format_date(day: date | None, language: str) -> str:
    if day is None:
        return ""
    return day.isoformat() if language == "en" else f"{day:%d.%m.%Y}"
