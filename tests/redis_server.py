"""A pytest plugin: a Redis of the session's own; the real one when it is installed, else one that speaks as it does."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakeredis import TcpFakeServer

from tests.ports import unused_port


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = unused_port()
    installed = shutil.which("redis-server")
    serving = _real(installed, port, tmp_path_factory.mktemp("redis")) if installed else _spoken(port)
    with serving:
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def _real(program: str, port: int, directory: Path) -> Iterator[None]:
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield
    finally:
        # Nothing of it is kept.
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def _spoken(port: int) -> Iterator[None]:
    server = TcpFakeServer(("127.0.0.1", port))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
