"""Lists without an envelope: an array of at most 1000 items, and headers that lead to the other pages (D19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from yarl import URL

from mystar.kit.web.fields import BaseSchema, BoundedInteger, Id
from mystar.kit.web.http import json_response
from mystar.kit.web.pagination import MAX_PAGES, MAX_PUBLIC_OFFSET, PageRequest, not_too_deep
from mystar.kit.web.routes import is_public
from mystar.kit.web.validation import query_of

#: Items of a page.
MAX_ITEMS = 1000


class ListQuery(BaseSchema):
    """``page``: which thousand, from 1. Old clients never ask for a second one."""

    reports_unknown = True

    page = BoundedInteger(min_value=1, max_value=MAX_PAGES, load_default=1)


class KeysetQuery(ListQuery):
    """Beside ``page``, which ends at `MAX_PUBLIC_OFFSET`: ``after`` the last item of a page, to any depth."""

    after = Id(
        load_default=None,
        allow_none=True,
        metadata={"description": "The id of the last item of the page before; instead of page."},
    )


def list_request(request: web.Request) -> PageRequest:
    """The page of a ``@querystring_schema`` that is a `ListQuery`. :raises PageTooDeep:"""
    query = query_of(request)
    if query.get("after") is not None:
        return PageRequest(1, MAX_ITEMS, after=query["after"])
    return not_too_deep(request, PageRequest(query["page"], MAX_ITEMS))


def list_response(
    request: web.Request, items: Sequence[Any], count: int, page: PageRequest | None = None, *, status: int = 200
) -> web.Response:
    """The page as an array; ``X-Total-Count`` counts all pages, ``Link`` (RFC 8288) leads to the neighbours.

    :param page: None for a list that always fits on one page.
    """
    headers = {"X-Total-Count": str(count)}
    if page is not None and (links := _links(request, items, count, page)):
        headers["Link"] = ", ".join(f'<{link}>; rel="{name}"' for name, link in links.items())
    return json_response(items, status, headers)


def _links(request: web.Request, items: Sequence[Any], count: int, page: PageRequest) -> dict[str, URL]:
    reachable = min(count, MAX_PUBLIC_OFFSET + MAX_ITEMS) if is_public(request) else count
    numbers = page.neighbours(reachable)
    links = {name: request.rel_url.update_query(page=number) for name, number in numbers.items() if number}
    is_full = len(items) == page.size
    if "next" not in links and is_full and page.offset + page.size < count and "after" in query_of(request):
        last = items[-1]["id"]
        links["next"] = request.rel_url.without_query_params("page", "after").extend_query(after=last)
    return links
