"""One flat router: both spellings of an address, one owner of every deed."""

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
async def test_an_address_answers_with_and_without_its_last_slash_and_keeps_the_body(path: str) -> None:
    app = web.Application()
    register(app, [route("POST", path, told, "market.stars"), route("GET", path, told, "market.stars")])
    async with TestClient(TestServer(app)) as client:
        for spelling in ("/stars", "/stars/"):
            assert await (await client.post(spelling, data="x")).text() == "POST /stars"
            assert (await client.head(spelling)).status == 200


async def test_the_other_spelling_of_an_address_may_be_an_address_of_its_own() -> None:
    app = web.Application()
    register(app, [route("GET", "/stars", told, "market.stars"), route("GET", "/stars/", other, "market.list")])
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/stars")).text() == "GET /stars"
        assert await (await client.get("/stars/")).text() == "other"


async def test_an_alias_does_the_same_deed() -> None:
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
def test_two_owners_of_one_address_are_refused(routes: list[Any]) -> None:
    with pytest.raises(ValueError, match="is taken"):
        register(web.Application(), routes)
