"""What a search looks into, kept in step with the services, and the search itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from mystar.catalog import filter_queries
from mystar.catalog.search import (
    ENOUGH,
    MAX_FOUND,
    RECENT,
    ServiceFilter,
    expand_query,
    is_typo_of,
    may_be_misspelt,
    normalize,
    query_words,
)
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.queries import load

QUERIES = load(__package__)
#: Words that resemble a word of the query: how many are compared, and how many of them are searched for.
_LOOKED_AT, _TAKEN = 40, 5


class SearchRepository:
    """Bound to a transaction, or, for reading, to the database."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def put(self, service_ids: Iterable[int]) -> None:
        """Write anew what these services are found by; part of every transaction that changes their texts."""
        rows = await self._tx.all(QUERIES.search_texts, ids=list(service_ids))
        ids = [row["id"] for row in rows]
        search_texts = {
            "titles": [normalize(row["title"]) for row in rows],
            "tags": [normalize(row["tags"]) for row in rows],
            "descriptions": [normalize(row["description"]) for row in rows],
            "people": [normalize(f"{row['username']} {row['first_name']} {row['last_name']}") for row in rows],
        }
        await self._tx.execute(QUERIES.set_search_texts, ids=ids, **search_texts)
        words = {word for column in search_texts.values() for text in column for word in text.split()}
        await self._tx.execute(QUERIES.add_search_words, words=sorted(filter(may_be_misspelt, words)))

    async def page(self, filters: ServiceFilter, *, limit: int, offset: int) -> list[int]:
        """The ids of a page of a list, in order; its text does not matter."""
        return await self._ids(filter_queries.page_of_ids(filters, limit=limit, offset=offset))

    async def count(self, filters: ServiceFilter) -> int:
        """Up to `search.MAX_COUNTED`."""
        statement, values = filter_queries.count(filters)
        return int(await self._tx.value(statement, values))

    async def found(self, filters: ServiceFilter) -> list[int]:
        """The ids of all that a search finds, the best first. Where words find little, misspelt ones are forgiven."""
        words = query_words(filters.text)
        if not words:
            return []
        found = await self._search(filters, " & ".join(words))
        if len(found) >= ENOUGH or not any(map(may_be_misspelt, words)):
            return found
        similar_words = await self._similar_words(words)
        if not similar_words:
            return found
        more = await self._search(filters, expand_query(similar_words))
        return list(dict.fromkeys([*found, *more]))[:MAX_FOUND]

    async def _search(self, filters: ServiceFilter, query: str) -> list[int]:
        """:param query: of PostgreSQL's `to_tsquery`, made of words and signs of our own."""
        values = asdict(filters)
        del values["text"]
        if filters.category_ids is not None:
            values["category_ids"] = list(filters.category_ids)
        rows = await self._tx.all(
            QUERIES.search,
            {**values, "order": str(filters.order), "query": query, "recent": RECENT, "limit": MAX_FOUND},
        )
        return [row["id"] for row in rows]

    async def _similar_words(self, words: Sequence[str]) -> dict[str, list[str]]:
        """Every word that says something, with those that it may be misspelt from."""
        similar_words: dict[str, list[str]] = {}
        for row in await self._tx.all(QUERIES.similar_words, words=sorted(set(words)), most=_LOOKED_AT):
            others = similar_words.setdefault(row["asked"], [])
            if len(others) < _TAKEN and row["word"] is not None and is_typo_of(row["asked"], row["word"]):
                others.append(row["word"])
        return similar_words

    async def _ids(self, statement: filter_queries.Statement) -> list[int]:
        text, values = statement
        return [row["id"] for row in await self._tx.all(text, values)]
