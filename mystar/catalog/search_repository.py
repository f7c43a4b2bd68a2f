"""The search index: what services are found by, kept in step with their texts, and the search itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mystar.catalog import filter_queries
from mystar.catalog.search import (
    ENOUGH,
    MAX_COUNTED,
    MAX_FOUND,
    ServiceFilter,
    exact_query,
    expand_query,
    is_typo_of,
    may_be_misspelt,
    normalize,
    query_words,
    switch_layout,
    words_of,
)
from mystar.kit.postgres.database import Queryable
from mystar.kit.postgres.personal_data import ErasedPerson
from mystar.kit.postgres.queries import load
from mystar.kit.web.pagination import PageRequest

QUERIES = load(__package__)
#: Per word of a query: known words that are compared with it, and similar ones that are searched for.
_MAX_COMPARED, _MAX_SIMILAR = 40, 5


class SearchRepository:
    """Bound to a transaction, or to the database for reading."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def put(self, service_ids: Iterable[int]) -> None:
        """Write what these services are found by; part of every transaction that changes their texts."""
        rows = await self._tx.all(QUERIES.search_texts, ids=list(service_ids))
        ids = [row["id"] for row in rows]
        texts = {
            "titles": [normalize(row["title"]) for row in rows],
            "tags": [normalize(row["tags"]) for row in rows],
            "descriptions": [normalize(row["description"]) for row in rows],
            "people": [normalize(f"{row['username']} {row['first_name']} {row['last_name']}") for row in rows],
        }
        await self._tx.execute(QUERIES.set_search_texts, ids=ids, **texts)
        words = {word for column in texts.values() for text in column for word in text.split()}
        await self._tx.execute(QUERIES.add_search_words, words=sorted(filter(may_be_misspelt, words)))

    async def words_of_account(self, person: ErasedPerson) -> set[str]:
        """The words of all services of a person who is about to be erased, and of the names it had."""
        texts = ("title", "description", "tags", "username", "first_name", "last_name")
        ids = [row["id"] for row in await self._tx.all(QUERIES.services_of_account, account_id=person.id)]
        rows = await self._tx.all(QUERIES.search_texts, ids=ids)
        found = {word for row in rows for text in texts for word in words_of(row[text])}
        return found | {word for name in person.names for word in words_of(name)} if rows else set()

    async def forget(self, words: Iterable[str]) -> None:
        """Remove the words that no listed service has any more, so that they are no longer suggested."""
        await self._tx.execute(QUERIES.erase_search_words, words=sorted(words))

    async def page(self, filters: ServiceFilter, page: PageRequest) -> tuple[list[int], int]:
        """The ids of a page, in order, and the number of all; there are no pages beyond it.

        The number is exact for whole categories, otherwise up to `search.MAX_COUNTED`. ``filters.text`` is ignored.
        """
        if page.offset < MAX_COUNTED:
            statement, values = filter_queries.counted_page_of_ids(filters, limit=page.size, offset=page.offset)
            rows = await self._tx.all(statement, values)
            if rows or not page.offset:
                return [row["id"] for row in rows], int(rows[0]["total"]) if rows else 0
        count = await self._count(filters)
        if page.offset >= count:
            return [], count
        return await self._ids(filter_queries.page_of_ids(filters, limit=page.size, offset=page.offset)), count

    async def _count(self, filters: ServiceFilter) -> int:
        statement, values = filter_queries.count(filters)
        return int(await self._tx.value(statement, values))

    async def found(self, filters: ServiceFilter) -> list[int]:
        """The ids of all matches, in order. If there are few, misspellings are tolerated.

        If there are none, the text is read as typed on the other keyboard layout.
        """
        return await self._found(filters, filters.text) or await self._found(filters, switch_layout(filters.text))

    async def _found(self, filters: ServiceFilter, text: str) -> list[int]:
        words = query_words(text)
        if not words:
            return []
        found = await self._ids(filter_queries.search(filters, exact_query(words)))
        if len(found) >= ENOUGH or not any(map(may_be_misspelt, words)):
            return found
        similar = await self._similar_words(words)
        if not similar:
            return found
        more = await self._ids(filter_queries.search(filters, expand_query(similar)))
        return list(dict.fromkeys([*found, *more]))[:MAX_FOUND]

    async def _similar_words(self, words: Sequence[str]) -> dict[str, list[str]]:
        """Known words that each word may be a misspelling of. Stop words are left out."""
        similar: dict[str, list[str]] = {}
        for row in await self._tx.all(QUERIES.similar_words, words=sorted(set(words)), limit=_MAX_COMPARED):
            others = similar.setdefault(row["asked"], [])
            if len(others) < _MAX_SIMILAR and row["word"] is not None and is_typo_of(row["asked"], row["word"]):
                others.append(row["word"])
        return similar

    async def _ids(self, statement: filter_queries.Statement) -> list[int]:
        text, values = statement
        return [row["id"] for row in await self._tx.all(text, values)]
