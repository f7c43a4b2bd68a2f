"""The flat router: both spellings of a path, one route for each method."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mystar.kit.web.routes import alias, canonical_path, register, route


async def told(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.method} {canonical_path(request)}")


async def other(request: web.Request) -> web.Response:
    return web.Response(text="other")


@pytest.mark.parametrize("path", ["/stars", "/stars/"])
async def test_a_path_is_served_with_and_without_its_trailing_slash(path: str) -> None:
    app = web.Application()
    register(app, [route("POST", path, told, "market.stars"), route("GET", path, told, "market.stars")])
    async with TestClient(TestServer(app)) as client:
        for spelling in ("/stars", "/stars/"):
            assert await (await client.post(spelling, data="x")).text() == "POST /stars"
            assert (await client.head(spelling)).status == 200


async def test_both_spellings_of_a_path_may_be_different_routes() -> None:
    app = web.Application()
    register(app, [route("GET", "/stars", told, "market.stars"), route("GET", "/stars/", other, "market.list")])
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/stars")).text() == "GET /stars"
        assert await (await client.get("/stars/")).text() == "other"


async def test_an_alias_calls_the_same_handler() -> None:
    original = route("GET", "/stars/{id}", told, "market.star")
    same = alias("/old/{id:\\d+}/star/", original)
    assert (same.handler, same.documented, same.name.startswith("market.star.")) == (told, False, True)
    app = web.Application()
    register(app, [original, same])
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/old/5/star")).status == 200
        assert (await client.get("/old/x/star")).status == 404


CLASHES: list[list[Any]] = [
    [route("GET", "/a", told, "market.a"), route("GET", "/a", other, "market.a")],
    [route("GET", "/a", told, "market.a"), route("POST", "/a", other, "market.b")],
]


@pytest.mark.parametrize("routes", CLASHES)
def test_two_routes_for_one_path_and_method_are_refused(routes: list[Any]) -> None:
    with pytest.raises(ValueError, match="is taken"):
        register(web.Application(), routes)


def test_an_application_cannot_change_the_routes_that_others_share() -> None:
    routes = [route("GET", "/stars", told, "market.stars")]
    one, another = web.Application(), web.Application()
    for app in (one, another):
        register(app, routes)
    with pytest.raises(RuntimeError, match="has routes already"):
        register(one, routes)
    with pytest.raises(RuntimeError, match="frozen"):
        one.router.add_get("/further", told)
    assert [resource.canonical for resource in another.router.resources()] == ["/stars", "/stars/"]
