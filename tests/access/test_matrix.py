"""Access rights: every operation on an object with an id, by every kind of actor (S10).

The routes are the application's own, aliases included: a new one without an entry in `rights` fails here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientResponse, web

from mystar.app import contracts
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.kit.web.routes import Route
from tests.access.objects import SECRET, Objects, make_objects
from tests.access.rights import PANEL, RIGHTS, Rights
from tests.conftest import Api
from tests.factory import Factory, Person

_VARIABLE = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
#: Addresses of bytes, which have tests of their own, and of our own pages.
_NO_THINGS = {"tail", "file", "name", "language"}
REFUSED = {401, 403, 404}
#: Answers to something else than the question whether one may.
UNASKED = {405, 415, 422, 500}
#: To the page where one signs in.
SENT_AWAY = {302, 303}
#: Tables that change in the background, or record refusals.
_RESTLESS = {"audit_entries", "audit_heads", "sessions", "outbox", "idempotency_keys", "alarms", "catalog_changes"}


def plain(route: Route) -> str:
    """``GET /api/v1/orders/{order_id}/``"""
    return route.method + " " + _VARIABLE.sub(r"{\1}", route.path)


def operations() -> Iterator[tuple[Route, Rights | None]]:
    """All that have an id in their address; an alias has the rights of what it is an alias of."""
    everything = [route for contract in contracts() for route in contract.routes]
    originals = {(one.method, one.handler): one for one in reversed(everything) if plain(one) in RIGHTS}
    for route in everything:
        if set(_VARIABLE.findall(route.path)) - _NO_THINGS:
            rights = RIGHTS.get(plain(route))
            original = originals.get((route.method, route.handler))
            panel = PANEL if route.name.startswith("admin.") else None
            yield route, rights or (RIGHTS[plain(original)] if original else panel)


ALL = list(operations())


@pytest.fixture
async def objects(app: web.Application, api: Api, factory: Factory) -> Objects:
    return await make_objects(app, api, factory)


async def ask(
    api: Api,
    objects: Objects,
    route: Route,
    rights: Rights,
    person: Person | None,
    *,
    method: str = "",
    body: Any = None,
    **options: Any,
) -> ClientResponse:
    """The operation on its object; or another ``method`` of the same address, or with another ``body``."""
    contract = route.name.partition(".")[0]
    named = dict(rights.ids)

    def thing(variable: re.Match[str]) -> str:
        name = named.get(variable[1], variable[1])
        return str(objects.ids.get(f"{contract} {name}") or objects.ids.get(name, 1))

    method = method or route.method
    if method != "GET":
        options["json"] = body or rights.body or {}
    return await api.request(method, _VARIABLE.sub(thing, route.path) + rights.query, as_=person, **options)


def test_every_operation_with_an_id_has_rights() -> None:
    assert [plain(route) for route, rights in ALL if rights is None] == []
    assert set(RIGHTS) - {plain(route) for route, _ in ALL} == set()
    assert 5 * len(ALL) >= 500


async def test_access_without_rights_is_refused_and_changes_nothing(
    api: Api, app: web.Application, objects: Objects
) -> None:
    before = await state(app[DATABASE])
    for route, rights in ALL:
        assert rights is not None
        for letter, person in objects.people(rights.whose).items():
            if letter in rights.allowed:
                continue
            answer = await ask(api, objects, route, rights, person)
            said = f"{plain(route)} by {letter}: {answer.status} {await answer.text()}"
            expected = {"s": {rights.refusal}, "g": {401, 404}}.get(letter, REFUSED)
            if rights is PANEL:
                expected = REFUSED | SENT_AWAY
            assert answer.status in expected, said
            assert SECRET not in said
    assert await state(app[DATABASE]) == before


async def test_access_with_rights_succeeds(api: Api, objects: Objects) -> None:
    done: set[str] = set()
    order = list(RIGHTS)
    for route, rights in sorted(
        ((route, rights) for route, rights in ALL if rights and plain(route) in RIGHTS),
        key=lambda pair: order.index(plain(pair[0])),
    ):
        for letter, person in objects.people(rights.whose).items():
            # A thing is deleted once.
            if letter in rights.allowed and not (route.method == "DELETE" and plain(route) in done):
                answer = await ask(api, objects, route, rights, person)
                said = f"{plain(route)} by {letter}: {answer.status} {await answer.text()}"
                assert answer.status not in REFUSED | UNASKED, said
                done.add(plain(route))


async def test_lists_and_searches_show_no_private_data_to_strangers(api: Api, objects: Objects) -> None:
    for contract in contracts():
        for route in contract.routes:
            if route.method == "GET" and "{" not in route.path and not route.path.startswith("/ws/"):
                for person in (objects.stranger, None):
                    for query in ({}, {"search": SECRET}):
                        answer = await api.get(route.path, as_=person, params=query)
                        assert SECRET not in (await answer.text()).replace(f"search={SECRET}", ""), route.path


async def state(db: Database) -> dict[str, str]:
    """A digest of every table."""
    tables = await db.all("select tablename from pg_tables where schemaname = 'public' and tablename !~ 'yoyo'")
    return {
        name: await db.value(f"select md5(string_agg(row::text, ' ' order by row::text)) from {name} as row")
        for name in (table["tablename"] for table in tables)
        if name not in _RESTLESS
    }
