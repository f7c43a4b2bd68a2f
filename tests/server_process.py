"""The service as its operator meets it: `python -m mystar serve` in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Self

import orjson

from tests import programs
from tests.ports import unused_port
from tests.programs import ROOT, Program
from tests.waiting import first_line

START_WITHIN, STOP_WITHIN = 60.0, 30.0
SECRET_KEY = "the key of the tests, longer than 32 characters"


def environment(directory: Path, **variables: object) -> dict[str, str]:
    """This process's environment without its MYSTAR_* variables, and with these, named without the prefix."""
    given = {
        "PROFILE": "test",
        "DATA_DIR": directory / "var",
        "SECRET_KEY": SECRET_KEY,
        "LOG__FORMAT": "json",
        "LOG__LEVEL": "info",
        **variables,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MYSTAR_")}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**clean, "PYTHONPATH": path, **{f"MYSTAR_{name}": str(value) for name, value in given.items()}}


class ServerProcess:
    """One server on a port of its own, the same over restarts. What it writes to standard error is kept in a file."""

    def __init__(self, directory: Path, *, python: Path | None = None, **variables: object) -> None:
        """:param python: of another environment, in which the project is installed."""
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.errors = directory / "server.log"
        self._directory = directory
        address = {"HTTP__PORT": self.port, "HTTP__PUBLIC_URL": self.url}
        self._environment = environment(directory, **{**address, **variables})
        self._python = python
        if python is not None:
            del self._environment["PYTHONPATH"]
        self.process: Program | subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Returns when it has said that it serves; AssertionError with its last words when it does not."""
        with self.errors.open("ab") as errors:
            self.process = self._started(errors)
        assert b"serves" in first_line(self.process, START_WITHIN), f"the server did not start: {self.said()[-3000:]}"
        return self

    def _started(self, errors: IO[bytes]) -> Program | subprocess.Popen[bytes]:
        if self._python is None:
            streams = {"stdout": subprocess.PIPE, "stderr": errors}
            return programs.start(
                "mystar", "serve", directory=self._directory, environment=self._environment, **streams
            )
        command = [self._python, "-m", "mystar", "serve"]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, cwd=self._directory, env=self._environment
        )

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, once it has ended by itself."""
        assert self.process is not None
        try:
            return self.process.wait(STOP_WITHIN)
        finally:
            self._forget()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def said(self) -> str:
        """Everything in its log so far."""
        return self.errors.read_text(errors="replace") if self.errors.exists() else ""

    def records(self) -> list[Mapping[str, object]]:
        return [orjson.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def _forget(self) -> None:
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            process.kill()
            process.wait(STOP_WITHIN)
        if process is not None and process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def server_in(directory: Path, *, python: Path | None = None, **variables: object) -> Iterator[ServerProcess]:
    """A running server; killed at the end of the block if it still lives."""
    server = ServerProcess(directory, python=python, **variables)
    try:
        yield server.start()
    finally:
        server._forget()


def run_cli(
    *arguments: str, directory: Path, stdin: str = "", patience: float = 60, **variables: object
) -> subprocess.CompletedProcess[str]:
    """`python -m mystar …` until it ends by itself, within ``patience`` seconds."""
    given = environment(directory, **variables)
    return programs.run("mystar", *arguments, directory=directory, environment=given, stdin=stdin, timeout=patience)
