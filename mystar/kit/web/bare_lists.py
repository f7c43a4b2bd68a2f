"""Lists without an envelope: an array of at most 1000 items, and headers that lead to the other pages (D19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from mystar.kit.web.fields import BaseSchema, BoundedInteger
from mystar.kit.web.http import json_response
from mystar.kit.web.pagination import MAX_PAGES, MAX_PUBLIC_OFFSET, PageRequest, not_too_deep
from mystar.kit.web.routes import is_public
from mystar.kit.web.validation import ignored_parameters, query_of

#: Items of a page.
MAX_ITEMS = 1000


class ListQuery(BaseSchema):
    """``page``: which thousand, from 1. Old clients never ask for a second one."""

    reports_unknown = True

    page = BoundedInteger(min_value=1, max_value=MAX_PAGES, load_default=1)


def list_request(request: web.Request) -> PageRequest:
    """The page of a ``@querystring_schema`` that is a `ListQuery`. :raises PageTooDeep:"""
    return not_too_deep(request, PageRequest(query_of(request)["page"], MAX_ITEMS))


def list_response(
    request: web.Request, items: Sequence[Any], count: int, page: PageRequest | None = None, *, status: int = 200
) -> web.Response:
    """The page as an array; ``X-Total-Count`` counts all pages, ``Link`` (RFC 8288) leads to the neighbours.

    :param page: None for a list that always fits on one page.
    """
    headers = {"X-Total-Count": str(count), **ignored_parameters(request)}
    reachable = min(count, MAX_PUBLIC_OFFSET + MAX_ITEMS) if is_public(request) else count
    links = page.neighbours(reachable) if page is not None else {}
    written = [
        f'<{request.rel_url.update_query(page=number)}>; rel="{name}"' for name, number in links.items() if number
    ]
    if written:
        headers["Link"] = ", ".join(written)
    return json_response(items, status, headers)
