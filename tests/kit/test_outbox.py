"""The outbox: messages are sent at least once, in order, each under one idempotency key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone
from mystar.kit.outbox.outbox import LEASE, Outbox, back_off
from mystar.kit.postgres.database import Database
from tests.clock import FrozenClock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Receiver:
    """A receiver that records messages and fails on demand."""

    def __init__(self) -> None:
        self.got: list[OutboxMessage] = []
        self.fail: Callable[[OutboxMessage], Exception | None] = lambda message: None
        self.pause = 0.0
        self.at_once = self.most_at_once = 0
        self.busy = asyncio.Event()

    async def receive(self, message: OutboxMessage) -> None:
        self.busy.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.pause)
            self.got.append(message)
            if error := self.fail(message):
                raise error
        finally:
            self.at_once -= 1

    @property
    def words(self) -> list[object]:
        return [message.payload["word"] for message in self.got]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def clock() -> FrozenClock:
    """Ahead of the database's clock, so that a row written just now is due."""
    return FrozenClock(datetime.now(UTC) + timedelta(seconds=2))


@pytest.fixture
async def outbox(db: Database, receiver: Receiver, clock: FrozenClock) -> AsyncIterator[Outbox]:
    outbox = Outbox(db, clock)
    outbox.handle("words", receiver.receive)
    yield outbox
    await outbox.stop()


async def put(outbox: Outbox, db: Database, word: str, **how: object) -> int:
    async with db.transaction() as tx:
        return await outbox.put(tx, "words", {"word": word}, **how)  # type: ignore[arg-type]


async def test_messages_are_sent_in_order_after_their_commit(outbox: Outbox, db: Database, receiver: Receiver) -> None:
    outbox.start()
    ids = [await put(outbox, db, word) for word in ("one", "two", "three")]
    assert await outbox.wait(ids[-1], 5)
    assert receiver.words == ["one", "two", "three"]


async def test_a_rolled_back_message_is_never_sent(outbox: Outbox, db: Database, receiver: Receiver) -> None:
    outbox.start()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await outbox.put(tx, "words", {"word": "no"})
            raise ZeroDivisionError
    assert await outbox.wait(await put(outbox, db, "yes"), 5)
    assert receiver.words == ["yes"]


async def test_a_message_of_the_same_name_is_sent_once(outbox: Outbox, db: Database, receiver: Receiver) -> None:
    first = await put(outbox, db, "once", name="payment:17:capture")
    again = await put(outbox, db, "twice", name="payment:17:capture")
    assert first == again
    outbox.start()
    assert await outbox.wait(first, 5)
    assert await put(outbox, db, "later", name="payment:17:capture") == first
    assert await outbox.wait(await put(outbox, db, "other"), 5)
    assert receiver.words == ["once", "other"]


async def test_a_failed_attempt_is_retried_with_the_same_key(
    outbox: Outbox, db: Database, receiver: Receiver, clock: FrozenClock
) -> None:
    receiver.fail = lambda message: OSError("no route") if message.attempts < 3 else None
    message_id = await put(outbox, db, "again")
    outbox.start()
    for _ in range(50):
        clock.moment += timedelta(seconds=10)
        if await outbox.wait(message_id, 0.3):
            break
    assert [message.attempts for message in receiver.got] == [1, 2, 3]
    assert len({message.idempotency_key for message in receiver.got}) == 1


async def test_a_postponed_message_is_not_sent_before_its_time(
    outbox: Outbox, db: Database, receiver: Receiver, clock: FrozenClock
) -> None:
    receiver.fail = lambda message: Postpone(600, "the shop is closed") if len(receiver.got) == 1 else None
    message_id = await put(outbox, db, "later")
    outbox.start()
    assert not await outbox.wait(message_id, 0.5)
    clock.moment += timedelta(seconds=590)
    assert not await outbox.wait(message_id, 1.2)
    clock.moment += timedelta(seconds=11)
    assert await outbox.wait(message_id, 5)
    assert [message.attempts for message in receiver.got] == [1, 1], "what was put off was not an attempt"


async def test_a_given_up_message_stays_marked_as_failed(outbox: Outbox, db: Database, receiver: Receiver) -> None:
    receiver.fail = lambda message: GiveUp("no such mailbox") if message.payload["word"] == "bad" else None
    bad = await put(outbox, db, "bad")
    outbox.start()
    assert await outbox.wait(bad, 5), "over is over, whatever the end"
    assert await outbox.wait(await put(outbox, db, "good"), 5)
    assert receiver.words == ["bad", "good"]
    (topic,) = await outbox.waiting()
    assert (topic["topic"], topic["waiting"], topic["failed"]) == ("words", 0, 1)
    row = await db.one("select last_error, failed_at is not null as failed from outbox where id = %(id)s", id=bad)
    assert row == {"last_error": "no such mailbox", "failed": True}


