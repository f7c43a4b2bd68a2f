"""Whom the load goes to: databases filled to measure with, the service over them, and bare handlers beside it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mystar.demo import scale
from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.postgres.migrations import migrate
from tests.ports import unused_port
from tests.server_process import ROOT, SECRET_KEY, ServerProcess, server_in


@dataclass(frozen=True)
class Target:
    name: str
    port: int
    pid: int


@contextlib.contextmanager
def database(creators: int) -> Iterator[str]:
    """The address of a new one with so many creators and everything in proportion."""
    directory = Path(tempfile.mkdtemp(prefix="mystar-bench-"))
    directory.chmod(0o711)
    embedded = EmbeddedPostgres(directory).start()
    try:
        embedded.create_database("mystar")
        dsn = embedded.dsn("mystar")
        migrate(dsn)
        scale.fill(dsn, creators)
        yield dsn
    finally:
        embedded.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def service(directory: Path, dsn: str, loop: str) -> Iterator[Target]:
    """The service as production runs it: logs in JSON, one line for every request."""
    place = directory / f"mystar-{loop}"
    place.mkdir(parents=True)
    variables = {
        "DATABASE__URL": dsn,
        "HTTP__EVENT_LOOP": loop,
        "DATABASE__POOL_SIZE": 10,
        "PAYMENTS__POLL_SECONDS": 60,
        "PASSWORDS__BCRYPT_COST": 12,
    }
    with server_in(place, **variables) as server:
        yield Target("mystar", server.port, pid(server))


@contextlib.contextmanager
def bare(_directory: Path, dsn: str, loop: str) -> Iterator[Target]:
    port = unused_port()
    command = [sys.executable, "-m", "tests.bench.bare_handlers", dsn, str(port), SECRET_KEY, loop]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the bare server did not start"
            yield Target("bare", port, process.pid)
        finally:
            process.kill()


def pid(server: ServerProcess) -> int:
    assert server.process is not None
    return server.process.pid
