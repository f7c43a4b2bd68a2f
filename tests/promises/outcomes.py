"""A pytest plugin that writes the tests of a run, and the outcome of each, as lines of JSON into the file that
PROMISES_OUTCOMES names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

OUTCOMES = "PROMISES_OUTCOMES"
#: Of a test that was collected, and did not come up before the run ended.
NOT_RUN = "not run"


class Writer:
    """Of the process that reports: with several workers, only the controller."""

    def __init__(self, file: Path) -> None:
        self._file, self._has_collected = file, False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._collected([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self._collected(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            line = {"test": report.nodeid, "when": report.when, "outcome": report.outcome, "seconds": report.duration}
            self._write(**line, reason=_reason(report))

    def _collected(self, ids: Sequence[str]) -> None:
        # Every worker collects the same tests.
        if ids and not self._has_collected:
            self._has_collected = True
            self._write(collected=list(ids))

    def _write(self, **line: Any) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _reason(report: pytest.TestReport) -> str:
    """The first line of what a test failed by."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message).partition("\n")[0] if crash else ""


def read(file: Path) -> list[dict[str, Any]]:
    """One dictionary for each report, and one for each test that was collected and not run: ``test, when, outcome,
    seconds``, and of reports ``reason``.
    """
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    reports = [line for line in lines if "test" in line]
    run = {line["test"] for line in reports}
    collected = [test for line in lines for test in line.get("collected", ())]
    missing = [test for test in collected if test not in run]
    return [*reports, *({"test": test, "when": "call", "outcome": NOT_RUN, "seconds": 0.0} for test in missing)]


def pytest_configure(config: pytest.Config) -> None:
    name = os.environ.get(OUTCOMES)
    if name and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(Path(name)), "promises-outcomes")
