"""What a mail or a notification looks like: the same samples in the panel's preview and by ``mystar mail samples``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mystar.errors import Text
from mystar.kit.clock import MOSCOW
from mystar.kit.outbox.letters import Letter, html, items, plain
from mystar.kit.outbox.mail import mail_letter
from mystar.kit.outbox.texts import TextStore, filled
from mystar.notifications.mail_content import DUE, REASON, SUM, MailContent, Reading, rubles, sentence, written
from mystar.notifications.mail_texts import MAIL_TEXTS
from mystar.texts.library import text_of
from mystar.texts.model import LANGUAGES, EditableText, Parts, checked

_BRAND, _LINK = "MySTAR", "https://example.com/x"
_LINE = Text("Заказ №1024 принят.", "Order no. 1024 was accepted.")
_SECOND_LINE = Text("Вам пишет Лира.", "Lira wrote to you.")
_SERVICE = Text("вашу услугу «Ролик для блога»", "your service “A video for a blog”")
_ALARM = Text("Почта не уходит", "Mails are not sent")
#: A value of every placeholder, in both languages.
_VALUES: Mapping[str, Text | str | int] = {
    "brand": _BRAND,
    "link": _LINK,
    "username": Text("Анна", "Anna"),
    "star": Text("Лира", "Lira"),
    "sender": Text("Лира", "Lira"),
    "customer": Text("Анна", "Anna"),
    "number": 1024,
    "order": 1024,
    "order_id": 1024,
    "payout": 77,
    "report_id": 31,
    "what": Text("поздравление (Лира)", "a greeting from Lira"),
    "amount": rubles(1_500_000),
    "part": rubles(500_000),
    "thing": Text("поздравление готово", "your greeting is ready"),
    "why": Text("касса не настроена", "the cash register is not set up"),
    "destination": Text("карта *1234", "card *1234"),
    "mask": Text("карта *1234", "card *1234"),
    "usable_at": Text("16 мая 2030, 12:00 по Москве", "16 May 2030, 12:00 Moscow time"),
    "hours": 24,
    "provider": Text("Яндекс", "Yandex"),
    "providers": Text("Яндекс, VK", "Yandex, VK"),
    "due": Text("14 мая 2030", "14 May 2030"),
    "email": "anna@example.com",
    "new_email": "anna.new@example.com",
    "phone": "+79991234567",
    "name": Text("Анна", "Anna"),
    "left": 9,
    "reasons": Text(
        items(["Есть незавершённые заказы.", "На балансе есть деньги или долг."]),
        items(["There are orders that have not ended.", "The balance has money on it, or a debt."]),
    ),
    "rules": Text(
        items(
            ["Новички: 10 %, с 14 мая 2030, 00:00 по Москве", "Все: 20 % + 50\u00a0₽, с 14 мая 2030, 00:00 по Москве"]
        ),
        items(
            [
                "Newcomers: 10 %, from 14 May 2030, 00:00 Moscow time",
                "All: 20 % + 50 RUB, from 14 May 2030, 00:00 Moscow time",
            ]
        ),
    ),
    "count": 23,
    "more": 3,
    "first": _LINE,
    "lines": Text(*(items([_LINE.in_(one), _SECOND_LINE.in_(one)]) for one in LANGUAGES)),
    "subject": Text("Новые категории", "New categories"),
    "text": Text(
        "Теперь поздравления можно найти по поводу.\n\nЗагляните в каталог.",
        "Greetings can now be found by their occasion.\n\nHave a look at the catalogue.",
    ),
    "title": Text("Ролик для блога", "A video for a blog"),
    "price": rubles(120_000),
    "reason": Text("бонус за май", "a bonus for May"),
    "note": Text("Реклама чужого магазина.", "It advertises another shop."),
    "details": "invalid_credentials: shop 12345",
    "opened": Text(
        "Почта не уходит. Самое старое письмо ждёт 20 мин.\n"
        "Проверьте почтовый сервер.\nС 14 мая 2030, 12:00 по Москве.",
        "Mails are not sent. The oldest one is 20 min old.\n"
        "Check the mail server.\nSince 14 May 2030, 12:00 Moscow time.",
    ),
    "closed": Text(
        "Прошло: Мало места на диске. Началось 14 мая 2030, 10:00 по Москве.",
        "Over: Little space on the disk. It began on 14 May 2030, 10:00 Moscow time.",
    ),
}
#: Values that are other ones in some texts, by the beginning of their names.
_OTHER_VALUES: Mapping[str, Mapping[str, Text | str | int]] = {
    "mail.second_factor": {"name": Text("телефон Анны", "Anna's phone")},
    "mail.alarms": {"title": _ALARM},
    "notice.content_": {"what": _SERVICE},
    "notification.content_": {"what": _SERVICE},
    "notice.offer": {"what": Text("ролик для блога", "a video for a blog")},
    "mail.support_question": {
        "text": Text("Когда придёт заказ? Жду уже неделю.", "When will the order come? I have waited for a week.")
    },
}
#: The mail in which a sentence or the words of a button are shown; those that are left out are in no mail.
_MAIL_OF: Mapping[str, str] = {
    "sentence.greeting": "message",
    "sentence.opens_after_payment": "order_delivered",
    "sentence.late_for_buyer": "order_expired",
    "sentence.late_for_creator": "order_expired",
    "sentence.back_to_card": "order_rejected",
    "sentence.back_by_sbp": "order_rejected",
    "sentence.back_to_buyer": "order_cancelled",
    "sentence.other_star": "order_rejected",
    "sentence.other_creator": "order_rejected",
    "sentence.decide": "order_paid",
    "sentence.work": "order_paid",
    "sentence.held_until_confirmed": "payment_received",
    "sentence.held_until_approved": "payment_received",
    "sentence.charged_at_once": "payment_received",
    "sentence.greeting_is_ready": "order_delivered",
    "sentence.work_is_ready": "order_delivered",
    "button.watch": "order_delivered",
    "button.pay": "hold_ended",
}
#: Mails with a link that ends them.
_UNSUBSCRIBABLE = {
    *("mail.digest", "mail.digest_of_one", "mail.announcement", "notice.offer", "notice.message"),
    *("notice.content_removed", "notice.content_shown", "sentence.greeting"),
}
_DEADLINE = datetime(2030, 5, 14, 9, 0, tzinfo=UTC)


class Preview(NamedTuple):
    """What is read; ``html`` is "" where it is no mail."""

    subject: str
    text: str
    html: str = ""


def preview(name: str, parts: Parts | None = None) -> dict[str, Preview]:
    """By language, with sample values; None = of the built-in text. :raises TextUnknown: :raises Invalid:"""
    text = text_of(name)
    said = text.built_in if parts is None else checked(text, parts)
    texts = TextStore()
    texts.current = {name: said}
    return {language: _preview(text, said, language, texts) for language in LANGUAGES}


def values_of(name: str, language: str) -> dict[str, Any]:
    """A value of every placeholder that this text may have."""
    values = dict(_VALUES)
    for beginning, others in _OTHER_VALUES.items():
        values |= others if name.startswith(beginning) else {}
    return {key: value.in_(language) if isinstance(value, Text) else value for key, value in values.items()}


def _preview(text: EditableText, parts: Parts, language: str, texts: TextStore) -> Preview:
    values = values_of(text.name, language)
    letter = _letter(text, language, values, texts)
    if letter is None:
        done = [filled(parts[language][part], values) for part in text.parts]
        return Preview(done[0] if len(done) > 1 else "", done[-1])
    unsubscribe = f"{_LINK}/unsubscribe" if text.name in _UNSUBSCRIBABLE else ""
    shown = (letter, language, _BRAND, unsubscribe)
    return Preview(letter.subject, plain(*shown), html(*shown))


def _letter(text: EditableText, language: str, values: dict[str, Any], texts: TextStore) -> Letter | None:
    """None: it is in no mail of its own."""
    kind, _, name = text.name.partition(".")
    if kind == "mail":
        return mail_letter(name, language, values, texts)
    notice = name if kind == "notice" else _MAIL_OF.get(text.name)
    if notice is None:
        return None
    content = MailContent(values, _facts(notice), link=_LINK, deadline=_DEADLINE)
    if name.endswith("_is_ready"):
        content.values["thing"] = sentence(name, language, values, texts)
    elif kind == "sentence" and name != "greeting":
        content.sentences = [name]
    elif kind == "button":
        content.button = name
    letter = written(notice, content, Reading(values["username"], language, MOSCOW), texts)
    return letter._replace(subject=f"{_BRAND}: {letter.subject}")


def _facts(notice: str) -> list[tuple[Text, Any]]:
    """Those that the mail has, by what it speaks of."""
    words = "".join(MAIL_TEXTS[notice].subject + MAIL_TEXTS[notice].text)
    about_order, about_money = "{number}" in words, "{amount}" in words
    return [
        *([(SUM, _VALUES["amount"])] if about_order or about_money else ()),
        *([(DUE, _VALUES["due"])] if about_order else ()),
        *([(REASON, _VALUES["note"])] if notice.startswith("content_") else ()),
    ]
