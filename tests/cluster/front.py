"""A pytest plugin: `api` asks three processes behind nginx instead of one in this process.

Databases are made on the primary, and the processes reach them through PgBouncer; Redis joins them, and files are in
the bucket. The application in this process only serves the factories. What a service in another process cannot pass is
deselected, and counted: tests that set its clock or replace a part of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from psycopg2 import extensions
from yarl import URL

from tests import programs
from tests.api_server import ApiTestServer
from tests.cluster import configuration
from tests.cluster.configuration import PLACES, SERVICES, SUPERUSER, Layout
from tests.cluster.programs import where
from tests.waiting import eventually

#: Fixtures that reach into the service.
_INSIDE = {"clock", "moved_clock", "monkeypatch", "caplog", "frozen"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = [item for item in items if _is_outside(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _is_outside(item: pytest.Item) -> bool:
    info = getattr(item, "_fixtureinfo", None)
    return info is not None and "api" in info.names_closure and not _INSIDE & set(info.argnames)


def pytest_sessionstart() -> None:
    sys.modules["tests.conftest"].ApiTestServer = Front  # type: ignore[attr-defined]


class Front(ApiTestServer):
    """nginx at the port that the service's settings name, and three services behind it."""

    async def start_server(self, *arguments: Any, **options: Any) -> None:
        public, self.port = self.port, None
        await super().start_server(*arguments, **options)
        self._stack = contextlib.AsyncExitStack()
        known = orjson.loads(os.environ[PLACES])
        folder = Path(tempfile.mkdtemp(prefix="front-", dir=known["directory"]))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        layout = Layout(folder, Path(), known["password"], {**known["ports"], "nginx": public})
        await _empty_redis(layout)
        await self._start_services(layout)
        await self._start_nginx(layout)
        self._root = URL(layout.url)

    async def close(self) -> None:
        if not self.closed:
            await self._stack.aclose()
        await super().close()

    async def _start_services(self, layout: Layout) -> None:
        database = extensions.parse_dsn(os.environ["MYSTAR_DATABASE__URL"])["dbname"]
        given = {
            **configuration.service(layout),
            "HTTP__PUBLIC_URL": layout.url,
            "HTTP__DRAIN_SECONDS": 0,
            "DATABASE__URL": layout.dsn("pgbouncer", SUPERUSER, database),
            "DATABASE__POOL_SIZE": 3,
        }
        variables = os.environ | {f"MYSTAR_{name}": str(value) for name, value in given.items()}
        for name in SERVICES:
            with (layout.directory / f"{name}.log").open("ab") as log:
                program = programs.start(
                    "mystar",
                    "serve",
                    directory=layout.directory,
                    environment={**variables, "MYSTAR_HTTP__PORT": str(layout.ports[name])},
                    stdout=log,
                    stderr=log,
                    die_with_parent=True,
                )
            self._stack.callback(program.wait, 20)
            self._stack.callback(program.kill)
        for name in SERVICES:
            await eventually(lambda name=name: _listens(layout.ports[name]))  # type: ignore[misc]

    async def _start_nginx(self, layout: Layout) -> None:
        home = layout.directory / "nginx"
        home.mkdir()
        (home / "mystar.conf").write_text(configuration.nginx(layout))
        user = "user root;" if os.geteuid() == 0 else ""
        (home / "nginx.conf").write_text(configuration.nginx_around(layout, user))
        command: Sequence[str] = [str(where("nginx")), "-p", str(home), "-c", f"{home}/nginx.conf", "-e", f"{home}/log"]
        process = await asyncio.create_subprocess_exec(*command)
        self._stack.push_async_callback(process.wait)
        self._stack.callback(process.terminate)
        await eventually(lambda: _listens(layout.ports["nginx"]))


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def _empty_redis(layout: Layout) -> None:
    """Each test begins with the same ids, whose limits are counted there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", layout.ports["redis"])
    writer.write(b"flushall\r\n")
    assert await reader.readline() == b"+OK\r\n"
    writer.close()
