"""The versions of texts, as rows."""

from __future__ import annotations

import json
from datetime import datetime

from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.texts.model import Parts, TextUnknown, TextVersion

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(exports={}, erasures=(QUERIES.forget_text_author,))


class TextRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def current(self) -> dict[str, TextVersion]:
        return {row["name"]: TextVersion(**row) for row in await self._tx.all(QUERIES.current_texts)}

    async def lock(self) -> None:
        await self._tx.execute(QUERIES.lock_texts)

    async def add(self, name: str, parts: Parts | None, author_id: int, now: datetime) -> int:
        text = None if parts is None else json.dumps(parts, ensure_ascii=False)
        return int(await self._tx.value(QUERIES.add_text, name=name, parts=text, author_id=author_id, now=now))

    async def history(self, name: str) -> list[TextVersion]:
        """Newest first, fifty at most."""
        return [TextVersion(**row) for row in await self._tx.all(QUERIES.text_history, name=name)]

    async def version(self, version_id: int) -> TextVersion:
        """:raises TextUnknown:"""
        row = await self._tx.one_or_none(QUERIES.text_version, id=version_id)
        if row is None:
            raise TextUnknown
        return TextVersion(**row)
