"""Writing the audit log, reading it, and finding out whether somebody has touched it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mystar.accounts.model import Actor
from mystar.audit.chain import bounded, digest
from mystar.audit.checkpoint import CheckpointFile
from mystar.audit.model import AUDIT_CONTEXT, AuditContext, ChainBreak, Entry, Filters, Head, Note, Value
from mystar.audit.repository import AuditRepository
from mystar.errors import Unavailable
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.tokens import Signer
from mystar.kit.web.pagination import Page, PageRequest

log = logging.getLogger(__name__)

_PURPOSE = "audit"
_BATCH = 5000


class AuditService:
    """:param witness: the file that remembers, outside the database, how long the chains were."""

    def __init__(self, db: Database, signer: Signer, clock: Clock, *, witness: Path) -> None:
        self._db, self._signer, self._clock = db, signer, clock
        self._witness = CheckpointFile(witness, signer)

    # Writing

    async def note(self, tx: Tx, act: str, subject: str = "", *, actor_id: int | None = None, **details: Value) -> None:
        """Write an entry in the transaction of what it tells.

        :param actor_id: None = whoever this task works for.
        :raises Unavailable: more transactions write at once than there are chains.
        """
        context = AUDIT_CONTEXT.get()
        address = ""
        if context is not None:
            context.written += 1
            address = context.address
            actor_id = actor_id or context.who()
        rows = AuditRepository(tx)
        head = await rows.lock_head()
        if head is None:
            raise Unavailable
        note = bounded(Note(self._clock.now(), act, actor_id, subject, address, details))
        number = head.length + 1
        last = digest(head.hash, head.chain, number, note)
        await rows.add(Head(head.chain, number, last, self._seal(head.chain, number, last)), note)

    async def note_alone(self, act: str, subject: str = "", *, actor_id: int | None = None, **details: Value) -> None:
        """The same in a transaction of its own, for what has none; a failure is logged and harms nobody."""
        try:
            async with self._db.transaction() as tx:
                await self.note(tx, act, subject, actor_id=actor_id, **details)
        except Unavailable:
            log.warning("not in the audit log, for the database is away: %s %s", act, subject)
        except Exception:
            log.exception("not in the audit log: %s %s", act, subject)

    # Reading

    async def entries(self, actor: Actor, filters: Filters, page: PageRequest) -> Page[Entry]:
        """The newest first, for staff. :raises Forbidden:"""
        actor.require_staff()
        rows = AuditRepository(self._db)
        return Page(await rows.entries(filters, page.size, page.offset), await rows.count(filters))

    async def tail(self, count: int) -> list[Entry]:
        """The last entries, the oldest of them first. For the operator."""
        return (await AuditRepository(self._db).entries(Filters(), count, 0))[::-1]

    # Proving

    async def verify(self) -> list[ChainBreak]:
        """What was edited, dropped, moved or cut off: of each chain the first thing that is wrong."""
        seen = await asyncio.to_thread(self._witness.read)
        async with self._db.transaction("repeatable read", readonly=True) as tx:
            rows = AuditRepository(tx)
            heads = {head.chain: head for head in await rows.heads()}
            found = [one for head in heads.values() if (one := await self._first_broken(rows, head, seen)) is not None]
            found += [
                ChainBreak(None, chain, length, "the whole chain is gone")
                for chain, (length, _) in sorted(seen.items())
                if chain not in heads
            ]
            stray = await rows.stray()
            if stray is not None:
                found.append(ChainBreak(stray["id"], stray["chain"], stray["number"], "there is no such chain"))
        return found

    async def remember_heads(self) -> None:
        """Tell the witness how far the chains got; not when they contradict what it has seen."""
        heads = {head.chain: head for head in await AuditRepository(self._db).heads()}
        seen = await asyncio.to_thread(self._witness.read)
        if any(chain not in heads or heads[chain].length < length for chain, (length, _) in seen.items()):
            log.error("the audit log is shorter than it was: run `python -m mystar audit verify`")
            return
        lengths = {chain: (head.length, head.hash) for chain, head in heads.items() if head.length}
        if lengths != seen:
            await asyncio.to_thread(self._witness.write, lengths)

    async def _first_broken(
        self, rows: AuditRepository, head: Head, seen: Mapping[int, tuple[int, bytes]]
    ) -> ChainBreak | None:
        number, last, chain = 0, b"", head.chain
        witnessed = seen.get(chain)
        while batch := await rows.after(chain, number, _BATCH):
            for entry in batch:
                number += 1
                if entry.number != number:
                    return ChainBreak(None, chain, number, f"it is gone; the next one is row {entry.id}")
                if entry.hash != digest(last, chain, number, entry.note):
                    return ChainBreak(entry.id, chain, number, "it, or the one before it, is not what was written")
                last = entry.hash
                if witnessed is not None and witnessed == (number, witnessed[1]) and witnessed[1] != last:
                    return ChainBreak(entry.id, chain, number, "the witness has seen another row here")
        if number < head.length or (witnessed is not None and number < witnessed[0]):
            return ChainBreak(None, chain, number + 1, "the end of the chain is cut off")
        if number > head.length or last != head.hash:
            return ChainBreak(None, chain, number, "the end of the chain is not what was signed")
        if head.length and not self._signer.verify(head.seal, _PURPOSE, chain, number, last.hex()):
            return ChainBreak(None, chain, number, "the end of the chain is signed by somebody else")
        return None

    def _seal(self, chain: int, length: int, last: bytes) -> str:
        return self._signer.sign(_PURPOSE, chain, length, last.hex())


@asynccontextmanager
async def audit_context(context: AuditContext) -> AsyncIterator[None]:
    """What is written inside, by this task, was done under these circumstances."""
    before = AUDIT_CONTEXT.set(context)
    try:
        yield
    finally:
        AUDIT_CONTEXT.reset(before)
