"""Queryable whose shape depends on what is looked for: which services, in which order.

Values are literals by the time the planner sees them, so it knows how common a category or a price is. It walks the
index of the order and leaves out what does not fit where much does, and collects and sorts where little does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pypika import Field, FormatParameter, Table
from pypika import Order as Direction
from pypika.dialects import PostgreSQLQuery as Query
from pypika.functions import Count
from pypika.queries import QueryBuilder
from pypika.terms import Term, ValueWrapper

from mystar.catalog.search import MAX_COUNTED, ServiceFilter, SortOrder

Statement = tuple[str, tuple[Any, ...]]
#: Writing a statement takes longer than most are worked on, and most people ask for the same pages.
_remembered = lru_cache(maxsize=2048)

_SERVICES, _CREATORS = Table("services"), Table("creators")
_UP, _DOWN = Direction.asc, Direction.desc
#: By the columns of an index each.
_ORDERS: dict[SortOrder, tuple[tuple[Field, Direction], ...]] = {
    SortOrder.NEWEST: ((_SERVICES.created_at, _DOWN), (_SERVICES.id, _DOWN)),
    SortOrder.OLDEST: ((_SERVICES.created_at, _UP), (_SERVICES.id, _UP)),
    SortOrder.PRICE_ASC: ((_SERVICES.base_price, _UP), (_SERVICES.id, _UP)),
    SortOrder.PRICE_DESC: ((_SERVICES.base_price, _DOWN), (_SERVICES.id, _DOWN)),
    SortOrder.BEST: ((_CREATORS.rating, _DOWN), (_CREATORS.id, _DOWN), (_SERVICES.id, _DOWN)),
    SortOrder.POPULAR: ((_CREATORS.completed_orders, _DOWN), (_CREATORS.id, _DOWN), (_SERVICES.id, _DOWN)),
}
_BY_CREATOR = (SortOrder.BEST, SortOrder.POPULAR)


@_remembered
def page_of_ids(filters: ServiceFilter, *, limit: int, offset: int) -> Statement:
    """The ids of a page, in order. Only the index is read for those that are skipped, whatever the page shows."""
    return _written(_in_order(_fitting(filters), filters.order).limit(limit).offset(offset))


@_remembered
def count(filters: ServiceFilter) -> Statement:
    """How many there are, up to ``MAX_COUNTED``."""
    some = _fitting(filters, count=True).limit(MAX_COUNTED)
    return _written(Query.from_(some).select(Count("*")))


def _fitting(filters: ServiceFilter, *, count: bool = False) -> QueryBuilder:
    query: QueryBuilder = Query.from_(_SERVICES).select(ValueWrapper(1).as_("one") if count else _SERVICES.id)
    if filters.order in _BY_CREATOR and not count:
        query = query.join(_CREATORS).on(_CREATORS.id == _SERVICES.creator_id)
    for condition in _conditions(filters):
        query = query.where(condition)
    return query


def _conditions(filters: ServiceFilter) -> list[Term]:
    conditions: list[Term] = [_SERVICES.deleted_at.isnull() if filters.hidden_too else _SERVICES.is_listed]
    if filters.category_ids is not None:
        conditions.append(_SERVICES.category_id.isin(filters.category_ids or (0,)))
    if filters.creator_id is not None:
        conditions.append(_SERVICES.creator_id == filters.creator_id)
    if filters.least is not None:
        conditions.append(_SERVICES.base_price >= filters.least)
    if filters.most is not None:
        conditions.append(_SERVICES.base_price <= filters.most)
    return conditions


def _in_order(query: QueryBuilder, order: SortOrder) -> QueryBuilder:
    for column, direction in _ORDERS[SortOrder.NEWEST if order is SortOrder.FIT else order]:
        query = query.orderby(column, order=direction)
    return query


def _written(query: QueryBuilder) -> Statement:
    parameter = FormatParameter()
    text = query.get_sql(parameter=parameter)
    return text, tuple(parameter.get_parameters())  # type: ignore[no-untyped-call]
