"""The mails about orders, offers and money, as data: what is said, to whom, and where its one button leads.

A mail has a subject that says what happened and to what, one or more sentences, facts such as the sum and the
deadline, and at most one button.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mystar.errors import Text
from mystar.kit.money import format_rubles
from mystar.kit.outbox.texts import TextStore

_MONTHS = {
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "en": "January February March April May June July August September October November December",
}
_MOSCOW = timedelta(hours=3)


class MailText(NamedTuple):
    """``deadline`` names the fact that says until when something is possible, and by what; None = there is none."""

    subject: Text
    text: Text
    action: Text
    deadline: Text | None = None


OPEN = Text("Открыть заказ", "Open the order")
PAY = Text("Оплатить", "Pay")
_TALK = Text("Открыть переписку", "Open the conversation")
_MONEY = Text("Открыть выплаты", "Open the payouts")
_ANSWER_BY = Text("Ответьте до", "Answer by")
_APPROVE_BY = Text("Проверьте до", "Check it by")
_REVISE_BY = Text("Сдайте до", "Deliver by")

MAIL_TEXTS: Mapping[str, MailText] = {
    "order_placed": MailText(
        Text("новый заказ №{number} — {what}, {amount}", "new order no. {number} — {what}, {amount}"),
        Text(
            "У вас новый заказ №{number} на сумму {amount} от {customer}. Примите или отклоните заказ.",
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
        OPEN,
    ),
    "order_accepted": MailText(
        Text("{star} принимает заказ №{number} — {what}", "{star} accepts order no. {number} — {what}"),
        Text(
            "{star} принимает ваш заказ №{number}. Оплата {amount} прошла. Мы напишем, когда всё будет готово.",
            "{star} accepts your order no. {number}. Your payment of {amount} arrived. We will write when it is done.",
        ),
        OPEN,
    ),
    "order_accepted_unpaid": MailText(
        Text("оплатите заказ №{number} — {what}, {amount}", "pay for order no. {number} — {what}, {amount}"),
        Text(
            "{star} принимает ваш заказ №{number}. Осталось оплатить {amount}.",
            "{star} accepts your order no. {number}. What is left is to pay {amount}.",
        ),
        PAY,
    ),
    "order_rejected": MailText(
        Text("заказ №{number} отклонён — {what}", "order no. {number} was declined — {what}"),
        Text(
            "К сожалению, {star} не может выполнить ваш заказ №{number}.",
            "Unfortunately, {star} cannot take your order no. {number}.",
        ),
        OPEN,
    ),
    "order_cancelled": MailText(
        Text("заказ №{number} отменён — {what}", "order no. {number} was cancelled — {what}"),
        Text("Заказ №{number} на сумму {amount} отменён.", "Order no. {number} for {amount} was cancelled."),
        OPEN,
    ),
    "order_expired": MailText(
        Text(
            "заказ №{number} отменён: ответа не было вовремя — {what}",
            "order no. {number} was cancelled: no answer in time — {what}",
        ),
        Text("Заказ №{number} на сумму {amount} отменён.", "Order no. {number} for {amount} was cancelled."),
        OPEN,
    ),
    "order_paid": MailText(
        Text("заказ №{number} оплачен — {what}, {amount}", "order no. {number} is paid — {what}, {amount}"),
        Text(
            "Заказ №{number} от {customer} оплачен: {amount}.", "Order no. {number} from {customer} is paid: {amount}."
        ),
        OPEN,
        _ANSWER_BY,
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
        OPEN,
    ),
    "order_delivered": MailText(
        Text("готово: заказ №{number} — {what}", "ready: order no. {number} — {what}"),
        Text("{star}: {thing} (заказ №{number}).", "{star}: {thing} (order no. {number})."),
        OPEN,
        _APPROVE_BY,
    ),
    "revision_requested": MailText(
        Text("нужна доработка: заказ №{number} — {what}", "a revision is needed: order no. {number} — {what}"),
        Text("{customer} просит доработать заказ №{number}.", "{customer} asks for a revision of order no. {number}."),
        OPEN,
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
        OPEN,
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
        OPEN,
    ),
    "dispute_settled": MailText(
        Text("спор по заказу №{number} решён — {what}", "the dispute over order no. {number} is settled — {what}"),
        Text(
            "Спор по заказу №{number} на сумму {amount} решён в пользу исполнителя.",
            "The dispute over order no. {number} for {amount} is settled for the creator.",
        ),
        OPEN,
    ),
    "order_completed": MailText(
        Text("заказ №{number} завершён — {what}", "order no. {number} is completed — {what}"),
        Text(
            "Заказ №{number} на сумму {amount} завершён: работа принята.",
            "Order no. {number} for {amount} is completed: the work was approved.",
        ),
        OPEN,
    ),
    "order_auto_completed": MailText(
        Text(
            "заказ №{number} завершён автоматически — {what}", "order no. {number} was completed automatically — {what}"
        ),
        Text(
            "Заказ №{number} на сумму {amount} завершён: замечаний вовремя не поступило.",
            "Order no. {number} for {amount} is completed: there were no objections in time.",
        ),
        OPEN,
    ),
    "money_returned": MailText(
        Text(
            "деньги за заказ №{number} возвращены — {amount}", "the money for order no. {number} is returned — {amount}"
        ),
        Text("За заказ №{number} возвращено {amount}.", "{amount} was returned for order no. {number}."),
        OPEN,
    ),
    "money_partly_returned": MailText(
        Text("возвращена часть денег за заказ №{number} — {part}", "a part of order no. {number} is returned — {part}"),
        Text(
            "За заказ №{number} — {what} — возвращено {part} из {amount}.",
            "{part} of {amount} was returned for order no. {number} — {what}.",
        ),
        OPEN,
    ),
    "hold_ended": MailText(
        Text("заказ №{number} нужно оплатить заново — {what}", "order no. {number} has to be paid again — {what}"),
        Text(
            "Срок удержания {amount} за заказ №{number} истёк, деньги вернулись: заказ нужно оплатить заново.",
            "The hold of {amount} for order no. {number} ended and the money went back: it has to be paid again.",
        ),
        OPEN,
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
            "Вам пришло личное сообщение от {sender}. Прочитать и ответить можно в личном кабинете.",
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
}

SUM, REASON = Text("Сумма", "Sum"), Text("Причина", "Reason")
FOR_WHOM, WISH, DUE = Text("Для кого", "For whom"), Text("Пожелание", "Wish"), Text("Срок", "Due date")
TERM, INCLUDED = Text("Срок работы", "Term"), Text("Что входит", "What is included")
_DAYS = Text("{days} дн. после принятия", "{days} days after the acceptance")


@dataclass(slots=True)
class MailContent:
    """What a mail says besides its `MailText`. ``values`` fill the texts, ``facts`` come in their order.

    :param link: of the button; empty = no button. :param action: on the button instead of that of the text.
    """

    values: dict[str, Any]
    facts: list[tuple[Text, Any]] = field(default_factory=list)
    more: list[Text] = field(default_factory=list)
    link: str = ""
    action: Text | None = None
    deadline: datetime | None = None


def render_values(name: str, content: MailContent, language: str, zone: tzinfo, texts: TextStore) -> dict[str, Any]:
    """The values of the templates ``mail/notice.*``. :param texts: those in place of the built-in ones."""
    mail_text, values = MAIL_TEXTS[name], {key: _in(value, language) for key, value in content.values.items()}
    facts = [(label.in_(language), _in(value, language)) for label, value in content.facts if value]
    if mail_text.deadline is not None and content.deadline is not None:
        facts.append((mail_text.deadline.in_(language), moment_text(content.deadline, language, zone)))
    own = texts.fill(f"notice.{name}", language, values, "subject", "text", "action") or {
        part: text.in_(language, **values)
        for part, text in (("subject", mail_text.subject), ("text", mail_text.text), ("action", mail_text.action))
    }
    return {
        "subject": one_line(own["subject"]),
        "paragraphs": [own["text"], *(text.in_(language, **values) for text in content.more)],
        "facts": facts,
        "link": content.link,
        "action": content.action.in_(language) if content.action else own["action"],
    }


def _in(value: Any, language: str) -> Any:
    return value.in_(language) if isinstance(value, Text) else value


def one_line(text: str, longest: int = 150) -> str:
    """For a subject: names may hold line breaks, and may be long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def rubles(amount: int) -> Text:
    """Kopecks in words."""
    return Text(format_rubles(amount, "ru"), format_rubles(amount, "en"))


def days_text(days: int) -> Text:
    return Text(*(_DAYS.in_(language, days=days) for language in ("ru", "en")))


def zone_of(name: str | None, otherwise: tzinfo) -> tzinfo:
    """The zone of this name; the other one without a name, or for one that is not known any more."""
    try:
        return ZoneInfo(name) if name else otherwise
    except (LookupError, ValueError, OSError):
        return otherwise


def moment_text(moment: datetime, language: str, zone: tzinfo) -> str:
    """In words: "5 мая 2030, 14:30 по Москве", "5 May 2030, 14:30 (UTC+5)"."""
    local = moment.astimezone(zone)
    month = _MONTHS[language].split()[local.month - 1]
    offset = local.utcoffset() or timedelta()
    text = f"{local.day} {month} {local.year}, {local:%H:%M}"
    if offset == _MOSCOW:
        return f"{text} {'Moscow time' if language == 'en' else 'по Москве'}"
    hours, minutes = divmod(abs(int(offset.total_seconds())) // 60, 60)
    sign = "-" if offset < timedelta() else "+"
    return f"{text} (UTC{f'{sign}{hours}' if hours or minutes else ''}{f':{minutes:02d}' if minutes else ''})"
