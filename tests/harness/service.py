"""The service as a child process that can be killed at any moment and restarted on the same address."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests import programs
from tests.ports import unused_port
from tests.programs import Program
from tests.sandbox_process import SandboxClient
from tests.server_process import environment, run_cli

START_WITHIN, STOP_WITHIN = 60.0, 20.0


class ServiceDied(Exception):
    """The service ended by itself. The text is the end of its log."""


class Service:
    """`python -m mystar serve`, over the database and the sandbox it is given.

    :param port: one that is not used; by default any.
    :param variables: of the service, without MYSTAR_.
    """

    def __init__(
        self, dsn: str, sandbox: SandboxClient, directory: Path, *, port: int | None = None, **variables: object
    ) -> None:
        self.port = port or unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        #: Where its output goes, appended over all its lives.
        self.log = directory / "service.log"
        #: Seconds that each start took until it was ready, for those that got so far.
        self.starts: list[float] = []
        self._process: Program | None = None
        self._born, self._is_ready = 0.0, False
        self._variables: dict[str, Any] = {
            "HTTP__PORT": self.port,
            "HTTP__PUBLIC_URL": self.url,
            "LOG__LEVEL": "warning",
            "DATABASE__URL": dsn,
            "MAIL__HOST": sandbox.smtp_host,
            "MAIL__PORT": sandbox.smtp_port,
            "PAYMENTS__YOOKASSA__URL": sandbox.yookassa,
            **variables,
        }
        #: Hours that the clock of the next life is ahead.
        self.hours_ahead = 0
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def start(self) -> Self:
        """Returns at once, while it is still starting."""
        self._process, self._born, self._is_ready = self._spawn(), time.monotonic(), False
        return self

    async def wait_ready(self) -> Self:
        """Until it answers `/readyz`. :raises ServiceDied: it ended instead."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while not await self._answers(session):
                age = time.monotonic() - self._born
                if self._process is None or self._process.poll() is not None or age > START_WITHIN:
                    raise ServiceDied(f"after {age:.1f} s:\n{self.log_tail()}")
                await asyncio.sleep(0.03)
        if not self._is_ready:
            self._is_ready = True
            self.starts.append(time.monotonic() - self._born)
        return self

    @property
    def pid(self) -> int:
        """AssertionError when it is not running."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Send SIGKILL, and wait until the process is gone."""
        if self._process is not None:
            self._process.kill_group()
            self._process.wait(STOP_WITHIN)
            self._process = None

    def stop(self, within: float = STOP_WITHIN) -> int:
        """Send SIGTERM. Returns the exit code; 0 when it was not running."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(within)
        finally:
            self.kill()

    async def command(self, *arguments: str) -> str:
        """Run an operator's command. AssertionError with its output unless its exit code is 0."""
        run = partial(run_cli, *arguments, directory=self._directory, patience=300, **self._variables)
        ended = await asyncio.to_thread(run)
        assert ended.returncode == 0, f"mystar {' '.join(arguments)}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def logged(self) -> str:
        """Everything in its log, of all its lives."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.logged().splitlines()[-lines:])

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _spawn(self) -> Program:
        module, *first = programs.at(self.hours_ahead, "mystar")
        with self.log.open("ab") as log:
            return programs.start(
                module,
                *first,
                "serve",
                directory=self._directory,
                # Every event is looked for in a mail, however many one person gets.
                environment=environment(self._directory, NOTIFICATIONS__MAILS_PER_HOUR="1000", **self._variables),
                stdout=log,
                stderr=log,
                new_session=True,
                die_with_parent=True,
            )
