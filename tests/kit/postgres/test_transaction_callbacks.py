"""What a transaction calls: callbacks after its commit, and listeners of events."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest

from mystar.errors import Conflict, Unavailable
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Tx, assert_no_transaction
from tests.kit.postgres.words_table import WRITE, Written, words

BOTH_LOOPS = True


async def test_after_commit_callbacks_run_in_order_without_a_connection(address: str) -> None:
    db = await Database.connect(address, max_size=1, acquire_timeout=1)
    seen: list[object] = []

    async def first() -> None:
        assert_no_transaction("a follower")
        seen.append(await db.value("select 1"))

    async def second() -> None:
        seen.append("second")

    async with db.transaction() as tx:
        tx.after_commit(first)
        tx.after_commit(second)
        assert seen == []
    assert seen == [1, "second"]
    await db.close()


async def test_a_failing_after_commit_callback_is_logged_and_the_others_run(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    async def failing() -> None:
        raise ZeroDivisionError("of the follower")

    async def during_an_outage() -> None:
        raise Unavailable(retry_after=5) from TimeoutError("of the database")

    async def sound() -> None:
        seen.append("sound")

    with caplog.at_level(logging.WARNING):
        async with db.transaction() as tx:
            tx.after_commit(failing)
            tx.after_commit(during_an_outage)
            tx.after_commit(sound)
    assert seen == ["sound"]
    assert "of the follower" in caplog.text
    (outage,) = [record for record in caplog.records if "of the database" in record.getMessage()]
    assert (outage.levelname, outage.exc_info) == ("WARNING", None), "an outage is no defect"


async def test_after_commit_callbacks_of_a_rolled_back_part_are_not_called(db: Database) -> None:
    seen: list[str] = []

    async def follow() -> None:
        seen.append("called")

    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            tx.after_commit(follow)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        with suppress(ZeroDivisionError):
            async with tx.savepoint():
                tx.after_commit(follow)
                raise ZeroDivisionError
    assert seen == []


async def test_an_event_reaches_listeners_in_the_transaction_and_after_it(db: Database, events: Events) -> None:
    heard: list[str] = []

    async def share(tx: Tx, event: Written) -> None:
        heard.append(f"shared {event.word}")
        await tx.execute(WRITE, word=event.word * 2)

    async def share_too(tx: Tx, event: Written) -> None:
        heard.append(f"shared too {event.word}")

    async def follow(event: Written) -> None:
        heard.append(f"followed {event.word}")

    events.after_commit(Written, follow)
    events.on(Written, share)
    events.on(Written, share_too)
    async with db.transaction() as tx:
        await tx.publish(Written("a"))
        await tx.publish("an event without listeners")
        assert heard == ["shared a", "shared too a"]
    assert heard == ["shared a", "shared too a", "followed a"]
    assert await words(db) == ["aa"]


async def test_a_failing_listener_rolls_the_transaction_back(db: Database, events: Events) -> None:
    async def refuse(tx: Tx, event: Written) -> None:
        raise Conflict

    events.on(Written, refuse)
    with pytest.raises(Conflict):
        async with db.transaction() as tx:
            await tx.execute(WRITE, word="a")
            await tx.publish(Written("a"))
    assert await words(db) == []
