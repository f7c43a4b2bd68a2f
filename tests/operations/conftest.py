from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess, server_in

Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(dsn: str, tmp_path: Path, sandbox_process: SandboxProcess) -> Iterator[Serve]:
    """Starts servers over this test's database; keywords are MYSTAR_* without the prefix."""
    with ExitStack() as stack:

        def start(**variables: object) -> ServerProcess:
            outside = {
                "DATABASE__URL": dsn,
                "MAIL__HOST": sandbox_process.smtp_host,
                "MAIL__PORT": sandbox_process.smtp_port,
                "PAYMENTS__YOOKASSA__URL": sandbox_process.yookassa,
            }
            return stack.enter_context(server_in(tmp_path, **{**outside, **variables}))

        yield start
