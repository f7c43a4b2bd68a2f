"""Notes of the staff as rows."""

from __future__ import annotations

from datetime import datetime

from mystar.admin.notes.model import Note, Subject
from mystar.errors import NotFound
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
#: Notes are in no export (D76).
PERSONAL_DATA = PersonalQueries(exports={}, erasures=(QUERIES.erase_notes,))
_ADD = {"order": QUERIES.add_to_order, "account": QUERIES.add_to_account, "service": QUERIES.add_to_service}
_OF = {"order": QUERIES.notes_of_order, "account": QUERIES.notes_of_account, "service": QUERIES.notes_of_service}


class NoteRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(self, subject: Subject, author_id: int, text: str, now: datetime) -> int:
        """Returns the id. :raises NotFound: the subject does not exist."""
        values = {"id": subject.id, "author_id": author_id, "text": text, "now": now}
        row = await self._tx.one_or_none(_ADD[subject.kind], values)
        if row is None:
            raise NotFound
        return int(row["id"])

    async def of(self, subject: Subject) -> list[Note]:
        """Newest first; of a person also those about the person's orders and services."""
        return [Note(**row) for row in await self._tx.all(_OF[subject.kind], id=subject.id)]
