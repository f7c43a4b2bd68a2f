"""Servers by fork: what takes a second to import is imported once, so that dying twenty times is a matter of seconds.

    python -m tests.realtime.fork_server

Each line of standard input is the environment of a server to be born, as JSON. Its pid comes back at once; when it
serves, it says so itself.
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
from tests.harness.service import _die_with_parent, free_port
from tests.server_process import ROOT


def main() -> None:
    _die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    me = os.getpid()
    for line in sys.stdin:
        environment = json.loads(line)
        pid = os.fork()
        if not pid:
            _live(environment, me)
        _say(born=pid, port=environment["MYSTAR_HTTP__PORT"])


def _live(environment: Mapping[str, str], parent: int) -> None:
    _die_with_parent()
    if os.getppid() != parent:
        # It died before we asked to be told.
        os._exit(0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(environment)
    settings = load_settings()
    configure_logging(settings.log.level, settings.log.format)
    try:
        serve(settings, settings.database.url, lambda _url: _say(serves=settings.http.port))
    finally:
        os._exit(0)


def _say(**words: object) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())


class Nursery:
    """The other end of the pipe.

    :param environment: of all servers. :param log: where they write what goes wrong.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, *, servers: int) -> None:
        self._environment, self._log = environment, log
        self.ports = [free_port() for _ in range(servers)]
        self._pids: dict[int, int] = {}
        self._serving: dict[int, asyncio.Event] = {port: asyncio.Event() for port in self.ports}
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None

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
        self._hearing = asyncio.create_task(self._hear())
        for port in self.ports:
            await self.bear(port)
        for port in self.ports:
            await self.serving(port)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._process is not None
        assert self._hearing is not None
        for port in self.ports:
            self.kill(port)
        self._process.kill()
        async with asyncio.timeout(90):
            await self._process.wait()
        # Not until the end of its words: a server that was being born at this moment may still hold its voice.
        await cancel_and_wait(self._hearing)

    async def bear(self, port: int) -> None:
        """Returns at once, while it is still starting."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._serving[port].clear()
        self._process.stdin.write(json.dumps({"MYSTAR_HTTP__PORT": str(port)}).encode() + b"\n")
        await self._process.stdin.drain()

    async def serving(self, port: int) -> None:
        async with asyncio.timeout(90):
            await self._serving[port].wait()

    def kill(self, port: int, number: signal.Signals = signal.SIGKILL) -> None:
        pid = self._pids.pop(port, None)
        if pid is not None:
            os.kill(pid, number)

    async def replace(self, port: int) -> None:
        """As a deployment does: tell it to stop, and start another when it has."""
        pid = self._pids[port]
        self.kill(port, signal.SIGTERM)
        async with asyncio.timeout(90):
            while _lives(pid):  # noqa: ASYNC110 - it is not our child
                await asyncio.sleep(0.02)
        await self.bear(port)
        await self.serving(port)

    async def _hear(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            words = json.loads(line)
            if "serves" in words:
                self._serving[int(words["serves"])].set()
            else:
                self._pids[int(words["port"])] = words["born"]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
