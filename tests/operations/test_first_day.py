"""Mistakes of the first day."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import unused_port
from tests.server_process import START_WITHIN, environment
from tests.waiting import first_line


@pytest.mark.parametrize("profile", ["", "development"])
def test_a_server_without_a_profile_says_that_it_is_for_development(dsn: str, tmp_path: Path, profile: str) -> None:
    variables = environment(tmp_path, DATABASE__URL=dsn, HTTP__PORT=unused_port(), PROFILE=profile)
    if not profile:
        del variables["MYSTAR_PROFILE"]
    said, command = tmp_path / "said", [sys.executable, "-m", "mystar", "serve"]
    with (
        said.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=tmp_path, env=variables) as process,
    ):
        started = b"serves" in first_line(process, START_WITHIN)
        process.send_signal(signal.SIGTERM)
    assert started, said.read_text()
    assert ("this is a DEVELOPMENT server" in said.read_text()) is (not profile)
