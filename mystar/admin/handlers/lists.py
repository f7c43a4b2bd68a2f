"""The lists of the panel: one handler for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, tzinfo

from aiohttp import web
from multidict import MultiMapping
from yarl import URL

from mystar.admin.access import Handler, actor_of, staff, zone_in
from mystar.admin.handlers.bulk import ACTIONS
from mystar.admin.handlers.render import page
from mystar.admin.keys import FILTERS, ROWS
from mystar.admin.lists import LISTS
from mystar.admin.lists.columns import ChoiceFilter, ListDefinition, parse_id
from mystar.admin.repository import MAX_ROWS, PAGE_SIZE, ListRequest, is_sorting
from mystar.kit.web.routes import Route, route

_LAST_PAGE = MAX_ROWS // PAGE_SIZE


def show(definition: ListDefinition) -> Handler:
    """The handler of a list."""

    @staff("viewer")
    async def handler(request: web.Request) -> web.Response:
        list_request = read_list_request(definition, request.query, zone_in(request))
        found = await request.app[ROWS].page(definition, list_request)
        kept = _kept(list_request)
        return page(
            request,
            TEMPLATES.get(definition.name, "list.html"),
            definition=definition,
            found=found,
            list_request=list_request,
            sort=list_request.sort or definition.default_sort,
            pages=max(1, -(-found.count // PAGE_SIZE)),
            # Links for sorting and paging keep the filters.
            with_sort=lambda sort: _query(definition, {**kept, "sort": sort}),
            with_page=lambda number: _query(definition, {**kept, "sort": list_request.sort, "page": str(number)}),
            select=actor_of(request).may_operate and definition.name in {*ACTIONS, "studio-orders"},
            bulk=ACTIONS.get(definition.name, {}),
            saved=await request.app[FILTERS].of(actor_of(request), definition.name),
            query=list_query(definition, list_request),
            csv=f"/admin/{definition.name}/csv/{list_query(definition, list_request)}",
            without=lambda name: _query(definition, {**kept, "sort": list_request.sort, name: ""}),
        )

    return handler


#: Templates of lists with actions.
TEMPLATES: Mapping[str, str] = {
    "studio-orders": "studio_orders.html",
    "categories": "named_list.html",
    "tags": "named_list.html",
    "skills": "named_list.html",
    "commission-rules": "commission_rules.html",
}


def read_list_request(definition: ListDefinition, query: MultiMapping[str], zone: tzinfo = UTC) -> ListRequest:
    """Filters, sorting and page of the query string; invalid values are ignored. ``zone``: of its days."""
    chosen = {}
    for one in definition.filters:
        value = query.get(one.name, "")
        if isinstance(one, ChoiceFilter):
            if any(value == word for word, _, _ in one.options):
                chosen[one.name] = value
        elif (number := parse_id(value)) is not None:
            # As it was typed it may have a sign before it, "№12".
            chosen[one.name] = str(number)
    sort, page_number = query.get("sort", ""), parse_id(query.get("page", "")) or 1
    text = "".join(filter(str.isprintable, query.get("q", "")))[:200].strip()
    return ListRequest(
        text=text,
        chosen=chosen,
        since=_day(query.get("since", "")),
        until=_day(query.get("until", "")),
        sort=sort if is_sorting(definition, sort) else "",
        page=min(max(1, page_number), _LAST_PAGE),
        zone=zone,
    )


def _day(text: str) -> date | None:
    with suppress(ValueError):
        found = date.fromisoformat(text)
        return found if 1970 <= found.year <= 9000 else None
    return None


def _kept(list_request: ListRequest) -> dict[str, str]:
    since, until = (str(one) if one else "" for one in (list_request.since, list_request.until))
    return {"q": list_request.text, **list_request.chosen, "since": since, "until": until}


def list_query(definition: ListDefinition, list_request: ListRequest) -> str:
    """The query string with the filters and the sorting, which `read_list_request` reads; "" = none."""
    address = _query(definition, {**_kept(list_request), "sort": list_request.sort})
    return address.removeprefix(f"/admin/{definition.name}/")


def _query(definition: ListDefinition, values: Mapping[str, str]) -> str:
    return str(URL(f"/admin/{definition.name}/").with_query({name: value for name, value in values.items() if value}))


ROUTES: tuple[Route, ...] = tuple(
    route("GET", f"/admin/{name}/", show(definition), f"admin.{name}", documented=False)
    for name, definition in LISTS.items()
)
