"""Every list as a CSV file, and the saved filters of lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiohttp import web
from yarl import URL

from mystar.admin import csv_export
from mystar.admin.access import Handler, actor_of, language_in, staff, zone_in
from mystar.admin.filters.model import MAX_NAME, MAX_QUERY
from mystar.admin.handlers.forms import ID, path_id, text_field
from mystar.admin.handlers.lists import list_query, read_list_request
from mystar.admin.handlers.render import action_response
from mystar.admin.keys import CLOCK, FILTERS, LIST_EXPORT
from mystar.admin.lists import LISTS
from mystar.admin.lists.columns import ListDefinition
from mystar.admin.zones import ZONE, label
from mystar.errors import Text
from mystar.kit.postgres.database import Row
from mystar.kit.web.routes import Route, route
from mystar.kit.web.streaming import stream, streams


def download(definition: ListDefinition) -> Handler:
    """The handler that streams a list as CSV, with the filters of its page."""

    @staff("operator", is_sensitive=True)
    @streams
    async def handler(request: web.Request) -> web.StreamResponse:
        """:raises Forbidden: :raises ReauthenticationNeeded:"""
        language, zone = language_in(request), zone_in(request)
        exports = request.app[LIST_EXPORT]
        ids = await exports.begin(actor_of(request), definition, read_list_request(definition, request.query, zone))
        name = f"{definition.name}-{request.app[CLOCK].now().astimezone(zone):%Y-%m-%d}.csv"
        headers = {
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        chunks = _encoded(definition, exports.rows(definition, ids), language, label(zone, request.app[CLOCK].now()))
        before = ZONE.set(zone)
        try:
            return await stream(request, chunks, headers, what=f"the list {definition.name}")
        finally:
            ZONE.reset(before)

    return handler


async def _encoded(
    definition: ListDefinition, batches: AsyncIterator[Sequence[Row]], language: str, zone: Text
) -> AsyncIterator[bytes]:
    yield csv_export.heading(definition, language, zone).encode()
    async for rows in batches:
        yield csv_export.body(definition, rows, language).encode()


def save_filter(definition: ListDefinition) -> Handler:
    """The handler that gives the filters of a list a name."""

    @staff("viewer")
    async def handler(request: web.Request) -> web.Response:
        """:raises Invalid: :raises TooManyFilters:"""
        name = await text_field(request, "name", max_length=MAX_NAME, min_length=1)
        given = URL("?" + (await text_field(request, "query", max_length=MAX_QUERY)).removeprefix("?"))
        query = list_query(definition, read_list_request(definition, given.query))
        await request.app[FILTERS].save(actor_of(request), definition.name, name, query)
        return action_response(request, f"/admin/{definition.name}/{query}")

    return handler


def delete_filter(definition: ListDefinition) -> Handler:
    """The handler that deletes a filter of one's own."""

    @staff("viewer")
    async def handler(request: web.Request) -> web.Response:
        """:raises NotFound:"""
        await request.app[FILTERS].delete(actor_of(request), path_id(request))
        return action_response(request, f"/admin/{definition.name}/")

    return handler


ROUTES: tuple[Route, ...] = tuple(
    one
    for name, definition in LISTS.items()
    for one in (
        route("GET", f"/admin/{name}/csv/", download(definition), f"admin.{name}-csv", documented=False),
        route("POST", f"/admin/{name}/filters/", save_filter(definition), f"admin.{name}-filters", documented=False),
        route(
            "POST",
            f"/admin/{name}/filters/{ID}/delete/",
            delete_filter(definition),
            f"admin.{name}-filter-delete",
            documented=False,
        ),
    )
)
