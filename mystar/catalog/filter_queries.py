"""Statements whose shape depends on the filters of a request: services, stars and tags, their order and their number.

psycopg2 inserts values as literals, so the planner knows how common a category or a price is. It walks the index of the
order where many rows fit, and collects and sorts where few do.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from pypika import AliasedQuery, Field, FormatParameter, Table
from pypika import Order as Direction
from pypika.dialects import PostgreSQLQuery as Query
from pypika.dialects import PostgreSQLQueryBuilder
from pypika.enums import Comparator
from pypika.functions import Count, Max, Sum
from pypika.queries import QueryBuilder
from pypika.terms import BasicCriterion, Criterion, Function, Term, ValueWrapper

from mystar.catalog.search import MAX_COUNTED, MAX_FOUND, RECENT, ServiceFilter, SortOrder, StarFilter, StarRank

Statement = tuple[str, tuple[Any, ...]]
#: Building a statement takes longer than running most of them, and most requests are for the same pages.
_cached = lru_cache(maxsize=2048)

_SERVICES, _CREATORS, _TAGS = Table("services"), Table("creators"), Table("tags")
_SERVICE_TAGS, _FAVOURITES = Table("service_tags"), Table("creator_favourites")
_COUNTS = Table("listed_counts")
_AVAILABILITY = Table("creator_availability")
_UP, _DOWN = Direction.asc, Direction.desc
_Columns = tuple[tuple[Term, Direction], ...]
_NEWEST: _Columns = ((_SERVICES.created_at, _DOWN), (_SERVICES.id, _DOWN))
#: Each by the columns of an index.
_ORDERS: dict[SortOrder, _Columns] = {
    SortOrder.FIT: _NEWEST,
    SortOrder.NEWEST: _NEWEST,
    SortOrder.OLDEST: ((_SERVICES.created_at, _UP), (_SERVICES.id, _UP)),
    SortOrder.PRICE_ASC: ((_SERVICES.base_price, _UP), (_SERVICES.id, _UP)),
    SortOrder.PRICE_DESC: ((_SERVICES.base_price, _DOWN), (_SERVICES.id, _DOWN)),
    SortOrder.BEST: ((_CREATORS.rating, _DOWN), (_CREATORS.id, _DOWN), (_SERVICES.id, _DOWN)),
    SortOrder.POPULAR: ((_CREATORS.completed_orders, _DOWN), (_CREATORS.id, _DOWN), (_SERVICES.id, _DOWN)),
}
_STAR_RANKING: _Columns = ((_CREATORS.is_top, _DOWN), (_CREATORS.rating, _DOWN), (_CREATORS.id, _UP))
_BY_CREATOR = (SortOrder.BEST, SortOrder.POPULAR)


@_cached
def page_of_ids(filters: ServiceFilter, *, limit: int, offset: int) -> Statement:
    """The ids of a page of services, in order. Of the skipped rows only the index is read."""
    return _statement(_page(filters).limit(limit).offset(offset))


@_cached
def counted_page_of_ids(filters: ServiceFilter, *, limit: int, offset: int) -> Statement:
    """Like `page_of_ids`, each with the number of all services as ``total``."""
    total = _kept_count(filters.kind, filters.category_ids) if is_kept(filters) else _count(filters)
    return _statement(_page(filters).select(total.as_("total")).limit(limit).offset(offset))


@_cached
def count(filters: ServiceFilter) -> Statement:
    """The number of services, up to ``MAX_COUNTED`` unless it is kept."""
    return _statement(_kept_count(filters.kind, filters.category_ids) if is_kept(filters) else _count(filters))


def is_kept(filters: ServiceFilter) -> bool:
    """Whether the number of services is kept: all services, or those of a kind or of whole categories."""
    return replace(filters, category_ids=None, kind=None, order=SortOrder.FIT) == ServiceFilter()


def search(filters: ServiceFilter, query: str) -> Statement:
    """The ids of the services that match a query, in order, at most ``MAX_FOUND``.

    Of a word that half of the catalogue has, only the newest ``MAX_FOUND`` matches are ranked, or, where there are
    fewer among the newest rows, any. The subqueries are materialized, and so planned for all of their rows: with a
    plain limit the planner walks an index from its end, which is slow wherever it overestimates the number of matches.
    They are read no further than the limit.

    :param query: for `to_tsquery`, built from normalized words.
    """
    text_query = _Call("to_tsquery", "russian", query)
    fitting = _fitting(filters).where(BasicCriterion(_TextSearch.matches, _SERVICES.words, text_query))
    since = Query.from_(_SERVICES).select(Max(_SERVICES.id) - RECENT)
    newest, rest = AliasedQuery("newest"), AliasedQuery("fitting")
    counted = Query.from_(newest).select(Count("*"))
    ranked: _Columns = _NEWEST
    if filters.order is SortOrder.FIT:
        ranked = ((_Call("ts_rank", _SERVICES.words, text_query), _DOWN), *_NEWEST)
    elif filters.order is not SortOrder.NEWEST:
        ranked = (_ORDERS[filters.order][0], *_NEWEST)
    found = (
        _MaterializingQuery.with_(fitting.where(_SERVICES.id > since).orderby(_SERVICES.id, order=_DOWN), "recent")
        .with_(Query.from_(AliasedQuery("recent")).select("id").limit(MAX_FOUND), "newest")
        .with_(fitting, "fitting")
        .with_(
            Query.from_(newest)
            .select("id")
            .union(Query.from_(rest).select("id").where(counted < MAX_FOUND).limit(MAX_FOUND)),
            "found",
        )
        .from_(AliasedQuery("found"))
        .join(_SERVICES)
        .on(_SERVICES.id == AliasedQuery("found").id)
        .join(_CREATORS)
        .on(_CREATORS.id == _SERVICES.creator_id)
        .select(_SERVICES.id)
    )
    return _statement(_sorted(found, ranked).limit(MAX_FOUND))


@_cached
def count_listed(kind: str | None, category_ids: tuple[int, ...] | None) -> Statement:
    """The number of listed services of a kind in these categories, from the kept counts. None = not filtered."""
    return _statement(_kept_count(kind, category_ids))


@_cached
def page_of_stars(filters: StarFilter, *, limit: int, offset: int) -> Statement:
    """The ids of the greeting services of a page of stars: `is_top` first, then by rating, then by age."""
    return _statement(_sorted(_stars(filters).select(_SERVICES.id), _STAR_RANKING).limit(limit).offset(offset))


def stars_like(filters: StarFilter, rank: StarRank, *, limit: int) -> Statement:
    """The stars that rank as high as another one and come behind it by their age."""
    same = (_CREATORS.is_top == rank.is_top) & (_CREATORS.rating == rank.rating) & (_CREATORS.id > rank.creator_id)
    return _statement(_stars(filters).select(_SERVICES.id).where(same).orderby(_CREATORS.id).limit(limit))


def stars_below(filters: StarFilter, rank: StarRank, *, limit: int) -> Statement:
    """The stars that rank lower than another one, best first."""
    lower = _CREATORS.rating < rank.rating
    if rank.is_top:
        lower = (_CREATORS.is_top == False) | lower  # noqa: E712 - a condition in SQL
    query = _stars(filters).select(_SERVICES.id).where((_CREATORS.is_top <= rank.is_top) & lower)
    return _statement(_sorted(query, _STAR_RANKING).limit(limit))


@_cached
def count_stars(filters: StarFilter) -> Statement:
    return _statement(_stars(filters).select(Count("*")))


def page_of_tags(prefix: str, *, offset: int, limit: int) -> Statement:
    """Tags by key, with the number of services that have them."""
    used = Query.from_(_SERVICE_TAGS).select(Count("*")).where(_SERVICE_TAGS.tag_id == _TAGS.id)
    page = _tags(prefix).select(_TAGS.id, _TAGS.name, used.as_("services"))
    return _statement(page.orderby(_TAGS.key).limit(limit).offset(offset))


def count_tags(prefix: str) -> Statement:
    return _statement(_tags(prefix).select(Count("*")))


def _page(filters: ServiceFilter) -> QueryBuilder:
    query = _fitting(filters)
    if filters.order in _BY_CREATOR:
        query = query.join(_CREATORS).on(_CREATORS.id == _SERVICES.creator_id)
    return _sorted(query, _ORDERS[filters.order])


def _count(filters: ServiceFilter) -> QueryBuilder:
    some = _fitting(filters, count=True).limit(MAX_COUNTED)
    query: QueryBuilder = Query.from_(some).select(Count("*"))
    return query


def _kept_count(kind: str | None, category_ids: tuple[int, ...] | None) -> QueryBuilder:
    query: QueryBuilder = Query.from_(_COUNTS).select(_Call("coalesce", Sum(_COUNTS.listed), 0))
    if kind is not None:
        query = query.where(_COUNTS.kind == kind)
    if category_ids is not None:
        query = query.where(_COUNTS.category_id.isin(category_ids or (0,)))
    return query


def _fitting(filters: ServiceFilter, *, count: bool = False) -> QueryBuilder:
    query: QueryBuilder = Query.from_(_SERVICES).select(ValueWrapper(1).as_("one") if count else _SERVICES.id)
    for condition in _conditions(filters):
        query = query.where(condition)
    return query


def _conditions(filters: ServiceFilter) -> list[Term]:
    conditions: list[Term] = [_SERVICES.deleted_at.isnull() if filters.include_hidden else _SERVICES.is_listed]
    if filters.category_ids is not None:
        conditions.append(_SERVICES.category_id.isin(filters.category_ids or (0,)))
    if filters.creator_id is not None:
        conditions.append(_SERVICES.creator_id == filters.creator_id)
    if filters.kind is not None:
        conditions.append(_SERVICES.kind == filters.kind)
    if filters.min_price is not None:
        conditions.append(_SERVICES.base_price >= filters.min_price)
    if filters.max_price is not None:
        conditions.append(_SERVICES.base_price <= filters.max_price)
    if filters.is_available:
        conditions.append(_SERVICES.creator_id.notin(_unavailable()))
    return conditions


def _stars(filters: StarFilter) -> QueryBuilder:
    greeting = (_SERVICES.creator_id == _CREATORS.id) & (_SERVICES.kind == "greeting") & _SERVICES.is_listed
    query: QueryBuilder = Query.from_(_CREATORS).join(_SERVICES).on(greeting)
    if filters.account_id is not None:
        query = query.where(_CREATORS.account_id == filters.account_id)
    if filters.category_id is not None:
        query = query.where(_SERVICES.category_id == filters.category_id)
    if filters.tag is not None:
        tagged = Query.from_(_SERVICE_TAGS).join(_TAGS).on(_TAGS.id == _SERVICE_TAGS.tag_id)
        query = query.where(
            _is_any(_SERVICES.id, tagged.select(_SERVICE_TAGS.service_id).where(_TAGS.key == filters.tag))
        )
    if filters.fan_id is not None:
        liked = Query.from_(_FAVOURITES).select(_FAVOURITES.creator_id).where(_FAVOURITES.account_id == filters.fan_id)
        query = query.where(_is_any(_CREATORS.id, liked))
    if filters.is_available:
        query = query.where(_CREATORS.id.notin(_unavailable()))
    return query


def _unavailable() -> QueryBuilder:
    """The creators who take no orders now: few, and read once from an index of their own."""
    query: QueryBuilder = Query.from_(_AVAILABILITY).select(_AVAILABILITY.creator_id)
    return query.where(_AVAILABILITY.is_full | _AVAILABILITY.is_away)


def _tags(prefix: str) -> QueryBuilder:
    query: QueryBuilder = Query.from_(_TAGS)
    return query.where(_Call("starts_with", _TAGS.key, prefix)) if prefix else query


def _is_any(column: Field, ids: QueryBuilder) -> Criterion:
    """``column = any (array (...))``: the subquery runs once, and an index on the column can take its result."""
    return column == _Call("any", _Call("array", ids))


def _sorted(query: QueryBuilder, columns: _Columns) -> QueryBuilder:
    for column, direction in columns:
        query = query.orderby(column, order=direction)
    return query


def _statement(query: QueryBuilder) -> Statement:
    parameter = FormatParameter()
    text = query.get_sql(parameter=parameter)
    return text, tuple(parameter.get_parameters())


class _Call(Function):
    """A function whose arguments become parameters; pypika writes them into the statement."""

    def get_sql(self, **options: Any) -> str:
        options |= {"with_alias": False, "subquery": False}
        arguments = (one.get_sql(**options) for one in self.args if isinstance(one, Term))
        return f"{self.name}({','.join(arguments)})"


class _TextSearch(Comparator):
    matches = " @@ "


class _MaterializingBuilder(PostgreSQLQueryBuilder):
    """Writes every ``with`` query as materialized, which pypika cannot."""

    def _with_sql(self, **options: Any) -> str:
        queries = (
            f"{one.name} as materialized ({one.get_sql(subquery=False, with_alias=False, **options)})"
            for one in self._with
        )
        return f"with {', '.join(queries)} "


class _MaterializingQuery(Query):
    @classmethod
    def _builder(cls, **options: Any) -> _MaterializingBuilder:
        return _MaterializingBuilder(**options)
