"""Programs that are started again when they end, as systemd does with Restart=always."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Seconds between the end of a program and its next start: RestartSec of deploy/mystar@.service.
RESTART_AFTER = 1.0
_STOP_WITHIN = 20.0


def account() -> pwd.struct_passwd | None:
    """Who runs what refuses to run as root; None: this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL does not run as root, and there is no account postgres or nobody")


class Process:
    """One program. It ends with this process, whatever ends it.

    :param unprivileged: under root it runs as `account`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        directory: Path,
        *,
        setpriv: str,
        environment: Mapping[str, str] | None = None,
        unprivileged: bool = False,
    ) -> None:
        self.name, self.log = name, directory / f"{name}.log"
        self._directory, self._environment = directory, environment or {}
        other = account() if unprivileged else None
        identity = ["--reuid", str(other.pw_uid), "--regid", str(other.pw_gid), "--clear-groups"] if other else []
        self._command = [setpriv, "--pdeathsig", "TERM", *identity, *command]
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """0 when it is not running."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """Started again by itself from here on."""
        await self._spawn()
        self._keeping = asyncio.create_task(self._keep())

    def kill(self) -> None:
        """SIGKILL; it is started again after `RESTART_AFTER`."""
        assert self._process is not None, f"{self.name} is not running"
        self._process.kill()

    async def kill_for_good(self) -> None:
        """SIGKILL, and nothing until `start`."""
        await self.stop(signal.SIGKILL)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(number)
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def said(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            await self._process.wait()
            await asyncio.sleep(RESTART_AFTER)
            await self._spawn()

    async def _spawn(self) -> None:
        # Without this process's PYTHONPATH and virtual environment: some of the programs are Python's, too.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": str(self._directory)}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env={**environment, **self._environment},
                # A Ctrl-C is for the command alone, which stops all in their order.
                start_new_session=True,
            )
