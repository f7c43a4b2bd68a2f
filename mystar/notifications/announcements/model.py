"""Announcements, their audiences and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mystar.errors import Conflict, Invalid, NotFound, Text

MAX_SUBJECT, MAX_TEXT = 120, 4000
LANGUAGES = ("ru", "en")


class Audience(StrEnum):
    """``BUYERS`` have placed an order, ``CREATORS`` have a profile of a creator."""

    EVERYBODY = "everybody"
    BUYERS = "buyers"
    CREATORS = "creators"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class AnnouncementDraft:
    """``texts``: "subject" and "text" by language. ``key``: of its form; the same twice is one announcement."""

    key: str
    audience: Audience
    texts: Mapping[str, Mapping[str, str]]
    by_mail: bool


@dataclass(frozen=True, slots=True)
class Announcement:
    """``notified`` and ``mailed``: how many people so far; those up to ``last_account_id`` have it."""

    id: int
    key: str
    audience: Audience
    texts: Mapping[str, Mapping[str, str]]
    by_mail: bool
    author_id: int | None
    author: str | None
    created_at: datetime
    last_account_id: int
    notified: int
    mailed: int
    finished_at: datetime | None
    stopped_at: datetime | None

    @property
    def state(self) -> str:
        return "stopped" if self.stopped_at else "sent" if self.finished_at else "sending"


@dataclass(frozen=True, slots=True)
class AnnouncementReader:
    """A person of the audience. ``is_mailed``: wants mails of this kind, and the address is confirmed."""

    id: int
    username: str
    email: str | None
    language: str
    channel: str
    is_mailed: bool


@dataclass(frozen=True, slots=True)
class AnnouncementMade:
    """An announcement begins to be sent, or is stopped."""

    announcement: Announcement


class AnnouncementUnknown(NotFound):
    """There is no such announcement."""

    code = "announcement_unknown"
    text = Text("Такого объявления нет.", "There is no such announcement.")


class AnnouncementSent(Conflict):
    """The form was sent twice, or the announcement is stopped after everybody had it."""

    code = "announcement_sent"
    text = Text("Это объявление уже отправлено.", "This announcement has been sent already.")


class AnnouncementUnseen(Conflict):
    """An announcement is sent that differs from its preview."""

    code = "announcement_unseen"
    text = Text(
        "Отправляется не то, что было показано: посмотрите объявление ещё раз. Ничего не отправлено.",
        "This is not what was shown: please preview it again. Nothing was sent.",
    )


_EMPTY = Text("Обязательное поле.", "Missing data for required field.")


def require_complete(draft: AnnouncementDraft) -> None:
    """:raises Invalid: by field, such as ``ru_subject``."""
    longest = {"subject": MAX_SUBJECT, "text": MAX_TEXT}
    problems = {}
    for language in LANGUAGES:
        for part, most in longest.items():
            value = draft.texts[language][part]
            if not value.strip():
                problems[f"{language}_{part}"] = [_EMPTY]
            elif len(value) > most:
                problems[f"{language}_{part}"] = [
                    Text(f"Не длиннее {most} символов.", f"Longer than maximum length {most}.")
                ]
    if problems:
        raise Invalid(fields=problems)
