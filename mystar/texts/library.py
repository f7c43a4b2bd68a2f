"""All texts that can be changed: mails, their sentences and buttons, and notifications, with what is built in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from mystar.errors import Text
from mystar.kit.outbox.texts import built_in_mails, placeholders
from mystar.notifications.kinds import WORDS
from mystar.notifications.mail_texts import BUTTONS, MAIL_TEXTS, SENTENCES
from mystar.texts.model import LANGUAGES, EditableText, Group, TextUnknown

#: Values that every mail about an order has.
_OF_ORDERS = {"number", "what", "star", "customer", "amount"}
#: Values that a mail is sent for: its body must have those that the built-in one has.
_NEEDED = frozenset({"link", "lines", "rules", "reasons", "text", "opened", "closed"})
_PLACEHOLDER = re.compile(r"\{\w+\}")
#: Placeholders after all the words.
_LAST = re.compile(r"\s*([—,:]|(?<!no)\.)\s*…[…—,:.\s]*$")
_PRODUCT = "{brand}: "

#: When a mail is sent, where its subject does not say it to the staff.
_TITLES: Mapping[str, Text] = {
    "reset_password": Text("Смена пароля", "Password reset"),
    "data_export": Text("Архив данных готов", "A data export is ready"),
    "erasure_withdrawn": Text("Удаление отменено", "An erasure was withdrawn"),
    "session_copied": Text("Сеанс закончен: ключ использован дважды", "A session was copied"),
    "password_changed_sign_ins_left": Text(
        "Пароль изменён, входы через провайдеров остались", "The password was changed, linked sign-ins are left"
    ),
    "email_changed_for_good": Text(
        "Адрес почты изменён: прежний не был подтверждён", "The e-mail was changed: the one before was not confirmed"
    ),
    "phone_changed_for_good": Text(
        "Изменён номер телефона: почта не подтверждена", "The phone was changed: the e-mail is not confirmed"
    ),
    "digest": Text("Сводка уведомлений", "Digest of notifications"),
    "digest_of_one": Text("Сводка из одного уведомления", "Digest of one notification"),
    "announcement": Text("Объявление", "Announcement"),
}
#: Mails to the staff and to the mailbox of support.
_TO_STAFF = ("staff_", "alarms_", "star_request", "support_question")


@cache
def editable() -> Mapping[str, EditableText]:
    """All of them by name."""
    return {one.name: one for one in (*_notices(), *_sentences(), *_mails(), *_notifications())}


def text_of(name: str) -> EditableText:
    """:raises TextUnknown:"""
    found = editable().get(name)
    if found is None:
        raise TextUnknown
    return found


def _notices() -> Iterator[EditableText]:
    for name, notice in MAIL_TEXTS.items():
        built_in = {
            language: {part: getattr(notice, part).in_(language) for part in ("subject", "text", "action")}
            for language in LANGUAGES
        }
        names = _used(built_in) | {"username"}
        yield EditableText(
            f"notice.{name}",
            Group.ORDERS,
            _shortened(notice.subject),
            built_in,
            names | _OF_ORDERS if "number" in names else names,
        )


def _sentences() -> Iterator[EditableText]:
    """What some mails have besides: sentences, and other words on their buttons."""
    for prefix, part, texts in (("sentence", "text", SENTENCES), ("button", "action", BUTTONS)):
        for name, text in texts.items():
            built_in = {language: {part: text.in_(language)} for language in LANGUAGES}
            yield EditableText(f"{prefix}.{name}", Group.SENTENCES, _shortened(text), built_in, _used(built_in))


def _mails() -> Iterator[EditableText]:
    for name, built_in in built_in_mails().items():
        used = _used(built_in)
        subject = Text(*(built_in[language]["subject"].removeprefix(_PRODUCT) for language in LANGUAGES))
        group = Group.STAFF if name.startswith(_TO_STAFF) else Group.ACCOUNTS
        yield EditableText(
            f"mail.{name}", group, _TITLES.get(name) or _shortened(subject), built_in, used, _NEEDED & used
        )


def _notifications() -> Iterator[EditableText]:
    for kind, wording in WORDS.items():
        built_in = {
            language: {"title": wording.title.in_(language), "message": wording.message.in_(language)}
            for language in LANGUAGES
        }
        title = _shortened(Text(*map(": ".join, zip(wording.title, wording.message, strict=True))))
        yield EditableText(f"notification.{kind}", Group.NOTIFICATIONS, title, built_in, _used(built_in))


def _used(parts: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    texts: Iterable[str] = (text for one in parts.values() for text in one.values())
    return frozenset().union(*map(placeholders, texts))


def _shortened(text: Text) -> Text:
    """As a title: with dots in place of values."""
    words = (_LAST.sub("", _PLACEHOLDER.sub("…", one)).replace("….", "…") for one in text)
    return Text(*(one[:1].upper() + one[1:] for one in words))
