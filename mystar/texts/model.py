"""Which texts can be changed, what is built in, and when a text is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

from mystar.errors import Conflict, Invalid, NotFound, Text
from mystar.kit.outbox.texts import placeholders
from mystar.notifications.mail_texts import MAIL_TEXTS

LANGUAGES = ("ru", "en")
#: Characters of each part at most.
LONGEST = {"subject": 200, "text": 2000, "body": 10_000, "button": 60, "action": 60}
#: Values that every mail about an order has.
_OF_ORDERS = {"number", "what", "star", "customer", "amount"}
_ONE_VALUE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_AFTER_COMMA = re.compile(r"\{\{\s*\"(,? )\" ~ (\w+) if \2\s*\}\}")
_BUTTON = re.compile(r"button\(link, \"([^\"]+)\"\)")

#: By language, then by part.
Parts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class EditableText:
    """A mail whose text can be changed.

    ``names``: placeholders that it may have; ``needed``: those that it must have, in the body.
    """

    name: str
    title: Text
    built_in: Parts
    names: frozenset[str]
    needed: frozenset[str]

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.built_in["ru"])


@dataclass(frozen=True, slots=True)
class TextVersion:
    """``parts``: None = the built-in text."""

    id: int
    name: str
    parts: Parts | None
    author_id: int | None
    author: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TextChanged:
    """A new version holds. ``before`` and ``after``: their ids, 0 = the built-in text."""

    name: str
    before: int
    after: int


class TextUnknown(NotFound):
    """There is no such text, or no such version of it."""

    code = "text_unknown"
    text = Text("Такого текста нет.", "There is no such text.")


class TextChangedMeanwhile(Conflict):
    """Another owner has changed the text since the page was opened."""

    code = "text_changed_meanwhile"
    text = Text(
        "Пока страница была открыта, текст изменил другой владелец. Посмотрите его версию и сохраните снова.",
        "Another owner has changed the text while the page was open. Please look at it and save again.",
    )


_TITLES: Mapping[str, Text] = {
    "confirm_email": Text("Подтверждение почты", "Confirming an e-mail"),
    "reset_password": Text("Смена пароля", "Password reset"),
    "data_export": Text("Архив данных готов", "A data export is ready"),
    "erasure_requested": Text("Аккаунт будет удалён", "An erasure was requested"),
    "erasure_withdrawn": Text("Удаление отменено", "An erasure was withdrawn"),
    "account_erased": Text("Аккаунт удалён", "An account was erased"),
    "identity_linked": Text("Добавлен вход через провайдера", "A sign-in was linked"),
    "session_copied": Text("Сеанс закончен: ключ использован дважды", "A session was copied"),
    "phone_released": Text("Номер перешёл к другому", "A phone was released"),
}


@cache
def editable() -> Mapping[str, EditableText]:
    """All of them by name: mails about orders and money, and those about the account."""
    return {one.name: one for one in (*_notices(), *_mails())}


def _notices() -> Iterator[EditableText]:
    for name, notice in MAIL_TEXTS.items():
        parts = {
            language: {part: getattr(notice, part).in_(language) for part in ("subject", "text", "action")}
            for language in LANGUAGES
        }
        used = frozenset.union(*(frozenset(placeholders(text)) for one in parts.values() for text in one.values()))
        names = used | _OF_ORDERS if "number" in used else used
        # The subject is the shortest that says what the mail is about.
        title = Text(*(re.sub(r"\{\w+\}", "…", subject) for subject in notice.subject))
        yield EditableText(f"notice.{name}", title, parts, names, frozenset())


def _mails() -> Iterator[EditableText]:
    """Mails whose template has nothing but values."""
    for name, title in _TITLES.items():
        parts = {language: _parts_of(name, language) for language in LANGUAGES}
        used = frozenset.union(*(frozenset(placeholders(text)) for one in parts.values() for text in one.values()))
        yield EditableText(f"mail.{name}", title, parts, used, frozenset({"link"}) & used)


def _parts_of(name: str, language: str) -> dict[str, str]:
    folder = resources.files("mystar") / "templates" / "mail"
    source = folder.joinpath(f"{name}.{language}.txt").read_text()
    plain = _ONE_VALUE.sub(r"{\1}", _AFTER_COMMA.sub(r"\1{\2}", source))
    subject, _, body = plain.partition("\n\n")
    button = _BUTTON.search(folder.joinpath(f"{name}.{language}.html").read_text())
    parts = {"subject": subject.removeprefix("Subject: "), "body": body.strip()}
    return parts | {"button": button[1]} if button else parts


_UNKNOWN = Text(
    "Нет такой подстановки: {names}. Есть: {known}.", "There is no placeholder {names}. There are: {known}."
)
_MISSING = Text("Не хватает подстановки {names}.", "The placeholder {names} is missing.")
_BRACES = Text(
    "Фигурные скобки — только вокруг подстановок, вроде {{username}}.",
    "Braces are only for placeholders, such as {{username}}.",
)
_EMPTY = Text("Обязательное поле.", "Missing data for required field.")
_LINES = Text("Тема — одна строка.", "A subject is one line.")


def checked(text: EditableText, parts: Parts) -> Parts:
    """The parts, if a mail can always be made of them. :raises Invalid: by field, such as ``ru_subject``."""
    problems = {
        f"{language}_{part}": [problem]
        for language in LANGUAGES
        for part in text.parts
        if (problem := _problem(text, part, parts[language].get(part, "")))
    }
    if problems:
        raise Invalid(fields=problems)
    return {language: {part: parts[language][part] for part in text.parts} for language in LANGUAGES}


def _problem(text: EditableText, part: str, value: str) -> Text | None:
    if not value.strip():
        return _EMPTY
    if len(value) > LONGEST[part]:
        return Text(f"Не длиннее {LONGEST[part]} символов.", f"Longer than maximum length {LONGEST[part]}.")
    if part != "body" and part != "text" and "\n" in value:
        return _LINES
    try:
        used = placeholders(value)
    except ValueError:
        return Text(*(words.format() for words in _BRACES))
    if unknown := used - text.names:
        known = ", ".join(f"{{{name}}}" for name in sorted(text.names))
        return Text(*(words.format(names=_shown(unknown), known=known) for words in _UNKNOWN))
    missing = text.needed - used if part == "body" else frozenset()
    return Text(*(words.format(names=_shown(missing)) for words in _MISSING)) if missing else None


def _shown(names: set[str] | frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
