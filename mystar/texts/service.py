"""Changing texts of mails, their history and their preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mystar.accounts.model import Actor
from mystar.errors import Forbidden
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.outbox.texts import TextStore, filled
from mystar.kit.postgres.database import Database
from mystar.texts.model import (
    LANGUAGES,
    EditableText,
    Parts,
    TextChanged,
    TextChangedMeanwhile,
    TextUnknown,
    TextVersion,
    checked,
    editable,
)
from mystar.texts.repository import TextRepository

#: Values of previews, by language.
SAMPLES: dict[str, dict[str, Any]] = {
    "ru": {
        "username": "Анна",
        "number": 1024,
        "what": "поздравление от Лиры",
        "star": "Лира",
        "customer": "Анна",
        "sender": "Лира",
        "amount": "15 000 ₽",
        "part": "5 000 ₽",
        "thing": "видео готово",
        "why": "касса не настроена",
        "destination": "карта *1234",
        "link": "https://example.com/x",
        "hours": 24,
        "days": 14,
        "provider": "Яндекс",
        "phone": "+7 *** ***-45-67",
        "date": "14 мая 2030",
        "due": "14 мая 2030",
        "email": "anna@example.com",
    },
    "en": {
        "username": "Anna",
        "number": 1024,
        "what": "a greeting from Lira",
        "star": "Lira",
        "customer": "Anna",
        "sender": "Lira",
        "amount": "15,000 RUB",
        "part": "5,000 RUB",
        "thing": "the video is ready",
        "why": "the cash register is not set up",
        "destination": "card *1234",
        "link": "https://example.com/x",
        "hours": 24,
        "days": 14,
        "provider": "Yandex",
        "phone": "+7 *** ***-45-67",
        "date": "14 May 2030",
        "due": "14 May 2030",
        "email": "anna@example.com",
    },
}


class TextService:
    """:param announce: tells the other processes that a text has changed; a note that is lost is made up for by `load`,
    which is called from time to time.
    """

    def __init__(self, db: Database, clock: Clock, store: TextStore, announce: Callable[[], None]) -> None:
        self._db, self._clock, self._store, self._announce = db, clock, store, announce

    async def load(self) -> None:
        """Let the texts of the database hold in this process."""
        current = await TextRepository(self._db).current()
        self._store.current = {name: one.parts for name, one in current.items() if one.parts and name in editable()}

    async def current(self, actor: Actor) -> dict[str, TextVersion]:
        """The latest version of each text that was ever changed. :raises Forbidden: not staff."""
        actor.require_staff()
        return await TextRepository(self._db).current()

    async def history(self, actor: Actor, name: str) -> list[TextVersion]:
        """Newest first. :raises Forbidden: not staff. :raises TextUnknown:"""
        actor.require_staff()
        return await TextRepository(self._db).history(text_of(name).name)

    async def save(self, actor: Actor, name: str, parts: Parts | None, *, seen: int | None = None) -> int:
        """Let this text hold from the next mail on; None = the built-in one again. Returns the id of the version.

        :param seen: the version that was changed, 0 = the built-in text; None = whichever holds.
        :raises Forbidden: not an owner. :raises TextUnknown: :raises Invalid: a mail could not always be made of it.
        :raises TextChangedMeanwhile:
        """
        if actor.role != "owner":
            raise Forbidden
        text = text_of(name)
        wanted = checked(text, parts) if parts is not None else None
        async with self._db.transaction() as tx:
            texts = TextRepository(tx)
            await texts.lock()
            held = (await texts.current()).get(name)
            before = held.id if held else 0
            if seen is not None and seen != before:
                raise TextChangedMeanwhile
            after = await texts.add(name, wanted, actor.id, self._clock.now())
            await tx.publish(TextChanged(name, before, after))
        await self.load()
        self._announce()
        return after

    async def restore(self, actor: Actor, name: str, version_id: int) -> int:
        """Let an earlier version hold again, as a new one; 0 = the built-in text. Raises what `save` raises."""
        if actor.role != "owner":
            raise Forbidden
        if not version_id:
            return await self.save(actor, name, None)
        version = await TextRepository(self._db).version(version_id)
        if version.name != name:
            raise TextUnknown
        return await self.save(actor, name, version.parts)

    def preview(self, name: str, parts: Parts) -> dict[str, dict[str, str]]:
        """Subject, text and HTML of a mail by language, with sample values. :raises TextUnknown: :raises Invalid:"""
        text = text_of(name)
        return _preview(text, checked(text, parts))


def built_in_preview(name: str) -> dict[str, dict[str, str]]:
    """As `TextService.preview`, of the built-in text."""
    text = text_of(name)
    return _preview(text, text.built_in)


def _preview(text: EditableText, parts: Parts) -> dict[str, dict[str, str]]:
    return {language: _mail(text, parts[language], language) for language in LANGUAGES}


def _mail(text: EditableText, parts: Mapping[str, str], language: str) -> dict[str, str]:
    values = {**dict.fromkeys(text.names, "…"), **SAMPLES[language], "brand": "mystar"}
    done = {part: filled(parts[part], values) for part in text.parts}
    if text.name.startswith("notice."):
        shown = {"paragraphs": [done["text"]], "facts": [], "action": done["action"], "subject": done["subject"]}
        mail = Mailer.rendered("notice", language, {**values, **shown})
    else:
        mail = Mailer.rendered_own(done, language, values)
    return {"subject": mail[0], "text": mail[1], "html": mail[2]}


def text_of(name: str) -> EditableText:
    """:raises TextUnknown:"""
    found = editable().get(name)
    if found is None:
        raise TextUnknown
    return found
