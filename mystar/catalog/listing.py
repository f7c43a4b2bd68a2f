"""Statements whose shape depends on what is looked for: which services, in which order.

Values are literals by the time the planner sees them, so it knows how common a category or a word is. It walks the
index of the order and leaves out what does not fit where much does, and collects and sorts where little does.
"""

from __future__ import annotations

from typing import Any

from pypika import CustomFunction, Field, FormatParameter, Table
from pypika import Order as Direction
from pypika.dialects import PostgreSQLQuery as Query
from pypika.enums import Comparator
from pypika.functions import Count
from pypika.queries import QueryBuilder
from pypika.terms import BasicCriterion, Term, ValueWrapper

from mystar.catalog.search import MOST_COUNTED, MOST_FOUND, Order, Sought

Statement = tuple[str, list[Any]]

_SERVICES, _CREATORS = Table("services"), Table("creators")
_UP, _DOWN = Direction.asc, Direction.desc
#: By the columns of an index each.
_ORDERS: dict[Order, tuple[tuple[Field, Direction], ...]] = {
    Order.NEWEST: ((_SERVICES.created_at, _DOWN), (_SERVICES.id, _DOWN)),
    Order.OLDEST: ((_SERVICES.created_at, _UP), (_SERVICES.id, _UP)),
    Order.CHEAPEST: ((_SERVICES.base_price, _UP), (_SERVICES.id, _UP)),
    Order.DEAREST: ((_SERVICES.base_price, _DOWN), (_SERVICES.id, _DOWN)),
    Order.BEST: ((_CREATORS.rating, _DOWN), (_CREATORS.id, _DOWN), (_SERVICES.id, _DOWN)),
    Order.POPULAR: ((_CREATORS.completed_orders, _DOWN), (_CREATORS.id, _DOWN), (_SERVICES.id, _DOWN)),
}
_BY_CREATOR = (Order.BEST, Order.POPULAR)

_plain_query = CustomFunction("plainto_tsquery", ["configuration", "words"])
_wide_query = CustomFunction("to_tsquery", ["configuration", "query"])
_rank = CustomFunction("ts_rank", ["words", "query"])


class _Text(Comparator):
    fits = " @@ "


def page_of_ids(sought: Sought, *, limit: int, offset: int) -> Statement:
    """The ids of a page, in order. Only the index is read for those that are skipped, whatever the page shows."""
    return _written(_in_order(_fitting(sought), sought.order).limit(limit).offset(offset))


def count(sought: Sought) -> Statement:
    """How many there are, up to ``MOST_COUNTED``."""
    some = _fitting(sought, count=True).limit(MOST_COUNTED)
    return _written(Query.from_(some).select(Count("*")))


def found_ids(sought: Sought, *, words: str = "", query: str = "") -> Statement:
    """The ids of all that is found, in order.

    :param words: all of them must be there, in whatever form. :param query: or a `to_tsquery`.

    By fit means: of what fits, the newest are weighed. So a word that half of the catalogue has costs no more than
    a rare one.
    """
    # Letters, digits and signs of our own: pypika writes the arguments of functions into the statement.
    looked_for = _wide_query("russian", query) if query else _plain_query("russian", words)
    fits = BasicCriterion(_Text.fits, _SERVICES.words, looked_for)
    if sought.order is not Order.FIT:
        return _written(_in_order(_fitting(sought).where(fits), sought.order).limit(MOST_FOUND))
    newest = _fitting(sought).select(_SERVICES.words, _SERVICES.created_at).where(fits)
    weighed = _in_order(newest, Order.NEWEST).limit(MOST_FOUND).as_("weighed")
    return _written(
        Query.from_(weighed)
        .select(weighed.id)
        .orderby(_rank(weighed.words, looked_for), order=_DOWN)
        .orderby(weighed.created_at, weighed.id, order=_DOWN)
    )


def _fitting(sought: Sought, *, count: bool = False) -> QueryBuilder:
    query: QueryBuilder = Query.from_(_SERVICES).select(ValueWrapper(1).as_("one") if count else _SERVICES.id)
    if sought.order in _BY_CREATOR and not count:
        query = query.join(_CREATORS).on(_CREATORS.id == _SERVICES.creator_id)
    for condition in _conditions(sought):
        query = query.where(condition)
    return query


def _conditions(sought: Sought) -> list[Term]:
    conditions: list[Term] = [_SERVICES.deleted_at.isnull() if sought.hidden_too else _SERVICES.is_listed]
    if sought.category_ids is not None:
        conditions.append(_SERVICES.category_id.isin(sought.category_ids or (0,)))
    if sought.creator_id is not None:
        conditions.append(_SERVICES.creator_id == sought.creator_id)
    if sought.least is not None:
        conditions.append(_SERVICES.base_price >= sought.least)
    if sought.most is not None:
        conditions.append(_SERVICES.base_price <= sought.most)
    return conditions


def _in_order(query: QueryBuilder, order: Order) -> QueryBuilder:
    for column, direction in _ORDERS[Order.NEWEST if order is Order.FIT else order]:
        query = query.orderby(column, order=direction)
    return query


def _written(query: QueryBuilder) -> Statement:
    parameter = FormatParameter()
    text = query.get_sql(parameter=parameter)
    return text, parameter.get_parameters()  # type: ignore[no-untyped-call]
