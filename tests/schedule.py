"""A pytest plugin: how many workers share the tests, and which tests come first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: Files with tests of many seconds: begun last, one of them would go on alone at the end.
_LONG = (
    "test_kills.py",
    "test_payout_kills.py",
    "test_main_job.py",
    "test_wheel.py",
    "test_attacks.py",
    "test_typescript.py",
    "test_python.py",
    "test_loader.py",
    "test_run.py",
    "test_sending.py",
    "test_deals.py",
    "test_backup.py",
    "test_several_processes.py",
    "test_outage.py",
    "test_serving.py",
    "test_first_day.py",
    "test_hosts.py",
    "test_embedded.py",
    "test_bus.py",
    "test_quota.py",
    "test_metrics.py",
    "test_session_settings.py",
    "test_system.py",
)
#: Its tests are long too, and share one Chromium.
_BROWSER = Path(__file__).with_name("browser")


def pytest_xdist_auto_num_workers() -> int:
    """Two more than cores: some tests wait for a timeout, a restart or a look at the outbox."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The share of each worker, which is handed out in one piece, begins with its part of the long ones."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.path.name in _LONG]
    others = [item for item in items if item.path.name not in _LONG]
    # One after the other, for the first worker.
    others.sort(key=lambda item: not item.path.is_relative_to(_BROWSER))
    items[:] = [
        item
        for worker in range(workers)
        for item in (
            *long[worker::workers],
            *others[worker * len(others) // workers : (worker + 1) * len(others) // workers],
        )
    ]
