"""The suites of orders, chat and money through the whole cluster; `front` stands between them and it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

import orjson

from tests.cluster.cluster import running
from tests.cluster.configuration import PLACES, SUPERUSER
from tests.programs import ROOT

#: Of which all tests are run that a service in another process can pass.
SUITES = (
    "tests/test_main_job.py",
    "tests/payments",
    "tests/contracts/greetings/payments",
    "tests/orders",
    "tests/contracts/greetings/orders",
    "tests/contracts/studio/test_orders.py",
    "tests/chat",
    "tests/contracts/messenger",
)


async def run_suites(arguments: Sequence[str]) -> int:
    """pytest's exit code. :param arguments: for pytest; without any, the suites."""
    async with running(services=0) as cluster:
        layout = cluster.layout
        places = {"directory": str(layout.directory), "password": layout.password, "ports": dict(layout.ports)}
        environment = {
            **os.environ,
            PLACES: orjson.dumps(places).decode(),
            # Where the tests make their databases.
            "MYSTAR_DATABASE__URL": layout.dsn("haproxy", SUPERUSER, "postgres"),
            **{f"MYSTAR_{name}": str(value) for name, value in cluster.shared.items()},
        }
        command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "tests.cluster.front", *(arguments or SUITES)]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
