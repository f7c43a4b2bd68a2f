"""Pages: which one is asked for, and the envelope of the market dialect (D19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from aiohttp import web
from marshmallow import Schema, fields

from mystar.errors import NotFound, Text
from mystar.kit.web.fields import BaseSchema, BoundedInteger
from mystar.kit.web.http import absolute, json_response
from mystar.kit.web.routes import is_public
from mystar.kit.web.validation import query_of

T = TypeVar("T")

#: Rows of a page in the market dialect.
MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE = 100, 20
#: Pages of any list.
MAX_PAGES = 10**6
#: Rows before a page of a list that guests may read: PostgreSQL reads all of them.
MAX_PUBLIC_OFFSET = 10_000


class PageTooDeep(NotFound):
    """A page of a public list is too far from its beginning. Filters and searches lead to what is there."""

    code = "page_too_deep"
    text = Text("Страница слишком далека от начала: уточните запрос.", "The page is too far from the beginning.")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page, from 1, and how many rows a page has.

    :param skip: rows before the first page, for clients that ask by offset.
    :param after: the id of a row: the page begins behind it, whatever its number.
    """

    number: int = 1
    size: int = DEFAULT_PAGE_SIZE
    skip: int = 0
    after: int | None = None

    @property
    def offset(self) -> int:
        return self.skip + (self.number - 1) * self.size

    def neighbours(self, count: int) -> dict[str, int | None]:
        """The numbers of the pages before and after; None = there is none. :param count: rows of all pages."""
        if self.after is not None:
            return {"prev": None, "next": None}
        return {
            "prev": self.number - 1 if self.number > 1 else None,
            "next": self.number + 1 if self.offset + self.size < count else None,
        }


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of one page; ``count`` counts those of all."""

    rows: Sequence[T]
    count: int


class PageQuery(BaseSchema):
    reports_unknown = True

    page = BoundedInteger(min_value=1, max_value=MAX_PAGES, load_default=1)
    page_size = BoundedInteger(min_value=1, max_value=MAX_PAGE_SIZE, load_default=DEFAULT_PAGE_SIZE)


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The envelope around such items, for ``@response_schema``; one class for all lists of them."""
    return type(
        f"{item.__name__}Page",
        (BaseSchema,),
        {
            "count": fields.Integer(required=True),
            "next": fields.String(required=True, allow_none=True, metadata={"format": "uri"}),
            "previous": fields.String(required=True, allow_none=True, metadata={"format": "uri"}),
            "results": fields.List(fields.Nested(item), required=True),
        },
    )


def page_request(request: web.Request) -> PageRequest:
    """The page of a ``@querystring_schema`` that is a `PageQuery`. :raises PageTooDeep:"""
    query = query_of(request)
    return not_too_deep(request, PageRequest(query["page"], query["page_size"]))


def not_too_deep(request: web.Request, page: PageRequest) -> PageRequest:
    """The page. :raises PageTooDeep: guests may read the list, and the page begins behind `MAX_PUBLIC_OFFSET`."""
    if page.offset > MAX_PUBLIC_OFFSET and is_public(request):
        raise PageTooDeep
    return page


def page_response(request: web.Request, results: Sequence[Any], count: int) -> web.Response:
    """The envelope with absolute links to the neighbours.

    :raises NotFound: the page is beyond the end. The first page of nothing is not.
    """
    page = page_request(request)
    if page.number > 1 and page.offset >= count:
        raise NotFound

    reachable = min(count, MAX_PUBLIC_OFFSET + page.size) if is_public(request) else count
    links = {
        name: absolute(request, str(request.rel_url.update_query(page=number))) if number else None
        for name, number in page.neighbours(reachable).items()
    }

    return json_response(
        {
            "count": count,
            "next": links["next"],
            "previous": links["prev"],
            "results": results,
        }
    )