async def test_a_message_with_a_start_time_waits_for_it(
    outbox: Outbox, db: Database, receiver: Receiver, clock: FrozenClock
) -> None:
    message_id = await put(outbox, db, "tomorrow", after=clock.moment + timedelta(hours=1))
    outbox.start()
    assert not await outbox.wait(message_id, 0.3)
    clock.moment += timedelta(hours=1, seconds=1)
    assert await outbox.wait(message_id, 5)


async def test_after_the_clock_is_set_back_earlier_messages_are_due_except_those_with_a_start_time(
    outbox: Outbox, db: Database, receiver: Receiver, clock: FrozenClock
) -> None:
    """Promise O6: set back while no process runs, and while one does."""
    hour, sent_after = timedelta(hours=1), clock.moment + timedelta(hours=2)
    written = await put(outbox, db, "written by the old clock")
    ahead = "update outbox set created_at = created_at + %(by)s, next_attempt_at = next_attempt_at + %(by)s"
    await db.execute(ahead, by=hour)
    outbox.start()
    assert await outbox.wait(written, 5)

    receiver.fail = lambda message: OSError("no route") if message.attempts == 1 else None
    clock.moment += hour
    later = await put(outbox, db, "later", after=sent_after)
    postponed = await put(outbox, db, "postponed by the old clock")
    assert not await outbox.wait(postponed, 1.5)
    clock.moment -= hour
    assert await outbox.wait(postponed, 5)
    assert not await outbox.wait(later, 0)


async def test_a_message_of_a_killed_process_is_sent_after_its_lease(
    outbox: Outbox, db: Database, receiver: Receiver, clock: FrozenClock
) -> None:
    message_id = await put(outbox, db, "orphan")
    dead = Outbox(db, clock)
    (claimed,) = await dead._claim("words", 1)
    outbox.start()
    assert not await outbox.wait(message_id, 0.5)
    clock.moment += timedelta(seconds=LEASE + 1)
    assert await outbox.wait(message_id, 5)
    assert [message.idempotency_key for message in receiver.got] == [claimed.idempotency_key]
    assert receiver.got[0].attempts == 2


async def test_several_processes_share_messages_and_send_none_twice(
    db: Database, dsn: str, receiver: Receiver, clock: FrozenClock
) -> None:
    databases = [db, await Database.connect(dsn, max_size=3)]
    outboxes = [Outbox(database, clock) for database in databases]
    ids = [await put(outboxes[0], db, str(number)) for number in range(40)]
    for outbox in outboxes:
        outbox.handle("words", receiver.receive, concurrency=4)
        outbox.start()
    assert all([await outboxes[1].wait(message_id, 10) for message_id in ids])
    for outbox in outboxes:
        await outbox.stop()
    assert sorted(map(int, map(str, receiver.words))) == list(range(40))
    await databases[1].close()


async def test_concurrency_is_bounded(outbox: Outbox, db: Database, receiver: Receiver) -> None:
    receiver.pause = 0.05
    outbox.handle("words", receiver.receive, concurrency=3)
    ids = [await put(outbox, db, str(number)) for number in range(9)]
    outbox.start()
    for message_id in ids:
        assert await outbox.wait(message_id, 5)
    assert receiver.most_at_once == 3


async def test_stopping_finishes_the_message_being_sent_and_starts_no_other(
    outbox: Outbox, db: Database, receiver: Receiver
) -> None:
    receiver.pause = 0.3
    first, second = await put(outbox, db, "first"), await put(outbox, db, "second")
    outbox.start()
    await receiver.busy.wait()
    await outbox.stop()
    assert receiver.words == ["first"]
    assert await outbox.wait(first, 0)
    assert not await outbox.wait(second, 0)


async def test_old_sent_messages_are_purged_and_failed_ones_are_kept(
    outbox: Outbox, db: Database, receiver: Receiver, clock: FrozenClock
) -> None:
    receiver.fail = lambda message: GiveUp("never") if message.payload["word"] == "bad" else None
    ids = [await put(outbox, db, word) for word in ("good", "bad")]
    outbox.start()
    for message_id in ids:
        assert await outbox.wait(message_id, 5)
    assert await outbox.purge(timedelta(days=30)) == 0
    clock.moment += timedelta(days=31)
    assert await outbox.purge(timedelta(days=30)) == 1
    assert await db.all("select id from outbox") == [{"id": ids[1]}]


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    assert 0.8 <= back_off(1) <= 1
    assert 1.6 <= back_off(2) <= 2
    assert 720 <= back_off(11) <= 900
    assert 720 <= back_off(10**6) <= 900
    assert 24 <= back_off(10, max_pause=30) <= 30
