"""Lists of every dialect name the query parameters that have no effect, and refuse them where that is preferred."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from mystar.app import contracts
from mystar.contracts.base import Contract
from mystar.kit.web.routes import Route
from tests.conftest import Api
from tests.factory import Factory

_VARIABLE = re.compile(r"\{\w+(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
#: What some lists require.
_REQUIRED = {"/users/user/": "&username=olga", "/api/message/": "&user_id={me}&from_user={star}"}


def is_list(route: Route) -> bool:
    """Whether the route answers with an array, or a page of one."""
    declared: dict[Any, Any] = getattr(route.handler, "__apispec__", {}).get("responses") or {}
    for status, answer in declared.items():
        schema = answer.get("schema")
        if not str(status).startswith("2") or schema is None:
            continue
        if isinstance(schema, dict):
            return schema.get("type") == "array" and route.method == "GET"
        shape = schema() if isinstance(schema, type) else schema
        if shape.many or {"results", "changes"} & set(shape.fields):
            return route.method == "GET" or "filter" in route.path
    return False


def lists() -> Iterator[tuple[Contract, Route]]:
    for contract in contracts():
        for route in contract.routes:
            if is_list(route) and contract.name != "admin":
                yield contract, route


async def test_every_list_names_parameters_without_effect(api: Api, app: web.Application, factory: Factory) -> None:
    star = await factory.star("comet")
    me = await factory.star("olga")
    named, refused = 0, []
    for contract, route in lists():
        path = _VARIABLE.sub("1", route.path)
        body = {"json": {"filter": "x"}} if route.method == "POST" else {}
        asked = f"{path}?nope=1" + _REQUIRED.get(path, "").format(me=me.id, star=star.id)
        answer = await api.request(route.method, asked, as_=me, **body)
        if answer.status < 400:
            named += 1
            assert answer.headers.get("X-Ignored-Parameters") == "nope", route
        strict = {"Prefer": "respond-async, handling=strict"}
        answer = await api.request(route.method, asked, as_=me, headers=strict, **body)
        refused.append((contract.name, answer.status))
        assert answer.headers.get("Preference-Applied") == "handling=strict", route
        assert "nope" in await answer.text() or contract.name == "greetings", route
    assert set(refused) == {(name, 422) for name in ("market", "greetings", "messenger", "studio")}
    assert named > 40


async def test_the_prefer_header_is_parsed_as_its_standard_says(api: Api) -> None:
    path = "/api/v1/services/"
    for prefer, status, applied in [
        ("handling=strict", 422, "handling=strict"),
        ('wait=5; x="a,b;c", Handling = "Strict"; foo=1', 422, "handling=strict"),
        ("handling=lenient", 200, "handling=lenient"),
        ("handling=lenient, handling=strict", 200, "handling=lenient"),
        ("foo; handling=strict", 200, None),
        ('foo="handling=strict"', 200, None),
        ("handling=other", 200, None),
    ]:
        answer = await api.get(f"{path}?nope=1", headers={"Prefer": prefer, "Origin": "https://site.example"})
        assert (answer.status, answer.headers.get("Preference-Applied")) == (status, applied), prefer
        assert ("Prefer" in answer.headers.get("Vary", "")) == (applied is not None)
        assert "Preference-Applied" in answer.headers["Access-Control-Expose-Headers"]
    known = await api.get(f"{path}?page=1", headers={"Prefer": "handling=strict"})
    assert (known.status, known.headers["Preference-Applied"]) == (200, "handling=strict")


async def test_a_second_value_of_a_filter_is_named(api: Api) -> None:
    path = "/api/v1/services/?min_price=1&min_price=2&page=1&page=1"
    assert (await api.get(path)).headers["X-Ignored-Parameters"] == "min_price"
    refused = await api.get(path, headers={"Prefer": "handling=strict"}, language="en")
    assert (refused.status, (await refused.json())["detail"]) == (422, "Must be given once.")


async def test_a_refused_parameter_is_named_in_each_dialect(api: Api, factory: Factory) -> None:
    me = await factory.person("olga")
    shapes = {}
    for path in ("/api/v1/services/", "/api/star/getlist/", "/private/chat-list/", "/api/accounts/users/"):
        answer = await api.get(f"{path}?nope=1", as_=me, headers={"Prefer": "handling=strict"})
        assert answer.status == 422
        shapes[path] = await answer.json()
    text = "Неизвестный параметр."
    code = "parameter_unknown"
    assert shapes == {
        "/api/v1/services/": {"error": text, "detail": text, "code": code, "errors": {"nope": [text]}},
        "/api/star/getlist/": {"nope": [text]},
        "/private/chat-list/": {"detail": text, "message": text, "code": code, "errors": {"nope": [text]}},
        "/api/accounts/users/": {"nope": [text]},
    }
