"""Reads any register in three statements, however long it is: which ids, how many of them, and what to show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, cast

from pypika import Criterion, Order, PostgreSQLQuery, Table, functions
from pypika.enums import Matching
from pypika.queries import QueryBuilder
from pypika.terms import BasicCriterion, Field, Function, Not, Parameter, Term

from mystar.admin.lists.columns import ANYTHING, Choice, ListDefinition, Match, Of
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row

QUERIES = queries.load(__package__)
#: Rows of a page; rows that are counted and can be paged through, at most. Who seeks further back filters.
SIZE, MOST = 25, 10_000
#: People whose things a search by a name's beginning looks through.
_NAMESAKES = 200


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What somebody asks of a register. ``sort`` is the name of a sorting, with "-" for the greatest first."""

    text: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    sort: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page. ``count`` is at most `MOST`; ``more``: there are more than that."""

    rows: Sequence[Row]
    count: int
    more: bool


class ListRepository:
    """Bound to the database, or to a transaction."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def page(self, register: ListDefinition, asked: ListRequest) -> ListPage:
        ids = [row["id"] for row in await self._tx.all(*page_query(register, asked))]
        count = await self._tx.value(*count_query(register, asked))
        rows = {row["id"]: row for row in await self._tx.all(getattr(QUERIES, register.query), ids=ids)} if ids else {}
        return ListPage([rows[one] for one in ids if one in rows], min(count, MOST), count > MOST)

    async def some(self, register: ListDefinition, query: str, parent_id: int) -> list[Row]:
        """Rows of a register as its list shows them: those whose ids a named query answers, in its order."""
        ids = [row["id"] for row in await self.all(query, id=parent_id)]
        rows = {row["id"]: row for row in await self.all(register.query, ids=ids)} if ids else {}
        return [rows[one] for one in ids if one in rows]

    async def one(self, query: str, **values: Any) -> Row | None:
        """A row of a named query, for pages about one thing."""
        return await self._tx.one_or_none(getattr(QUERIES, query), **values)

    async def all(self, query: str, **values: Any) -> list[Row]:
        return await self._tx.all(getattr(QUERIES, query), **values)


Statement = tuple[str, list[Any]]


def page_query(register: ListDefinition, asked: ListRequest) -> Statement:
    """The ids of the page, in their order."""
    table, values = Table(register.table), _Values()
    sort = asked.sort or register.usual
    column = register.sortings[sort.removeprefix("-")]
    order = Order.desc if sort.startswith("-") else Order.asc
    query = _where(PostgreSQLQuery.from_(table).select(table.id), table, register, asked, values)
    for one in dict.fromkeys((column, "id")):
        query = query.orderby(table.field(one), order=order)
    return query.limit(SIZE).offset((asked.page - 1) * SIZE).get_sql(), values.given


def count_query(register: ListDefinition, asked: ListRequest) -> Statement:
    """How many there are, as far as it is worth counting."""
    table, values = Table(register.table), _Values()
    some = _where(PostgreSQLQuery.from_(table).select(table.id), table, register, asked, values).limit(MOST + 1)
    return PostgreSQLQuery.from_(some.as_("some")).select(functions.Count("*")).get_sql(), values.given


def is_sorting(register: ListDefinition, sort: str) -> bool:
    return sort.removeprefix("-") in register.sortings


class _Values:
    """Collects parameters in the order of their places."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def __call__(self, value: object) -> Term:
        self.given.append(value)
        return Parameter("%s")


def _where(
    query: QueryBuilder, table: Table, register: ListDefinition, asked: ListRequest, values: _Values
) -> QueryBuilder:
    for name, value in register.always:
        query = query.where(table.field(name) == values(value))
    for one in register.filters:
        chosen = asked.chosen.get(one.name)
        if chosen:
            query = query.where(_criterion(table, one, chosen, values))
    made = table.field(register.created)
    if asked.since:
        query = query.where(made >= values(asked.since))
    if asked.until:
        query = query.where(made < values(asked.until + timedelta(days=1)))
    if asked.text:
        query = query.where(_matches(table, register, asked.text, values))
    return query


def _criterion(table: Table, filter_: Choice | Of, chosen: str, values: _Values) -> Criterion:
    column: Field = table.field(filter_.column)
    if isinstance(filter_, Of):
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


def _matches(table: Table, register: ListDefinition, text: str, values: _Values) -> Criterion:
    """Any way in which the text may be meant; nothing when it makes no sense."""
    found = [
        _match(table, match, meant, values) for match in register.search if (meant := match.reads(text)) is not None
    ]
    return cast(Criterion, Criterion.any(found) if found else table.id.isnull())


def _match(table: Table, match: Match, meant: object, values: _Values) -> Criterion:
    if not match.through:
        column = functions.Lower(table.payload.get_text_value("to")) if match.column == "recipient" else None
        return _compared(column or table.field(match.column), match, meant, values)
    people = Table("accounts")
    query = PostgreSQLQuery.from_(people)
    if match.through == "creators":
        creators = Table("creators")
        query = query.join(creators).on(creators.account_id == people.id).select(creators.id)
    else:
        query = query.select(people.id)
    query = query.where(_compared(people.field(match.column), match, meant, values)).limit(_NAMESAKES)
    # An array is worked out once and looked up in an index; "in (select …)" beside an "or" is not.
    return table.field(match.key) == Function("ANY", Function("ARRAY", query))


def _compared(column: Term, match: Match, meant: object, values: _Values) -> Criterion:
    if not match.prefix:
        return column == values(meant)
    return BasicCriterion(Matching.like, column, values(_LIKE.sub(r"\\\g<0>", str(meant)) + "%"))


_LIKE = re.compile(r"[%_\\]")
