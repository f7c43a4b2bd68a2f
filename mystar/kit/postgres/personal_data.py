"""The data of one person across the domains: what an export has of it, and what an erasure leaves.

Every domain that has some adds its queries to the `PersonalDataRegistry` when it is built; `mystar.privacy` uses them.
"""

from __future__ import annotations

import html
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from mystar.kit.postgres.queries import Query
from mystar.kit.postgres.queryable import Queryable, Row

#: Rows that are read at once for an export.
_BATCH = 500
#: Shorter names are part of too many words to be replaced in texts.
_SHORTEST_NAME = 3

#: Rows by the name of their file in the archive.
Export = Mapping[str, AsyncIterator[Row]]


class Obstacle(NamedTuple):
    """Something that has to be settled before an account is erased; ``ids``: of orders, payments or payouts."""

    code: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ErasedPerson:
    """An account that is being erased.

    :param alias: what is shown in place of the user name from now on.
    :param names: user names, full names, e-mails and phones, present and former, that are replaced in texts.
    :param emails: the e-mails among them.
    :param kept_files: files of the account that others still need; added by the domains that know.
    """

    id: int
    alias: str
    names: tuple[str, ...]
    emails: tuple[str, ...]
    now: datetime
    kept_files: set[int] = field(default_factory=set)

    @property
    def spellings(self) -> list[str]:
        """The names as they stand in texts, JSON and HTML; longer ones first, as they may contain others."""
        names = {name for name in self.names if len(name) >= _SHORTEST_NAME}
        escaped = {json.dumps(name, ensure_ascii=False)[1:-1] for name in names}
        # The two common escapes of HTML spell quotes differently.
        for name in tuple(names):
            escaped |= {html.escape(name), html.escape(name, quote=False).replace("'", "&#39;").replace('"', "&#34;")}
        # As mails write them, see `unlinked` of `mystar.kit.outbox.mail`.
        escaped |= {name.replace(".", "\u2024").replace("/", "\u2215") for name in names | escaped}
        return sorted(names | escaped, key=len, reverse=True)

    def parameters(self) -> dict[str, object]:
        """Of statements: ``account_id, alias, names, emails, now, kept``."""
        return {
            "account_id": self.id,
            "alias": self.alias,
            "names": self.spellings,
            "emails": [email.lower() for email in self.emails],
            "now": self.now,
            "kept": sorted(self.kept_files),
        }


@dataclass(frozen=True, slots=True)
class PersonalQueries:
    """The queries of a domain.

    :param exports: by the name of the file; each takes ``account_id``, ``after`` and ``limit``, and has rows with an
        ``id`` in its order.
    :param erasures: statements, in their order, with the parameters of `ErasedPerson.parameters`.
    :param kept_files: rows ``id`` of files of the account that others need.
    :param obstacles: rows ``code, id``, at most a hundred.
    """

    exports: Mapping[str, Query] = field(default_factory=dict)
    erasures: tuple[Query, ...] = ()
    kept_files: Query | None = None
    obstacles: Query | None = None


class PersonalData:
    """The data of persons in the tables of one domain."""

    def __init__(self, db: Queryable, queries: PersonalQueries) -> None:
        self._db, self._queries = db, queries

    def export_of(self, account_id: int) -> Export:
        """What an export of the account has of this domain; read page by page."""
        return {name: self._rows(query, account_id) for name, query in self._queries.exports.items()}

    async def obstacles_of(self, account_id: int, tx: Queryable | None = None) -> list[Obstacle]:
        """What has to be settled before the account is erased."""
        if self._queries.obstacles is None:
            return []
        found: dict[str, list[int]] = {}
        for row in await (tx or self._db).all(self._queries.obstacles, account_id=account_id):
            found.setdefault(row["code"], []).append(row["id"])
        return [Obstacle(code, tuple(ids)) for code, ids in found.items()]

    async def erase(self, tx: Queryable, person: ErasedPerson) -> None:
        """Erase what this domain has of the person, in the transaction that erases all."""
        if self._queries.kept_files is not None:
            rows = await tx.all(self._queries.kept_files, account_id=person.id)
            person.kept_files.update(row["id"] for row in rows)
        for query in self._queries.erasures:
            await tx.execute(query, person.parameters())

    async def _rows(self, query: Query, account_id: int) -> AsyncIterator[Row]:
        after = 0
        while rows := await self._db.all(query, account_id=account_id, after=after, limit=_BATCH):
            for row in rows:
                yield row
            after = rows[-1]["id"]


class PersonalDataRegistry:
    """The parts of all domains, in the order in which the domains are built: the lowest first."""

    def __init__(self) -> None:
        self._parts: list[PersonalData] = []

    def add(self, part: PersonalData) -> None:
        self._parts.append(part)

    def export_of(self, account_id: int) -> Export:
        """The rows of all domains by the names of their files."""
        return {name: rows for part in self._parts for name, rows in part.export_of(account_id).items()}

    async def obstacles_of(self, account_id: int, tx: Queryable | None = None) -> list[Obstacle]:
        """:param tx: the transaction that is about to erase."""
        return [one for part in self._parts for one in await part.obstacles_of(account_id, tx)]

    async def erase(self, tx: Queryable, person: ErasedPerson) -> None:
        """The highest domain first, since rows of the higher ones refer to those of the lower ones."""
        for part in reversed(self._parts):
            await part.erase(tx, person)
