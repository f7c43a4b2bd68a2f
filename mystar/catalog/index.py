"""What a search looks into, kept in step with the services, and the search itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from mystar.catalog import listing
from mystar.catalog.search import (
    ENOUGH,
    MOST_FOUND,
    RECENT,
    Sought,
    folded,
    may_be_misspelt,
    mistaken,
    sought_words,
    widened,
)
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.queries import load

QUERIES = load(__package__)
#: Words that look like an asked one: so many are weighed, and so many of them looked for.
_LOOKED_AT, _TAKEN = 40, 5


class ServiceIndex:
    """Bound to a transaction, or, for reading, to the database."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def put(self, service_ids: Iterable[int]) -> None:
        """Write anew what these services are found by; part of every transaction that changes their texts."""
        rows = await self._tx.all(QUERIES.texts, ids=list(service_ids))
        ids = [row["id"] for row in rows]
        texts = {
            "titles": [folded(row["title"]) for row in rows],
            "tags": [folded(row["tags"]) for row in rows],
            "descriptions": [folded(row["description"]) for row in rows],
            "people": [folded(f"{row['username']} {row['first_name']} {row['last_name']}") for row in rows],
        }
        await self._tx.execute(QUERIES.put_words, ids=ids, **texts)
        words = {word for column in texts.values() for text in column for word in text.split()}
        await self._tx.execute(QUERIES.keep_words, words=sorted(filter(may_be_misspelt, words)))

    async def page(self, sought: Sought, *, limit: int, offset: int) -> list[int]:
        """The ids of a page of a list, in order; its text does not matter."""
        return await self._ids(listing.page_of_ids(sought, limit=limit, offset=offset))

    async def count(self, sought: Sought) -> int:
        """Up to `search.MOST_COUNTED`."""
        statement, values = listing.count(sought)
        return int(await self._tx.value(statement, values))

    async def found(self, sought: Sought) -> list[int]:
        """The ids of all that a search finds, the best first. Where words find little, misspelt ones are forgiven."""
        words = sought_words(sought.text)
        if not words:
            return []
        found = await self._search(sought, " & ".join(words))
        if len(found) >= ENOUGH or not any(map(may_be_misspelt, words)):
            return found
        alike = await self._alike(words)
        if not alike:
            return found
        more = await self._search(sought, widened(alike))
        return list(dict.fromkeys([*found, *more]))[:MOST_FOUND]

    async def _search(self, sought: Sought, query: str) -> list[int]:
        """:param query: of PostgreSQL's `to_tsquery`, made of words and signs of our own."""
        values = asdict(sought)
        del values["text"]
        if sought.category_ids is not None:
            values["category_ids"] = list(sought.category_ids)
        rows = await self._tx.all(
            QUERIES.search,
            {**values, "order": str(sought.order), "query": query, "recent": RECENT, "limit": MOST_FOUND},
        )
        return [row["id"] for row in rows]

    async def _alike(self, words: Sequence[str]) -> dict[str, list[str]]:
        """Every word that says something, with those that it may be misspelt from."""
        alike: dict[str, list[str]] = {}
        for row in await self._tx.all(QUERIES.alike, words=sorted(set(words)), most=_LOOKED_AT):
            others = alike.setdefault(row["asked"], [])
            if len(others) < _TAKEN and row["word"] is not None and mistaken(row["asked"], row["word"]):
                others.append(row["word"])
        return alike

    async def _ids(self, statement: listing.Statement) -> list[int]:
        text, values = statement
        return [row["id"] for row in await self._tx.all(text, values)]
