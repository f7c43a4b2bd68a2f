"""Several servers behind one address, each of which can be killed and started again."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests import programs
from tests.ports import unused_port
from tests.programs import Program
from tests.waiting import first_line

_START_WITHIN = _STOP_WITHIN = 90


class Servers:
    """`python -m mystar serve` on some ports.

    :param environment: of all of them. :param log: the file for their standard error.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, *, servers: int) -> None:
        self._environment, self._log = environment, log
        self.ports = [unused_port() for _ in range(servers)]
        self._programs: dict[int, Program] = {}
        self._starting: set[int] = set()

    async def __aenter__(self) -> Self:
        for port in self.ports:
            self.start(port)
        for port in self.ports:
            await self.wait_until_serving(port)
        return self

    async def __aexit__(self, *_error: object) -> None:
        for port in self.ports:
            self.kill(port)

    def start(self, port: int) -> None:
        """Returns at once, while it is still starting."""
        with self._log.open("ab") as log:
            self._programs[port] = programs.start(
                "mystar",
                "serve",
                directory=self._log.parent,
                environment={**self._environment, "MYSTAR_HTTP__PORT": str(port)},
                stdout=subprocess.PIPE,
                stderr=log,
                die_with_parent=True,
            )
        self._starting.add(port)

    async def wait_until_serving(self, port: int) -> None:
        if port not in self._starting:
            return
        said = await asyncio.to_thread(first_line, self._programs[port], _START_WITHIN)
        assert b"serves" in said, f"the server did not start: {self._log.read_text(errors='replace')[-3000:]}"
        self._starting.remove(port)

    def kill(self, port: int) -> None:
        program = self._programs.pop(port, None)
        if program is not None:
            program.kill()
            with program:
                program.wait(_STOP_WITHIN)

    async def replace(self, port: int) -> None:
        """As a deployment does: stop it with SIGTERM, and start another when it has ended."""
        program = self._programs.pop(port)
        program.terminate()
        with program:
            await asyncio.to_thread(program.wait, _STOP_WITHIN)
        self.start(port)
        await self.wait_until_serving(port)
