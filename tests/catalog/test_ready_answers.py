"""Kept answers are sent with a head that was made before: it is the one that would be made now (D75)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping

from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

from mystar.app import create_app
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.catalog.test_cache import hits
from tests.catalog.test_services import ALL, create_service
from tests.conftest import Api
from tests.factory import Factory

Headers = Mapping[str, str]
#: Of the head, but for the date and the id of the request, and the body.
Answer = tuple[str, list[str], bytes]

ORIGINS = [
    {},
    {"Origin": "https://site.example"},
    {"Origin": "https://other.example"},
    {"Origin": f"https://{'x' * 300}"},
]
ENCODINGS = [{}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "gzip;q=0"}]
TAGS = [{}, {"If-None-Match": "*"}, {"If-None-Match": '"other"'}]
#: By themselves, since each of them is answered the long way, or has kept answers of its own.
OTHERS = [
    ("HEAD", "1.1", {}),
    ("HEAD", "1.1", {"Accept-Encoding": "gzip"}),
    ("GET", "1.1", {"Connection": "close"}),
    ("GET", "1.0", {}),
    ("GET", "1.0", {"Connection": "keep-alive"}),
    ("GET", "1.1", {"Accept-Language": "en", "Accept-Encoding": "gzip"}),
    ("GET", "1.1", {"Prefer": "handling=strict"}),
]


def requests(token: str) -> Iterator[tuple[str, str, Headers]]:
    tokens = [{}, {"Authorization": "Bearer"}, {"Authorization": f"Bearer {token}"}]
    for parts in itertools.product(ORIGINS, tokens, ENCODINGS, TAGS):
        yield "GET", "1.1", {name: value for part in parts for name, value in part.items()}
    yield from OTHERS


async def test_a_kept_answer_has_the_head_and_the_body_that_would_be_made(
    api: Api, factory: Factory, settings: Settings, make_settings: Callable[..., Settings]
) -> None:
    creator, buyer = await factory.star(), await factory.person()
    service = await create_service(api, creator, factory, description="Длинное описание. " * 100)
    address = f"{ALL}{service['id']}/"
    shared = {"HTTP__CORS_ORIGINS": "https://site.example", "HTTP__PUBLIC_URL": settings.http.public_url}
    keeping = await create_app(make_settings(**shared), settings.database.url)
    making = await create_app(make_settings(HTTP__CACHE_BYTES=0, **shared), settings.database.url)
    async with (
        TestClient(ApiTestServer(keeping, host="127.0.0.1")) as kept,
        TestClient(ApiTestServer(making, host="127.0.0.1")) as made,
    ):
        await asked(kept.make_url(address), "GET", "1.1", {})
        asked_for = 0
        for method, version, headers in requests(buyer.token):
            truth = await asked(made.make_url(address), method, version, headers)
            for _ in range(2):
                asked_for += 1
                answer = await asked(kept.make_url(address), method, version, headers)
                assert answer == truth, (method, version, headers)
        # All but the two that say what they prefer, and the first one in English.
        assert hits(keeping) == asked_for - 3


async def test_each_kept_answer_has_the_id_of_its_request(api: Api, app: web.Application, factory: Factory) -> None:
    service = await create_service(api, await factory.star(), factory)
    address = f"{ALL}{service['id']}/"
    ids = [(await api.get(address)).headers.getall("X-Request-ID") for _ in range(4)]
    assert len({one for (one,) in ids}) == 4
    given = [await api.get(address, headers={"X-Request-ID": f"mine-{n}-123"}) for n in range(2)]
    assert [one.headers.getall("X-Request-ID") for one in given] == [["mine-0-123"], ["mine-1-123"]]
    assert hits(app) == 5


async def asked(url: URL, method: str, version: str, headers: Headers) -> Answer:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        lines = [f"{method} {url.raw_path_qs} HTTP/{version}", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status, *rest = head.decode().rstrip().split("\r\n")
        length = next((int(line.split()[1]) for line in rest if line.startswith("Content-Length")), 0)
        body = b"" if method == "HEAD" else await reader.readexactly(length)
        return status, sorted(line for line in rest if not line.startswith(("Date: ", "X-Request-ID: "))), body
    finally:
        writer.close()
