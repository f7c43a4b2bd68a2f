"""Reads a page of any list in three statements: its ids, their number, and the rows to show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, timedelta, tzinfo
from typing import Any, cast

from pypika import Criterion, Order, PostgreSQLQuery, Table, functions
from pypika.enums import Comparator, Matching
from pypika.queries import QueryBuilder
from pypika.terms import BasicCriterion, Field, Function, Not, Parameter, Term

from mystar.admin.lists.columns import ANYTHING, WORDS, ChoiceFilter, ListDefinition, ParentFilter, SearchField
from mystar.admin.zones import start_of
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row

QUERIES = queries.load(__package__)
#: Rows per page, and rows that are counted and can be paged through.
PAGE_SIZE, MAX_ROWS = 25, 10_000
#: Accounts whose rows a search by the beginning of a name finds.
_MAX_ACCOUNTS = 200


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Filters, sorting and page. ``sort`` is the name of a sorting, with "-" for descending order.

    ``since`` and ``until`` are days in ``zone``.
    """

    text: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    sort: str = ""
    page: int = 1
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page. ``count`` is at most `MAX_ROWS`; ``more``: there are more than that."""

    rows: Sequence[Row]
    count: int
    more: bool


class _ArrayMatching(Comparator):
    overlaps = " && "


class ListRepository:
    """Bound to the database, or to a transaction."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def page(self, definition: ListDefinition, list_request: ListRequest) -> ListPage:
        ids = [row["id"] for row in await self._tx.all(*page_query(definition, list_request))]
        count = await self._tx.value(*count_query(definition, list_request))
        rows = (
            {row["id"]: row for row in await self._tx.all(getattr(QUERIES, definition.query), ids=ids)} if ids else {}
        )
        return ListPage([rows[one] for one in ids if one in rows], min(count, MAX_ROWS), count > MAX_ROWS)

    async def ids(self, definition: ListDefinition, list_request: ListRequest) -> list[int]:
        """Of all pages, `MAX_ROWS` at most."""
        whole = replace(list_request, page=1)
        return [row["id"] for row in await self._tx.all(*page_query(definition, whole, MAX_ROWS))]

    async def some(self, definition: ListDefinition, query: str, parent_id: int) -> list[Row]:
        """Rows as the list shows them, of the ids that a named query returns, in its order."""
        return await self.of_ids(definition, [row["id"] for row in await self.all(query, id=parent_id)])

    async def of_ids(self, definition: ListDefinition, ids: Sequence[int]) -> list[Row]:
        """Rows as the list shows them, in this order."""
        rows = {row["id"]: row for row in await self.all(definition.query, ids=list(ids))} if ids else {}
        return [rows[one] for one in ids if one in rows]

    async def one(self, query: str, **values: Any) -> Row | None:
        """A row of a named query, for detail pages."""
        return await self._tx.one_or_none(getattr(QUERIES, query), **values)

    async def all(self, query: str, **values: Any) -> list[Row]:
        return await self._tx.all(getattr(QUERIES, query), **values)


Statement = tuple[str, list[Any]]


def page_query(definition: ListDefinition, list_request: ListRequest, size: int = PAGE_SIZE) -> Statement:
    """The ids of the page, in their order."""
    table, values = Table(definition.table), _Values()
    sort = list_request.sort or definition.default_sort
    column = definition.sortings[sort.removeprefix("-")]
    order = Order.desc if sort.startswith("-") else Order.asc
    query = _where(PostgreSQLQuery.from_(table).select(table.id), table, definition, list_request, values)
    for one in dict.fromkeys((column, "id")):
        query = query.orderby(table.field(one), order=order)
    return query.limit(size).offset((list_request.page - 1) * size).get_sql(), values.given


def count_query(definition: ListDefinition, list_request: ListRequest) -> Statement:
    """How many rows there are, up to `MAX_ROWS` + 1."""
    table, values = Table(definition.table), _Values()
    some = _where(PostgreSQLQuery.from_(table).select(table.id), table, definition, list_request, values).limit(
        MAX_ROWS + 1
    )
    return PostgreSQLQuery.from_(some.as_("some")).select(functions.Count("*")).get_sql(), values.given


