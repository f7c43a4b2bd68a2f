"""Writing, reading and verifying the audit log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mystar.accounts.model import Actor
from mystar.audit.chain import details_digest, digest, truncated
from mystar.audit.checkpoint import CheckpointFile
from mystar.audit.model import AUDIT_CONTEXT, AuditContext, AuditEvent, ChainBreak, Entry, Filters, Head, Value
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
    """:param checkpoint: the file, outside the database, with the lengths of the chains."""

    def __init__(self, db: Database, signer: Signer, clock: Clock, *, checkpoint: Path) -> None:
        self._db, self._signer, self._clock = db, signer, clock
        self._checkpoint = CheckpointFile(checkpoint, signer)

    # Writing

    async def record(
        self, tx: Tx, action: str, subject: str = "", *, actor_id: int | None = None, **details: Value
    ) -> Head:
        """Write an entry in the transaction of the fact; returns its place, the new end of its chain.

        :param actor_id: None = the actor of the current request.
        :raises Unavailable: more transactions write at once than there are chains.
        """
        context = AUDIT_CONTEXT.get()
        address = ""
        if context is not None:
            context.written += 1
            address = context.address
            actor_id = actor_id or context.actor_id()
            if context.operator is not None and details.get("by") is None:
                details = {**details, "by": context.operator}
        rows = AuditRepository(tx)
        head = await rows.lock_head()
        if head is None:
            raise Unavailable
        event = truncated(AuditEvent(self._clock.now(), action, actor_id, subject, address, details))
        number = head.length + 1
        last = digest(head.hash, head.chain, number, event)
        end = Head(head.chain, number, last, self._seal(head.chain, number, last))
        await rows.add(end, event)
        return end

    async def record_separately(
        self, action: str, subject: str = "", *, actor_id: int | None = None, **details: Value
    ) -> None:
        """The same in a transaction of its own; a failure is logged and not raised."""
        try:
            async with self._db.transaction() as tx:
                await self.record(tx, action, subject, actor_id=actor_id, **details)
        except Unavailable:
            log.warning("not in the audit log, the database is unavailable: %s %s", action, subject)
        except Exception:
            log.exception("not in the audit log: %s %s", action, subject)

    # Reading

    async def entries(self, actor: Actor, filters: Filters, page: PageRequest) -> Page[Entry]:
        """Newest first. :raises Forbidden: not staff."""
        actor.require_staff()
        rows = AuditRepository(self._db)
        return Page(await rows.entries(filters, page.size, page.offset), await rows.count(filters))

    async def tail(self, count: int) -> list[Entry]:
        """The last ``count`` entries, oldest first; for commands."""
        return (await AuditRepository(self._db).entries(Filters(), count, 0))[::-1]

    # Verifying

    async def verify(self) -> list[ChainBreak]:
        """The first break of every chain: a row that was edited, removed, moved or cut off."""
        seen = await asyncio.to_thread(self._checkpoint.read)
        async with self._db.transaction("repeatable read", readonly=True) as tx:
            rows = AuditRepository(tx)
            heads = {head.chain: head for head in await rows.heads()}
            found = [one for head in heads.values() if (one := await self._first_break(rows, head, seen)) is not None]
            found += [
                ChainBreak(None, chain, length, "the whole chain is missing")
                for chain, (length, _) in sorted(seen.items())
                if chain not in heads
            ]
            entry = await rows.entry_without_chain()
            if entry is not None:
                found.append(ChainBreak(entry["id"], entry["chain"], entry["number"], "there is no such chain"))
        return found

    async def save_checkpoint(self) -> None:
        """Write the lengths of the chains to the checkpoint, unless they contradict it."""
        heads = {head.chain: head for head in await AuditRepository(self._db).heads()}
        seen = await asyncio.to_thread(self._checkpoint.read)
        if any(chain not in heads or heads[chain].length < length for chain, (length, _) in seen.items()):
            log.error("the audit log is shorter than its checkpoint: run `python -m mystar audit verify`")
            return
        lengths = {chain: (head.length, head.hash) for chain, head in heads.items() if head.length}
        if lengths != seen:
            await asyncio.to_thread(self._checkpoint.write, lengths)

    async def _first_break(
        self, rows: AuditRepository, head: Head, seen: Mapping[int, tuple[int, bytes]]
    ) -> ChainBreak | None:
        number, last, chain = 0, b"", head.chain
        remembered = seen.get(chain)
        while batch := await rows.after(chain, number, _BATCH):
            for entry in batch:
                number += 1
                if entry.number != number:
                    return ChainBreak(None, chain, number, f"it is missing; the next one is row {entry.id}")
                if entry.hash != digest(last, chain, number, entry.event) and not await _is_redacted(rows, entry):
                    return ChainBreak(entry.id, chain, number, "it, or the row before it, was changed")
                last = entry.hash
                if remembered is not None and remembered == (number, remembered[1]) and remembered[1] != last:
                    return ChainBreak(
                        entry.id, chain, number, "the checkpoint, audit-witness.json, has another row here"
                    )
        if number < head.length or (remembered is not None and number < remembered[0]):
            return ChainBreak(None, chain, number + 1, "the end of the chain is cut off")
        if number > head.length or last != head.hash:
            return ChainBreak(None, chain, number, "the end of the chain is not the signed one")
        if head.length and not self._signer.verify(head.seal, _PURPOSE, chain, number, last.hex()):
            return ChainBreak(None, chain, number, "the end of the chain has a wrong signature")
        return None

    def _seal(self, chain: int, length: int, last: bytes) -> str:
        return self._signer.sign(_PURPOSE, chain, length, last.hex())


async def _is_redacted(rows: AuditRepository, entry: Entry) -> bool:
    """Whether another entry vouches for the details. Its own chain is verified like all others."""
    anchor = await rows.at(*entry.redaction) if entry.redaction else None
    return (
        anchor is not None
        and (anchor.event.action, anchor.event.subject) == ("entry_redacted", f"audit:{entry.id}")
        and anchor.event.details.get("digest") == details_digest(entry.event.details)
    )


@asynccontextmanager
async def audit_context(context: AuditContext) -> AsyncIterator[None]:
    """Entries written inside, by this task, get the address and the actor of ``context``."""
    before = AUDIT_CONTEXT.set(context)
    try:
        yield
    finally:
        AUDIT_CONTEXT.reset(before)
