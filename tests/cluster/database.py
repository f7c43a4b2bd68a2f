"""PostgreSQL on two nodes, of which Patroni makes one the primary and the other its synchronous standby."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import psycopg2
from psycopg2 import extensions, sql

from mystar.kit.postgres.migrations import migrate
from mystar.kit.postgres.session import SESSION
from tests.cluster import configuration
from tests.cluster.configuration import NODES, ROLE, SUPERUSER, Layout
from tests.cluster.processes import Process, account
from tests.promises.faults.environment import children

_START_WITHIN = 90.0
#: What PgBouncer does not pass on (docs/operate/growing.md).
_KEPT_BY_ROLES = ("statement_timeout", "idle_in_transaction_session_timeout", "timezone")


class PostgresPair:
    """:param patroni: the processes of Patroni by node."""

    def __init__(self, layout: Layout, patroni: Mapping[str, Process]) -> None:
        self._layout, self._patroni = layout, patroni

    @staticmethod
    def prepare(layout: Layout) -> None:
        """Directories and configuration, which belong to the account that runs the servers."""
        owner = account()
        for node in NODES:
            home = layout.directory / node
            home.mkdir()
            config = home / "patroni.yml"
            config.write_text(configuration.patroni(layout, node))
            config.chmod(0o600)
            if owner is not None:
                os.chown(config, owner.pw_uid, owner.pw_gid)
                os.chown(home, owner.pw_uid, owner.pw_gid)

    async def wait_complete(self, timeout: float = _START_WITHIN) -> str:
        """Until there are a primary and a synchronous standby. Returns the primary's node."""
        return await _until("a primary and a synchronous standby", self._complete, timeout)

    async def primary(self) -> str:
        """The node that is the primary now; empty when there is none."""
        states = await self._states()
        return next((node for node, state in states.items() if _is_primary(state)), "")

    async def kill_primary(self, *, with_patroni: bool) -> str:
        """SIGKILL for the primary's server and sessions. Returns the node.

        :param with_patroni: for its Patroni as well, as when the machine dies.
        """
        node = await self.primary()
        assert node, "there is no primary to kill"
        server = self._server(node)
        if with_patroni:
            await self._patroni[node].kill_for_good()
        for pid in (server, *children(server)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return node

    async def switch_over(self) -> str:
        """Ask Patroni to make the standby the primary, as before maintenance. Returns the node that was it."""
        node = await self.primary()
        url = f"http://{self._layout.address(f'{node}-patroni')}/switchover"
        async with aiohttp.ClientSession() as session, session.post(url, json={"leader": node}) as answer:
            assert answer.status == 200, await answer.text()
        return node

    async def wait_promoted(self, dead: str, timeout: float = 60.0) -> str:
        """Until another node is the primary; its name."""

        async def promoted() -> str:
            node = await self.primary()
            return node if node != dead else ""

        return await _until("another primary", promoted, timeout)

    async def start(self, node: str) -> None:
        await self._patroni[node].start()

    def pids(self) -> list[int]:
        """Of both servers, the replication between them included."""
        servers = [self._server(node) for node in NODES]
        return [pid for server in servers for pid in (server, *children(server))]

    def create_database(self) -> None:
        """The service's role, with the settings that PgBouncer does not keep, and its database with the schema."""
        layout = self._layout
        settings = {**SESSION, "statement_timeout": 30_000}
        with contextlib.closing(psycopg2.connect(layout.dsn("haproxy", SUPERUSER, "postgres"))) as connection:
            connection.set_isolation_level(extensions.ISOLATION_LEVEL_AUTOCOMMIT)
            cursor, role = connection.cursor(), sql.Identifier(ROLE)
            cursor.execute(sql.SQL("create role {} login password %s").format(role), (layout.password,))
            for one, name in itertools.product((ROLE, SUPERUSER), _KEPT_BY_ROLES):
                setting = sql.SQL("alter role {} set {} = {}")
                value = sql.Literal(str(settings[name]))
                cursor.execute(setting.format(sql.Identifier(one), sql.Identifier(name), value))
            cursor.execute(sql.SQL("create database {} owner {}").format(role, role))
        migrate(layout.dsn("haproxy"))

    def _server(self, node: str) -> int:
        file = self._layout.directory / node / "data" / "postmaster.pid"
        return int(file.read_text().partition("\n")[0])

    async def _complete(self) -> str:
        """As Patroni sees it: only a standby that it has noted as synchronous will be promoted."""
        states = await self._states()
        has_standby = any(state.get("sync_standby") for state in states.values())
        return next((node for node, state in states.items() if has_standby and _is_primary(state)), "")

    async def _states(self) -> dict[str, Mapping[str, Any]]:
        """What each Patroni says of its server; nothing of one that is silent."""
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return {node: await self._state(session, node) for node in NODES}

    async def _state(self, session: aiohttp.ClientSession, node: str) -> Mapping[str, Any]:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with session.get(f"http://{self._layout.address(f'{node}-patroni')}/patroni") as answer:
                found: Mapping[str, Any] = await answer.json(content_type=None)
                return found if found.get("state") == "running" else {}
        return {}


def _is_primary(state: Mapping[str, Any]) -> bool:
    return state.get("role") in ("master", "primary")


async def _until(what: str, question: Callable[[], Awaitable[str]], timeout: float) -> str:
    deadline = asyncio.get_running_loop().time() + timeout
    while not (answer := await question()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"no {what} after {timeout:.0f} s")
        await asyncio.sleep(0.2)
    return answer


def patroni_processes(layout: Layout, program: str, setpriv: str) -> dict[str, Process]:
    return {
        node: Process(
            "patroni",
            [program, str(layout.directory / node / "patroni.yml")],
            layout.directory / node,
            setpriv=setpriv,
            unprivileged=True,
        )
        for node in NODES
    }
