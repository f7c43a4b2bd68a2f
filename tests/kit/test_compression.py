"""Answers are compressed for clients that accept it, where it saves something."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mystar.kit.web.compression import COMPRESS, compression_middleware
from tests.conftest import Api

BIG = b'{"a": "' + b"x" * 5000 + b'"}'
RESPONSES = {
    "big": lambda: web.Response(body=BIG, content_type="application/json"),
    "small": lambda: web.Response(body=b"{}", content_type="application/json"),
    "picture": lambda: web.Response(body=BIG, content_type="image/jpeg"),
    "packed": lambda: web.Response(
        body=gzip.compress(BIG), content_type="application/json", headers={"Content-Encoding": "gzip"}
    ),
}


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        return RESPONSES[request.match_info["name"]]()

    app = web.Application(middlewares=[compression_middleware])
    app[COMPRESS] = getattr(request, "param", True)
    app.router.add_get("/{name}", handler)
    async with TestClient(TestServer(app), auto_decompress=False) as running:
        yield running


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        *(("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)),
        *(("*, gzip;q=0", False), ("*;q=0, gzip", True), ("gzip; q=0.000, *", False), ("*;q=0", False)),
    ],
)
async def test_an_answer_is_compressed_if_the_client_accepts_it(
    client: TestClient[web.Request, web.Application], accepted: str, is_compressed: bool
) -> None:
    answer = await client.get("/big", headers={"Accept-Encoding": accepted})
    body = await answer.read()
    assert (answer.headers.get("Content-Encoding"), answer.headers["Vary"]) == (
        "gzip" if is_compressed else None,
        "Accept-Encoding",
    )
    assert (gzip.decompress(body) if is_compressed else body) == BIG
    assert not is_compressed or len(body) < 200


@pytest.mark.parametrize("name", ["small", "picture", "packed"])
async def test_incompressible_answers_are_not_compressed(
    client: TestClient[web.Request, web.Application], name: str
) -> None:
    answer = await client.get(f"/{name}", headers={"Accept-Encoding": "gzip"})
    assert await answer.read() == RESPONSES[name]().body


@pytest.mark.parametrize("client", [False], indirect=True)
async def test_a_proxy_may_compress_instead(client: TestClient[web.Request, web.Application]) -> None:
    answer = await client.get("/big", headers={"Accept-Encoding": "gzip"})
    assert await answer.read() == BIG


async def test_documents_and_scripts_are_compressed(api: Api) -> None:
    for path in ("/api/docs/openapi.json", "/swagger/swagger-ui-bundle.js"):
        answer = await api.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip", path
