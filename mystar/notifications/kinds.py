"""Kinds of notifications, and what each says."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mystar.errors import Text


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
