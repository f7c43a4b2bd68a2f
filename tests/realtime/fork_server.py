"""Servers by fork: modules are imported once, so that a killed server is back in a fraction of a second.

    python -m tests.realtime.fork_server

Each line of standard input is the environment of a server to start, as JSON. Its pid is written to standard output at
once; the server itself writes a line when it takes requests.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from mystar.kit.background import cancel_and_wait
from mystar.kit.web.observability import configure_logging
from mystar.server import serve
from mystar.settings import load_settings
from tests.harness.service import _die_with_parent
from tests.ports import unused_port
from tests.server_process import ROOT


def main() -> None:
    _die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    parent = os.getpid()
    for line in sys.stdin:
        environment = json.loads(line)
        pid = os.fork()
        if not pid:
            _serve(environment, parent)
        _write(pid=pid, port=environment["MYSTAR_HTTP__PORT"])


def _serve(environment: Mapping[str, str], parent: int) -> None:
    _die_with_parent()
    if os.getppid() != parent:
        # The parent died before the signal was asked for.
        os._exit(0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(environment)
    settings = load_settings()
    configure_logging(settings.log.level, settings.log.format)
    try:
        serve(settings, settings.database.url, lambda _url: _write(serves=settings.http.port))
    finally:
        os._exit(0)


def _write(**fields: object) -> None:
    os.write(1, (json.dumps(fields) + "\n").encode())


class ForkServer:
    """Starts, kills and replaces servers that are forked from one process.

    :param environment: of all servers. :param log: the file for their standard error.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, *, servers: int) -> None:
        self._environment, self._log = environment, log
        self.ports = [unused_port() for _ in range(servers)]
        self._pids: dict[int, int] = {}
        self._serving: dict[int, asyncio.Event] = {port: asyncio.Event() for port in self.ports}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.realtime.fork_server",
                cwd=ROOT,
                env=dict(self._environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._reading = asyncio.create_task(self._read())
        for port in self.ports:
            await self.start(port)
        for port in self.ports:
            await self.wait_until_serving(port)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._process is not None
        assert self._reading is not None
        for port in self.ports:
            self.kill(port)
        self._process.kill()
        async with asyncio.timeout(90):
            await self._process.wait()
        # Its output is not read to the end: a server that is starting at this moment may keep the pipe open.
        await cancel_and_wait(self._reading)

    async def start(self, port: int) -> None:
        """Returns at once, while it is still starting."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._serving[port].clear()
        self._process.stdin.write(json.dumps({"MYSTAR_HTTP__PORT": str(port)}).encode() + b"\n")
        await self._process.stdin.drain()

    async def wait_until_serving(self, port: int) -> None:
        async with asyncio.timeout(90):
            await self._serving[port].wait()

    def kill(self, port: int, number: signal.Signals = signal.SIGKILL) -> None:
        pid = self._pids.pop(port, None)
        if pid is not None:
            os.kill(pid, number)

    async def replace(self, port: int) -> None:
        """As a deployment does: stop it with SIGTERM, and start another when it has ended."""
        pid = self._pids[port]
        self.kill(port, signal.SIGTERM)
        async with asyncio.timeout(90):
            while _exists(pid):  # noqa: ASYNC110 - it is not a child of this process
                await asyncio.sleep(0.02)
        await self.start(port)
        await self.wait_until_serving(port)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            fields = json.loads(line)
            if "serves" in fields:
                self._serving[int(fields["serves"])].set()
            else:
                self._pids[int(fields["port"])] = fields["pid"]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
