"""One search for everything: people, orders, services, payments and payouts."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from mystar.admin.access import staff
from mystar.admin.handlers.render import page, redirect
from mystar.admin.keys import ROWS
from mystar.admin.lists.columns import ListDefinition
from mystar.admin.lists.earnings import PAYOUTS
from mystar.admin.lists.market import SERVICES
from mystar.admin.lists.orders import ORDERS, PAYMENTS
from mystar.admin.lists.people import ACCOUNTS
from mystar.admin.search import SearchText, read
from mystar.kit.postgres.database import Row
from mystar.kit.web.routes import Route, route

#: Shown of each kind; and people whose orders and payouts are looked for.
_SHOWN, _PEOPLE = 10, 20
#: Digits of a phone without the code of the country.
_WHOLE_PHONE = 10


@dataclass(frozen=True, slots=True)
class Group:
    """``more``: there are more than are shown."""

    definition: ListDefinition
    rows: list[Row]
    more: bool


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """The results by kind; a single one, or an exact one, is shown at once."""
    text = "".join(filter(str.isprintable, request.query.get("q", "")))[:200].strip()
    wanted = read(text)
    groups = await _groups(request, wanted) if text else []
    there = _exact(wanted, groups)
    if there:
        return redirect(there)
    return page(request, "search.html", text=text, groups=[one for one in groups if one.rows])


async def _groups(request: web.Request, wanted: SearchText) -> list[Group]:
    rows, values = request.app[ROWS], {**wanted.values(), "limit": _SHOWN + 1}
    people = [one["id"] for one in await rows.all("search_people", **{**values, "limit": _PEOPLE})]
    found: list[tuple[ListDefinition, list[int]]] = [(ACCOUNTS, people)]
    # A number alone is not a name: the orders of account 17 are on its page.
    of_people = people if wanted.id is None else []
    for definition, query in (
        (ORDERS, "search_orders"),
        (SERVICES, "search_services"),
        (PAYMENTS, "search_payments"),
        (PAYOUTS, "search_payouts"),
    ):
        found.append((definition, [one["id"] for one in await rows.all(query, **values, people=of_people)]))
    return [Group(one, await rows.of_ids(one, ids[:_SHOWN]), len(ids) > _SHOWN) for one, ids in found]


def _exact(wanted: SearchText, groups: list[Group]) -> str:
    """The address of the only result, or of the one that was named; "" if there is none."""
    searched = {one.definition.name: one for one in groups}
    if wanted.page:
        group = searched.get(wanted.page)
        is_there = group is None or any(row["id"] == wanted.id for row in group.rows)
        return f"/admin/{wanted.page}/{wanted.id}/" if is_there else ""
    people = searched[ACCOUNTS.name].rows if groups else []
    same = [row for row in people if wanted.email and (row["email"] or "").lower() == wanted.email]
    if wanted.phone and len(wanted.phone) >= _WHOLE_PHONE:
        same = people
    if len(same) == 1:
        return f"/admin/accounts/{same[0]['id']}/"
    everything = [f"/admin/{one.definition.name}/{row['id']}/" for one in groups for row in one.rows]
    return everything[0] if len(everything) == 1 else ""


ROUTES: tuple[Route, ...] = (route("GET", "/admin/search/", show, "admin.search", documented=False),)
