"""Every list of the panel: one handler for all registers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from aiohttp import web
from multidict import MultiMapping
from yarl import URL

from mystar.admin.access import Handler, staff
from mystar.admin.handlers.render import page
from mystar.admin.keys import ROWS
from mystar.admin.lists import LISTS
from mystar.admin.lists.columns import Choice, ListDefinition, an_id
from mystar.admin.repository import MOST, SIZE, ListRequest, is_sorting
from mystar.kit.web.routes import Route, route

_LAST = MOST // SIZE


def show(register: ListDefinition) -> Handler:
    """The handler that shows this register."""

    @staff("viewer")
    async def handler(request: web.Request) -> web.Response:
        asked = asked_of(register, request.query)
        found = await request.app[ROWS].page(register, asked)
        kept = _kept(asked)
        return page(
            request,
            TEMPLATES.get(register.name, "list.html"),
            register=register,
            found=found,
            asked=asked,
            sort=asked.sort or register.usual,
            pages=max(1, -(-found.count // SIZE)),
            # Links of titles and pages keep what was asked.
            with_sort=lambda sort: _query(register, {**kept, "sort": sort}),
            with_page=lambda number: _query(register, {**kept, "sort": asked.sort, "page": str(number)}),
            without=lambda name: _query(register, {**kept, "sort": asked.sort, name: ""}),
        )

    return handler


#: Lists that have something of their own beside the rows.
TEMPLATES: Mapping[str, str] = {
    "studio-orders": "studio_orders.html",
    "categories": "named_list.html",
    "tags": "named_list.html",
    "skills": "named_list.html",
}


def asked_of(register: ListDefinition, query: MultiMapping[str]) -> ListRequest:
    """What the address asks for; what makes no sense is not asked."""
    chosen = {}
    for one in register.filters:
        value = query.get(one.name, "")
        if isinstance(one, Choice):
            known = any(value == word for word, _, _ in one.options)
        else:
            known = an_id(value) is not None
        if known:
            chosen[one.name] = value
    sort, number = query.get("sort", ""), an_id(query.get("page", "")) or 1
    text = "".join(filter(str.isprintable, query.get("q", "")))[:200].strip()
    return ListRequest(
        text=text,
        chosen=chosen,
        since=_day(query.get("since", "")),
        until=_day(query.get("until", "")),
        sort=sort if is_sorting(register, sort) else "",
        page=min(max(1, number), _LAST),
    )


def _day(text: str) -> date | None:
    with suppress(ValueError):
        found = date.fromisoformat(text)
        # The day after the last one of the calendar is none.
        return found if 1970 <= found.year <= 9000 else None
    return None


def _kept(asked: ListRequest) -> dict[str, str]:
    since, until = (str(one) if one else "" for one in (asked.since, asked.until))
    return {"q": asked.text, **asked.chosen, "since": since, "until": until}


def _query(register: ListDefinition, values: Mapping[str, str]) -> str:
    return str(URL(f"/admin/{register.name}/").with_query({name: value for name, value in values.items() if value}))


ROUTES: tuple[Route, ...] = tuple(
    route("GET", f"/admin/{name}/", show(register), f"admin.{name}", documented=False)
    for name, register in LISTS.items()
)
