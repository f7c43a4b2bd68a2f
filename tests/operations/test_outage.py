"""PostgreSQL stops and starts again; the server reports it and recovers by itself (O2, short)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.postgres.migrations import migrate
from tests.operations.conftest import Serve
from tests.waiting import eventually


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, to be stopped and started at will."""
    directory = Path(tempfile.mkdtemp(prefix="mystar-pg-"))
    directory.chmod(0o711)
    embedded = EmbeddedPostgres(directory, {"fsync": "off"}).start()
    embedded.create_database("mystar")
    migrate(embedded.dsn("mystar"))
    yield embedded
    embedded.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("loop", ["uvloop", pytest.param("asyncio", marks=pytest.mark.long)])
async def test_the_service_reports_and_survives_a_database_outage(
    serve: Serve, cluster: EmbeddedPostgres, loop: str
) -> None:
    server = serve(DATABASE__URL=cluster.dsn("mystar"), HTTP__EVENT_LOOP=loop)
    async with aiohttp.ClientSession(server.url) as client:

        async def status(path: str) -> int:
            async with client.get(path) as answer:
                return answer.status

        async def ready() -> bool:
            return await status("/readyz") == 200

        def said(words: str) -> Callable[[], Awaitable[bool]]:
            async def is_said() -> bool:
                return words in server.said()

            return is_said

        assert await ready()
        for _ in range(2):
            await asyncio.to_thread(cluster.stop)
            assert await status("/healthz") == 200, "it lives"
            assert await status("/readyz") == 503, "and is not ready"
            for method, path, shape in (("GET", "/api/categories/", list), ("POST", "/api/auth/token/", dict)):
                how = {
                    "json": {"username": "marina", "password": "Wrong-guess-1"},
                    "headers": {"Accept-Language": "en"},
                }
                async with client.request(method, path, **how) as answer:  # type: ignore[arg-type]
                    assert answer.status == 503, path
                    assert answer.headers["Retry-After"] == "5"
                    body = await answer.json()
                    assert isinstance(body, shape), "the dialect's own shape"
                    assert "The service is unavailable" in str(body)
            async with client.get("/metrics") as answer:
                assert "mystar_database_up 0.0" in await answer.text()
            await eventually(said("payments poll: a dependency does not answer"))
            await asyncio.to_thread(cluster.start)
            await eventually(ready)
            assert await status("/api/categories/") < 300
    assert server.stop() == 0
    assert "Traceback" not in server.said(), "an outage is no defect of ours"
