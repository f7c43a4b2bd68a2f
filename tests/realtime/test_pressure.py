"""Crowds against a server process of its own, in short; ``python -m tests.realtime.pressure`` measures (T5, T11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from mystar.settings import Settings
from tests.conftest import Api
from tests.realtime.pressure.hostile import hostile
from tests.realtime.pressure.server_under_load import ServerUnderLoad
from tests.realtime.pressure.slow import slow_readers
from tests.realtime.run import prepared
from tests.server_process import server_in


@pytest.fixture
def server(settings: Settings, make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[ServerUnderLoad]:
    """Over the same database as ``app``."""
    variables = {"DATABASE__URL": settings.database.url, "SECRET_KEY": settings.secret_key, "LOG__LEVEL": "error"}
    with server_in(tmp_path, SOCKETS__FRAMES_PER_MINUTE=100_000, **variables) as process:
        assert process.process is not None
        yield ServerUnderLoad(process.port, process.process.pid)


async def test_clients_that_do_not_read_or_send_garbage_cost_little(
    app: web.Application, api: Api, server: ServerUnderLoad
) -> None:
    talks = await prepared(app, 4)
    slow = await slow_readers(server, talks, stuck=100, readers=100, alone=0)
    print(slow)
    assert (slow.stuck, slow.readers) == (100, 100)
    assert slow.most - slow.before < 50
    nonsense = await hostile(server, talks, frames=3000, each=20, seed=11)
    print(nonsense)
    assert set(nonsense.codes) <= {1002, 1003, 1006, 1007, 1009, 4408}
    assert nonsense.after - nonsense.before < 20
