"""A moment of each attack: nothing fails, memory stays, and a normal client is answered. No speed is tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mystar.settings import Settings
from tests.attacks import bodies, connections, requests, uploads
from tests.attacks.registry import ATTACKS, LIMITS, Attack
from tests.attacks.run import Target, run, table
from tests.factory import Factory
from tests.server_process import ServerProcess, server_in

MODULES = (bodies, connections, requests, uploads)


@pytest.fixture
def server(settings: Settings, make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[ServerProcess]:
    """Over the same database as ``app``, with the limits of the default configuration but those of all requests."""
    variables = {"DATABASE__URL": settings.database.url, "SECRET_KEY": settings.secret_key}
    limits = {**LIMITS, "HTTP__CONNECTIONS_PER_ADDRESS": "256", "HTTP__EVENT_LOOP": "uvloop"}
    with server_in(tmp_path, LOG__LEVEL="warning", **variables, **limits) as process:
        yield process


def _is_harmless(answer: str) -> bool:
    return answer == "closed" or not answer.startswith("5")


async def test_a_normal_client_is_answered_during_attacks(server: ServerProcess, factory: Factory) -> None:
    star = await factory.star()
    assert server.process is not None
    target = Target(server.port, server.process.pid, star.token, (star.email, star.password))
    outcomes = [await run(target, one, 0.25) for one in ATTACKS]
    print(table(outcomes))
    for one in outcomes:
        _check(one.attack, one.failures, [status for status in one.answers if not _is_harmless(status)])
        assert one.latencies, one.attack.title
    assert outcomes[-1].memory[1] - outcomes[0].memory[0] < 50
    assert [record for record in server.records() if record.get("level") == "error"] == []


def _check(attack: Attack, failures: int, defects: list[str]) -> None:
    assert (attack.title, failures, defects) == (attack.title, 0, [])
