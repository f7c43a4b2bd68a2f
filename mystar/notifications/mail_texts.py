"""The mails about orders, offers and money, as data: what is said, and what its one button says.

A mail has a subject that says what happened and to what, one or more sentences, facts such as the sum and the
deadline, and at most one button.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mystar.errors import Text


class MailText(NamedTuple):
    """``deadline`` names the fact that says until when something is possible, and by what; None = there is none."""

    subject: Text
    text: Text
    action: Text
    deadline: Text | None = None


_OPEN = Text("Открыть заказ", "Open the order")
_TALK = Text("Открыть переписку", "Open the conversation")
_MONEY = Text("Открыть выплаты", "Open the payouts")
_ANSWER_BY = Text("Ответьте до", "Answer by")
_APPROVE_BY = Text("Проверьте до", "Check it by")
_REVISE_BY = Text("Сдайте до", "Deliver by")

MAIL_TEXTS: Mapping[str, MailText] = {
    "order_placed": MailText(
        Text("новый заказ №{number} — {what}, {amount}", "new order no. {number} — {what}, {amount}"),
        Text(
            "У вас новый заказ №{number} на сумму {amount}. Покупатель: {customer}. Примите или отклоните заказ.",
            "You have a new order no. {number} for {amount} from {customer}. Accept or decline it.",
        ),
        Text("Принять или отклонить", "Accept or decline"),
        _ANSWER_BY,
    ),
    "offer_accepted": MailText(
        Text(
            "ваше предложение принято: заказ №{number} — {what}", "your offer was accepted: order no. {number} — {what}"
        ),
        Text(
            "{customer} принимает ваше предложение: это заказ №{number} на сумму {amount}. Он ждёт оплаты.",
            "{customer} accepted your offer: it is order no. {number} for {amount}. It waits for the payment.",
        ),
        _OPEN,
    ),
    "order_accepted": MailText(
        Text("{star} принимает заказ №{number} — {what}", "{star} accepts order no. {number} — {what}"),
        Text(
            "{star} принимает ваш заказ №{number}. Оплата {amount} прошла. Мы напишем, когда всё будет готово.",
            "{star} accepts your order no. {number}. Your payment of {amount} arrived. We will write when it is done.",
        ),
        _OPEN,
    ),
    "order_accepted_unpaid": MailText(
        Text("оплатите заказ №{number} — {what}, {amount}", "pay for order no. {number} — {what}, {amount}"),
        Text(
            "{star} принимает ваш заказ №{number}. Осталось оплатить {amount}.",
            "{star} accepts your order no. {number}. What is left is to pay {amount}.",
        ),
        Text("Оплатить", "Pay"),
    ),
    "order_rejected": MailText(
        Text("заказ №{number} отклонён — {what}", "order no. {number} was declined — {what}"),
        Text(
            "К сожалению, {star} не может выполнить ваш заказ №{number}.",
            "Unfortunately, {star} cannot take your order no. {number}.",
        ),
        _OPEN,
    ),
    "order_cancelled": MailText(
        Text("заказ №{number} отменён — {what}", "order no. {number} was cancelled — {what}"),
        Text("Заказ №{number} на сумму {amount} отменён.", "Order no. {number} for {amount} was cancelled."),
        _OPEN,
    ),
    "order_expired": MailText(
        Text(
            "заказ №{number} отменён: ответа не было вовремя — {what}",
            "order no. {number} was cancelled: no answer in time — {what}",
        ),
        Text("Заказ №{number} на сумму {amount} отменён.", "Order no. {number} for {amount} was cancelled."),
        _OPEN,
    ),
    "order_paid": MailText(
        Text("заказ №{number} оплачен — {what}, {amount}", "order no. {number} is paid — {what}, {amount}"),
        Text(
            "Заказ №{number} оплачен: {amount}. Покупатель: {customer}.",
            "Order no. {number} from {customer} is paid: {amount}.",
        ),
        _OPEN,
        _ANSWER_BY,
    ),
    "payment_received": MailText(
        Text("вы оплатили заказ №{number} — {what}, {amount}", "you paid for order no. {number} — {what}, {amount}"),
        Text(
            "Оплата {amount} за заказ №{number} прошла. Исполнитель: {star}.",
            "Your payment of {amount} for order no. {number} arrived. It is for {star}.",
        ),
        _OPEN,
        Text("Ответ придёт до", "You get an answer by"),
    ),
    "payment_failed": MailText(
        Text("оплата заказа №{number} не прошла — {what}", "the payment of order no. {number} failed — {what}"),
        Text(
            "Оплата заказа №{number} на сумму {amount} не прошла. Деньги не списаны. Попробуйте ещё раз.",
            "The payment of {amount} for order no. {number} failed. Nothing was charged. Please try again.",
        ),
        Text("Оплатить ещё раз", "Pay again"),
    ),
    "payment_refused": MailText(
        Text("заказ №{number} пока нельзя оплатить — {what}", "order no. {number} cannot be paid yet — {what}"),
        Text(
            "Платёжный сервис не принимает оплату заказа №{number} на сумму {amount}: {why}. Деньги не списаны. "
            "Повторять оплату не нужно: мы уже разбираемся.",
            "The payment provider does not accept a payment of {amount} for order no. {number}: {why}. Nothing was "
            "charged. There is no need to try again: we are looking into it.",
        ),
        _OPEN,
    ),
    "order_delivered": MailText(
        Text("готово: заказ №{number} — {what}", "ready: order no. {number} — {what}"),
        Text("{star}: {thing} (заказ №{number}).", "{star}: {thing} (order no. {number})."),
        _OPEN,
        _APPROVE_BY,
    ),
    "revision_requested": MailText(
        Text("нужна доработка: заказ №{number} — {what}", "a revision is needed: order no. {number} — {what}"),
        Text("{customer} просит доработать заказ №{number}.", "{customer} asks for a revision of order no. {number}."),
        _OPEN,
        _REVISE_BY,
    ),
    "dispute": MailText(
        Text("открыт спор по заказу №{number} — {what}", "a dispute over order no. {number} — {what}"),
        Text(
            "По заказу №{number} на сумму {amount} открыт спор. Решит администрация, "
            "она прочтёт вашу переписку и сданные файлы; деньги пока остаются на месте.",
            "A dispute over order no. {number} for {amount} was opened. The staff will "
            "decide and read your messages and the delivered files; the money stays.",
        ),
        _OPEN,
    ),
    "revision_late": MailText(
        Text(
            "доработка не пришла: спор по заказу №{number} — {what}",
            "no revision: a dispute over order no. {number} — {what}",
        ),
        Text(
            "Доработка заказа №{number} на сумму {amount} не пришла вовремя: решит администрация, "
            "она прочтёт вашу переписку и сданные файлы.",
            "The revision of order no. {number} for {amount} did not come in time: the staff will "
            "decide and read your messages and the delivered files.",
        ),
        _OPEN,
    ),
    "dispute_settled": MailText(
        Text("спор по заказу №{number} решён — {what}", "the dispute over order no. {number} is settled — {what}"),
        Text(
            "Спор по заказу №{number} на сумму {amount} решён в пользу исполнителя.",
            "The dispute over order no. {number} for {amount} is settled for the creator.",
        ),
        _OPEN,
    ),
    "order_completed": MailText(
        Text("заказ №{number} завершён — {what}", "order no. {number} is completed — {what}"),
        Text(
            "Заказ №{number} на сумму {amount} завершён: работа принята.",
            "Order no. {number} for {amount} is completed: the work was approved.",
        ),
        _OPEN,
    ),
    "order_auto_completed": MailText(
        Text(
            "заказ №{number} завершён автоматически — {what}", "order no. {number} was completed automatically — {what}"
        ),
        Text(
            "Заказ №{number} на сумму {amount} завершён: замечаний вовремя не поступило.",
            "Order no. {number} for {amount} is completed: there were no objections in time.",
        ),
        _OPEN,
    ),
    "money_returned": MailText(
        Text(
            "деньги за заказ №{number} возвращены — {amount}", "the money for order no. {number} is returned — {amount}"
        ),
        Text("За заказ №{number} возвращено {amount}.", "{amount} was returned for order no. {number}."),
        _OPEN,
    ),
    "money_partly_returned": MailText(
        Text("возвращена часть денег за заказ №{number} — {part}", "a part of order no. {number} is returned — {part}"),
        Text(
            "За заказ №{number} — {what} — возвращено {part} из {amount}.",
            "{part} of {amount} was returned for order no. {number} — {what}.",
        ),
        _OPEN,
    ),
    "hold_ended": MailText(
        Text("заказ №{number} нужно оплатить заново — {what}", "order no. {number} has to be paid again — {what}"),
        Text(
            "Срок удержания {amount} за заказ №{number} истёк, деньги вернулись: заказ нужно оплатить заново.",
            "The hold of {amount} for order no. {number} ended and the money went back: it has to be paid again.",
        ),
        _OPEN,
    ),
    "offer": MailText(
        Text("{sender} предлагает: {what}, {amount}", "{sender} offers: {what}, {amount}"),
        Text("{sender} предлагает вам «{what}» за {amount}.", "{sender} offers you “{what}” for {amount}."),
        Text("Посмотреть предложение", "View the offer"),
        Text("Примите до", "Accept by"),
    ),
    "message": MailText(
        Text("{sender} пишет вам", "{sender} wrote to you"),
        Text(
            "{sender} пишет вам личное сообщение. Прочитать и ответить можно в личном кабинете.",
            "{sender} sent you a personal message. You can read and answer it on the site.",
        ),
        _TALK,
    ),
    "payout_paid": MailText(
        Text("выплата {amount} отправлена", "a payout of {amount} was sent"),
        Text("{amount} отправлены: {destination}.", "{amount} was sent: {destination}."),
        _MONEY,
    ),
    "payout_failed": MailText(
        Text(
            "выплата {amount} не прошла: проверьте реквизиты", "a payout of {amount} failed: please check the details"
        ),
        Text(
            "Выплата {amount} не прошла: деньги снова доступны. Проверьте реквизиты.",
            "The payout of {amount} failed: the money is available again. Please check the details.",
        ),
        _MONEY,
    ),
    "payout_not_made": MailText(
        Text("выплата {amount} не прошла", "a payout of {amount} failed"),
        Text(
            "Выплата {amount} не прошла, и не из-за реквизитов: деньги снова доступны, запросите её позже.",
            "The payout of {amount} failed, and not because of the details: the money is available again, "
            "please ask for it later.",
        ),
        _MONEY,
    ),
    "payout_returned": MailText(
        Text("банк вернул выплату {amount}", "the bank returned a payout of {amount}"),
        Text(
            "Банк вернул выплату {amount}: деньги снова доступны. Проверьте реквизиты.",
            "The bank returned the payout of {amount}: the money is available again. Please check the details.",
        ),
        _MONEY,
    ),
    "balance_adjusted": MailText(
        Text("баланс изменён на {amount}", "your balance was adjusted by {amount}"),
        Text("Администрация изменила баланс на {amount}.", "The staff adjusted your balance by {amount}."),
        Text("Открыть баланс", "Open the balance"),
    ),
    "content_removed": MailText(
        Text("мы скрыли {what}", "we have hidden {what}"),
        Text(
            "Администрация скрыла {what}: другие этого больше не видят. Если это ошибка, ответьте на это письмо.",
            "The staff have hidden {what}: others do not see it any more. If this is a mistake, answer this mail.",
        ),
        Text("Открыть сайт", "Open the site"),
    ),
    "content_shown": MailText(
        Text("мы снова показываем {what}", "we show {what} again"),
        Text("Администрация снова показывает {what}.", "The staff show {what} again: others see it, too."),
        Text("Открыть сайт", "Open the site"),
    ),
}

#: Sentences that some mails have, and what else depends on what has happened. Each is a text of its own.
SENTENCES: Mapping[str, Text] = {
    "greeting": Text("Здравствуйте, {username}!", "Hello, {username}!"),
    "opens_after_payment": Text(
        "Оно откроется, как только вы оплатите {amount}.", "It opens as soon as you pay {amount}."
    ),
    "late_for_buyer": Text("Исполнитель не ответил вовремя.", "Its creator did not answer in time."),
    "late_for_creator": Text("Вы не ответили вовремя.", "You did not answer in time."),
    "back_to_card": Text("{amount} вернутся на вашу карту.", "{amount} will be returned to your card."),
    "back_by_sbp": Text(
        "{amount} вернутся на ваш счёт, обычно на следующий день.",
        "{amount} will be returned to your account, usually on the next day.",
    ),
    "back_to_buyer": Text("Деньги вернутся покупателю.", "The money will be returned to the buyer."),
    "other_star": Text(
        "Выберите другую звезду и сделайте заказ снова.", "Please choose another star and place the order again."
    ),
    "other_creator": Text(
        "Выберите другого креатора и сделайте заказ снова.", "Please choose another creator and place the order again."
    ),
    "decide": Text("Ждём вашего решения: примите или отклоните его.", "It waits for you: please accept or decline it."),
    "work": Text("Теперь слово за вами: {customer} ждёт.", "Now it is your turn: {customer} is waiting."),
    "held_until_confirmed": Text(
        "Деньги пока только удержаны: они спишутся, когда {star} подтвердит заказ, иначе вернутся.",
        "The money is only held so far: it is charged when {star} confirms the order, or else it goes back.",
    ),
    "held_until_approved": Text(
        "Деньги пока только удержаны: они спишутся, когда вы примете работу.",
        "The money is only held so far: it is charged when you approve the work.",
    ),
    "charged_at_once": Text(
        "Деньги списаны сразу; если заказ не состоится, они вернутся.",
        "The money was charged at once; it goes back if nothing comes of the order.",
    ),
    "greeting_is_ready": Text("поздравление готово", "your greeting is ready"),
    "work_is_ready": Text("работа готова", "your order is ready"),
    "more_in_digest": Text("и ещё {more}", "and {more} more"),
    "push_summary": Text("Новых уведомлений: {count}", "New notifications: {count}"),
}
#: What is on the button of some mails, instead of the words of their text.
BUTTONS: Mapping[str, Text] = {
    "watch": Text("Смотреть", "Watch"),
    "pay": Text("Оплатить", "Pay"),
}
