"""Adding and reading notes; they are never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mystar.accounts.model import Actor
from mystar.admin.notes.model import MAX_LENGTH, Note, Subject
from mystar.admin.notes.repository import NoteRepository
from mystar.audit.service import AuditService
from mystar.errors import Invalid, Text
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx

_EMPTY = Text("Напишите заметку.", "Write a note.")
_LONG = Text(f"Не длиннее {MAX_LENGTH} символов.", f"Longer than maximum length {MAX_LENGTH}.")


class NoteService:
    """Every member of the staff reads notes, operators and owners write them."""

    def __init__(self, db: Database, clock: Clock, audit: AuditService) -> None:
        self._db, self._clock, self._audit = db, clock, audit

    async def add(self, actor: Actor, subject: Subject, text: str) -> int:
        """Returns the id.

        :raises Forbidden: not staff who may change things. :raises Invalid: empty or too long.
        :raises NotFound: the subject does not exist.
        """
        actor.require_operator()
        if not text.strip():
            raise Invalid(fields={"note": [_EMPTY]})
        async with self._db.transaction() as tx:
            return await self._add(tx, actor, subject, text)

    @asynccontextmanager
    async def beside(self, actor: Actor, subject: Subject, text: str) -> AsyncIterator[None]:
        """What the block does and a note about it, both or neither; without a text only what the block does.

        :raises Invalid: too long. And what `add` and the block raise.
        """
        if not text.strip():
            yield
            return
        if len(text) > MAX_LENGTH:
            raise Invalid(fields={"note": [_LONG]})
        async with self._db.lazy_transaction(_nothing) as lazy:
            yield
            await self._add(await lazy.tx(), actor, subject, text)

    async def of(self, actor: Actor, subject: Subject) -> list[Note]:
        """The latest ones, newest first. :raises Forbidden: not staff."""
        actor.require_staff()
        return await NoteRepository(self._db).of(subject)

    async def _add(self, tx: Tx, actor: Actor, subject: Subject, text: str) -> int:
        """The audit log names the note; its text is only in the note."""
        if len(text) > MAX_LENGTH:
            raise Invalid(fields={"note": [_LONG]})
        added = await NoteRepository(tx).add(subject, actor.id, text.strip(), self._clock.now())
        await self._audit.record(tx, "note_added", str(subject), actor_id=actor.id, note=added)
        return added


async def _nothing(_: Tx) -> None:
    """The precondition of a block without one."""
