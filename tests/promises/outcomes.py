"""A pytest plugin that writes the outcome of each test as a line of JSON into the file that PROMISES_OUTCOMES names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

OUTCOMES = "PROMISES_OUTCOMES"


class Writer:
    """Of the process that reports: with several workers, only the controller."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            line = {"test": report.nodeid, "when": report.when, "outcome": report.outcome, "seconds": report.duration}
            with self._file.open("a") as file:
                file.write(json.dumps(line) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    name = os.environ.get(OUTCOMES)
    if name and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(Path(name)), "promises-outcomes")
