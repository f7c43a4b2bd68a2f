"""Reads that several requests share."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from mystar.kit.postgres.database import Database
from mystar.kit.postgres.gathered import Gathered


async def test_what_is_asked_for_together_is_read_together_and_nothing_is_remembered() -> None:
    readings: list[list[int]] = []

    async def read(keys: Collection[int]) -> dict[int, str]:
        readings.append(sorted(keys))
        await asyncio.sleep(0)
        return {key: f"{key} of {len(readings)}" for key in keys if key}

    gathered = Gathered(read, name="test")
    assert await asyncio.gather(*map(gathered.get, (2, 1, 0, 1))) == ["2 of 1", "1 of 1", None, "1 of 1"]
    assert await gathered.get(1) == "1 of 2"
    assert readings == [[0, 1, 2], [1]]


async def test_a_reading_begins_after_the_question_and_a_slow_one_holds_up_no_other() -> None:
    begun, go_on = [], asyncio.Event()

    async def read(keys: Collection[int]) -> dict[int, int]:
        begun.append(set(keys))
        if 1 in keys and len(begun) == 1:
            await go_on.wait()
        return {key: len(begun) for key in keys}

    gathered = Gathered(read, name="test")
    slow = asyncio.create_task(gathered.get(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await gathered.get(1) == 2, "by a reading of its own"
    assert not slow.done()
    go_on.set()
    assert await slow == 2
    assert begun == [{1}, {1}]


async def test_who_asks_in_the_moment_in_which_all_readings_end_is_answered() -> None:
    go_on, begun = asyncio.Event(), 0

    async def read(keys: Collection[int]) -> dict[int, int]:
        nonlocal begun
        begun += 1
        await go_on.wait()
        return dict.fromkeys(keys, 1)

    gathered = Gathered(read, name="test")
    early = []
    for number in range(3):
        early.append(asyncio.create_task(gathered.get(number)))
        while begun <= number:  # noqa: ASYNC110 - each has a reading of its own
            await asyncio.sleep(0)
    go_on.set()
    # Runs in the turn of the event loop in which the readings end, behind them.
    late = asyncio.create_task(gathered.get(9))
    assert await asyncio.wait_for(asyncio.gather(late, *early), 10) == [1, 1, 1, 1]


async def test_an_error_is_everybodys_of_the_reading_and_clients_that_have_gone_are_left_out() -> None:
    async def read(keys: Collection[int]) -> dict[int, int]:
        await asyncio.sleep(0.01)
        if 3 in keys:
            raise ValueError
        return {key: key for key in keys}

    gathered = Gathered(read, name="test")
    gone, stays = asyncio.create_task(gathered.get(1)), asyncio.create_task(gathered.get(1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 1
    failed = await asyncio.gather(gathered.get(3), gathered.get(4), return_exceptions=True)
    assert list(map(type, failed)) == [ValueError, ValueError]
    assert await gathered.get(4) == 4


async def test_inside_a_transaction_nothing_is_gathered(db: Database) -> None:
    """It would need a second connection, and many of them all of the pool."""

    async def read(keys: Collection[int]) -> dict[int, int]:
        return dict.fromkeys(keys, 1)

    async with db.transaction():
        with pytest.raises(RuntimeError):
            await Gathered(read, name="test").get(1)
