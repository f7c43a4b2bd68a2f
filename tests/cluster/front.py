"""A pytest plugin: `api` asks three processes behind nginx instead of one in this process.

Databases are made on the primary, and the processes reach them through PgBouncer; Redis joins them, and files are in
the bucket. The application in this process only serves the factories. Tests of payments alone, which have no service
but payments in this process, go over PgBouncer and the replicated database, too. What a service in another process
cannot pass is deselected, and counted by its reason at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from psycopg2 import extensions
from yarl import URL

from mystar.kit.postgres.database import Database
from tests import programs
from tests.api_server import ApiTestServer
from tests.cluster import configuration
from tests.cluster.configuration import PLACES, SERVICES, SUPERUSER, Layout
from tests.cluster.programs import where
from tests.waiting import eventually

#: Fixtures that reach into the service, and what for.
_INSIDE = {
    **dict.fromkeys(("clock", "moved_clock", "frozen"), "set the clock of the service"),
    **dict.fromkeys(("monkeypatch", "caplog"), "replace a part of the service, or read its log"),
}
_ALONE = "have no service in front of them, but a part of it or a decision"
#: The fixture of tests/payments that makes processes of payments, and its module.
_PAYMENTS, _PAYMENTS_MODULE = "make_process", "tests.payments.conftest"
_NOT_RUN = pytest.StashKey[Counter[tuple[str, str]]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = [(item, reason_inside(item)) for item in items]
    config.stash[_NOT_RUN] = Counter((why, _suite(item)) for item, why in reasons if why)
    config.hook.pytest_deselected(items=[item for item, why in reasons if why])
    items[:] = [item for item, why in reasons if not why]
    if module := sys.modules.get(_PAYMENTS_MODULE):
        module.Database = PooledDatabase  # type: ignore[attr-defined]


def reason_inside(item: pytest.Item) -> str:
    """Why it cannot be passed by a service in another process; empty when it can."""
    if mark := item.get_closest_marker("one_process"):
        return str(mark.args[0])
    info = getattr(item, "_fixtureinfo", None)
    if info is not None and _PAYMENTS in info.names_closure:
        return ""
    if info is None or "api" not in info.names_closure:
        return _ALONE
    return next((_INSIDE[name] for name in info.argnames if name in _INSIDE), "")


def _suite(item: pytest.Item) -> str:
    return item.path.relative_to(item.config.rootpath).as_posix()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    by_reason: dict[str, dict[str, int]] = {}
    for (why, suite), count in sorted(config.stash.get(_NOT_RUN, Counter()).items()):
        by_reason.setdefault(why, {})[suite] = count
    for why, suites in by_reason.items():
        files = ", ".join(f"{suite} ({count})" for suite, count in suites.items())
        terminalreporter.write_line(f"Not run, {sum(suites.values())} tests that {why}: {files}")


def pytest_sessionstart() -> None:
    sys.modules["tests.conftest"].ApiTestServer = Front  # type: ignore[attr-defined]


class PooledDatabase(Database):
    """Through PgBouncer, with what the service is told to do without there."""

    @classmethod
    async def connect(cls, dsn: str, **options: Any) -> Database:
        pooled = extensions.make_dsn(dsn, port=orjson.loads(os.environ[PLACES])["ports"]["pgbouncer"])
        return await Database.connect(pooled, prepare=False, **options)


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