def is_sorting(definition: ListDefinition, sort: str) -> bool:
    return sort.removeprefix("-") in definition.sortings


class _Values:
    """Collects parameters in the order of their places."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def __call__(self, value: object) -> Term:
        self.given.append(value)
        return Parameter("%s")


def _where(
    query: QueryBuilder, table: Table, definition: ListDefinition, list_request: ListRequest, values: _Values
) -> QueryBuilder:
    for name, value in definition.conditions:
        column = table.field(name)
        fits = column.isin([values(one) for one in value]) if isinstance(value, tuple) else column == values(value)
        query = query.where(fits)
    for one in definition.filters:
        chosen = list_request.chosen.get(one.name)
        if chosen:
            query = query.where(_filter_criterion(table, one, chosen, values))
    made = table.field(definition.created)
    if list_request.since:
        query = query.where(made >= values(start_of(list_request.since, list_request.zone)))
    if list_request.until:
        query = query.where(made < values(start_of(list_request.until + timedelta(days=1), list_request.zone)))
    if list_request.text:
        query = query.where(_search_criterion(table, definition, list_request.text, values))
    return query


def _filter_criterion(table: Table, filter_: ChoiceFilter | ParentFilter, chosen: str, values: _Values) -> Criterion:
    column: Field = table.field(filter_.column)
    if isinstance(filter_, ParentFilter):
        return column == values(int(chosen))
    stored = next(value for word, _, value in filter_.options if word == chosen)
    if stored is None:
        return column.isnull()
    if stored is ANYTHING:
        return column.notnull()
    if isinstance(stored, bool):
        # "column = true" would not find an index over the rows "where not column".
        return cast(Criterion, column if stored else Not(column))
    return column == values(stored)


def _search_criterion(table: Table, definition: ListDefinition, text: str, values: _Values) -> Criterion:
    """Any search field that can parse the text; no rows if none can."""
    found = [
        _search_field_criterion(table, match, value, values)
        for match in definition.search
        if (value := match.parse(text)) is not None
    ]
    return cast(Criterion, Criterion.any(found) if found else table.id.isnull())


def _search_field_criterion(table: Table, match: SearchField, value: object, values: _Values) -> Criterion:
    if match.column == WORDS and not match.through:
        return _all_parts(table, value, values)
    if not match.through:
        column = functions.Lower(table.payload.get_text_value("to")) if match.column == "recipient" else None
        return _comparison(column or table.field(match.column), match, value, values)
    people = Table("accounts")
    query = PostgreSQLQuery.from_(people)
    if match.through == "creators":
        creators = Table("creators")
        query = query.join(creators).on(creators.account_id == people.id).select(creators.id)
    else:
        query = query.select(people.id)
    is_words = match.column == WORDS
    fits = (
        _all_parts(people, value, values) if is_words else _comparison(people.field(match.column), match, value, values)
    )
    query = query.where(fits).limit(_MAX_ACCOUNTS)
    # An array is evaluated once and can use an index; "in (select …)" beside an "or" cannot.
    if match.is_array:
        return BasicCriterion(_ArrayMatching.overlaps, table.field(match.key), Function("ARRAY", query))
    return table.field(match.key) == Function("ANY", Function("ARRAY", query))


def _all_parts(people: Table, parts: object, values: _Values) -> Criterion:
    """Every part is somewhere in the words of the person."""
    words = Function("person_words", *(people.field(name) for name in _WORDS))
    patterns = parts if isinstance(parts, tuple) else ()
    return cast(Criterion, Criterion.all([BasicCriterion(Matching.like, words, values(one)) for one in patterns]))


def _comparison(column: Term, match: SearchField, value: object, values: _Values) -> Criterion:
    if not match.prefix:
        return column == values(value)
    return BasicCriterion(Matching.like, column, values(_LIKE.sub(r"\\\g<0>", str(value)) + "%"))


_WORDS = ("username", "first_name", "last_name", "email", "phone")
_LIKE = re.compile(r"[%_\\]")
