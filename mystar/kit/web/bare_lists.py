"""Lists without an envelope: a bare array of at most 1000 items, and headers that say what is left (D19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from marshmallow import fields, validate

from mystar.kit.web.fields import BaseSchema
from mystar.kit.web.http import json_response

#: No list is longer.
MAX_ITEMS = 1000


class ListQuery(BaseSchema):
    """``page``: which thousand, from 1. Old clients never ask for a second one."""

    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=10**6))


def list_response(
    request: web.Request, items: Sequence[Any], total: int, *, page: int = 1, status: int = 200
) -> web.Response:
    """The page as an array; ``X-Total-Count`` counts all pages, ``Link`` (RFC 8288) leads to the neighbours."""
    headers = {"X-Total-Count": str(total)}
    links = {"prev": page - 1 if page > 1 else None, "next": page + 1 if page * MAX_ITEMS < total else None}
    written = [
        f'<{request.rel_url.update_query(page=number)}>; rel="{name}"' for name, number in links.items() if number
    ]
    if written:
        headers["Link"] = ", ".join(written)
    return json_response(items, status, headers)
