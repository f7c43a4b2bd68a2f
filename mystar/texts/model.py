"""A text that can be changed, its versions, and when one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mystar.errors import Conflict, Invalid, NotFound, Text
from mystar.kit.outbox.texts import placeholders

LANGUAGES = ("ru", "en")
#: Characters of each part at most.
LONGEST = {"subject": 200, "title": 100, "text": 2000, "message": 1000, "body": 10_000, "button": 60, "action": 60}
#: Parts of more than one line.
LONG_PARTS = ("text", "message", "body")

#: By language, then by part.
Parts = Mapping[str, Mapping[str, str]]


class Group(StrEnum):
    """What a text belongs to."""

    ORDERS = "orders"
    SENTENCES = "sentences"
    ACCOUNTS = "accounts"
    STAFF = "staff"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class EditableText:
    """A text that can be changed: of a mail or a notification, or a sentence of some mails.

    ``title``: what it is to the staff. ``names``: placeholders that it may have; ``needed``: those that the body must
    have.
    """

    name: str
    group: Group
    title: Text
    built_in: Parts
    names: frozenset[str]
    needed: frozenset[str] = frozenset()

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
    """A new version holds. ``before`` and ``after``: what the text was and is."""

    name: str
    version: int
    before: Parts
    after: Parts


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
    if part not in LONG_PARTS and "\n" in value:
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
