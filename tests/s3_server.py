"""A pytest plugin: a server of the session's own that speaks S3, `rclone serve s3` over a folder."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mystar.kit.storage.s3 import Bucket
from tests.ports import unused_port

ACCESS_KEY, SECRET_KEY, REGION = "tests", "secret-of-the-tests", "us-east-1"


@dataclass
class S3Server:
    """Buckets are folders; what is written into them is there at once."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self, name: str) -> Bucket:
        (self.folder / name).mkdir(exist_ok=True)
        return Bucket(self.url, name, REGION, ACCESS_KEY, SECRET_KEY)

    def start(self) -> None:
        program = str(Path(sys.executable).with_name("rclone"))
        address = ["--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
        # With 0, rclone's cleanup of its directory cache never sleeps and takes a whole core.
        quiet = ["--config", "", "--vfs-cache-mode", "off", "--dir-cache-time", "1ms", "--log-level", "ERROR"]
        command = [program, "serve", "s3", *address, *quiet, str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 15
        while not self._answers():
            assert time.monotonic() < deadline, "the S3 server does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(unused_port(), tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()
