"""Changing texts of mails and notifications, and their history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mystar.accounts.model import Actor
from mystar.errors import Forbidden
from mystar.kit.clock import Clock
from mystar.kit.outbox.texts import TextStore
from mystar.kit.postgres.database import Database
from mystar.texts.library import editable, text_of
from mystar.texts.model import Parts, TextChanged, TextChangedMeanwhile, TextUnknown, TextVersion, checked
from mystar.texts.repository import TextRepository


class TextService:
    """:param announce: tells the other processes that a text has changed; a note that is lost is made up for by `load`,
    which is called from time to time.
    """

    def __init__(self, db: Database, clock: Clock, store: TextStore, announce: Callable[[], None]) -> None:
        self._db, self._clock, self._store, self._announce = db, clock, store, announce
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Let the texts of the database hold in this process."""
        # One after the other, or what was read before a change could replace what was read after it.
        async with self._loading:
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
            said = (held.parts if held else None) or text.built_in
            await tx.publish(TextChanged(name, after, said, wanted or text.built_in))
        await self.load()
        self._announce()
        return after

    async def restore(self, actor: Actor, name: str, version_id: int, *, seen: int | None = None) -> int:
        """Let an earlier version hold again, as a new one; 0 = the built-in text. Raises what `save` raises."""
        if actor.role != "owner":
            raise Forbidden
        if not version_id:
            return await self.save(actor, name, None, seen=seen)
        version = await TextRepository(self._db).version(version_id)
        if version.name != name:
            raise TextUnknown
        return await self.save(actor, name, version.parts, seen=seen)
