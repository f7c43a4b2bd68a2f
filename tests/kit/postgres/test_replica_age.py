"""How old a standby is, judged by positions of the log alone; with servers: `tests/operations/test_replica.py`."""

from __future__ import annotations

from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from mystar.kit.postgres.pool import Pool
from mystar.kit.postgres.queryable import Queryable
from mystar.kit.postgres.replica import Replica


class Server:
    """Answers what both servers are asked: where their logs end. It is its own pool, connection and cursor."""

    def __init__(self, position: int) -> None:
        self.position = position

    async def value(self, _statement: str) -> int:
        return self.position

    async def acquire(self) -> Server:
        return self

    def release(self, _connection: Server) -> None:
        pass

    async def run(self, _statement: str, _values: object = ()) -> Server:
        return self

    def fetchone(self) -> tuple[int]:
        return (self.position,)


class Pair:
    def __init__(self, primary: int, standby: int) -> None:
        self.primary, self.standby = Server(primary), Server(standby)
        self.replica = Replica(cast(Pool, self.standby), 60.0, CollectorRegistry())

    async def is_used(self) -> bool:
        await self.replica.measure(cast(Queryable, self.primary))
        used, _ = await self.replica.run("", (), _nothing)
        return used


def _nothing(_cursor: Any) -> None:
    pass


async def test_a_standby_that_has_replayed_what_was_seen_of_the_primary_is_used() -> None:
    pair = Pair(primary=100, standby=100)
    assert await pair.is_used()
    pair.primary.position = 200
    # As fresh as the moment in which the primary was at 100.
    assert await pair.is_used()


async def test_a_standby_behind_all_that_was_seen_is_not_used() -> None:
    assert not await Pair(primary=100, standby=99).is_used()


@pytest.mark.parametrize("steps", [(90, 101), (50, 99, 100, 300), (99, 101, 102)])
async def test_a_standby_ahead_of_the_new_primary_is_not_used_when_that_has_passed_it(steps: tuple[int, ...]) -> None:
    pair = Pair(primary=100, standby=100)
    assert await pair.is_used()
    # The failover: the new primary has received less, and writes other things at the same places.
    pair.primary.position = 80
    assert not await pair.is_used()
    for step in steps:
        pair.primary.position = step
        assert not await pair.is_used(), step
    # Built anew, it follows the new primary.
    pair.standby.position = pair.primary.position
    assert await pair.is_used()
