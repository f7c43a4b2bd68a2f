"""One of two processes is killed in the moment in which an alarm opens."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn

from mystar.kit.postgres.migrations import migrate
from tests.harness.service import Service
from tests.promises.faults.environment import Environment
from tests.sandbox_process import SandboxProcess

#: Seconds until both processes judge, which they do ten seconds after their start, and until a mail has arrived: the
#: row of a killed process is sent when its lease of 45 s is over.
_JUDGED, _ARRIVED = 180.0, 180.0
_WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
_QUEUING = """select activity.application_name from pg_locks join pg_stat_activity activity using (pid)
    where relation = 'outbox'::regclass and mode = 'RowExclusiveLock' and not granted
    and activity.query ilike '%%insert%%'
    """
_CLAIMED = "select count(*) from outbox where claimed_until is not null and payload ->> 'to' = %s"
_QUEUED = "select count(*) from outbox where payload ->> 'to' = %s"


class Pair:
    """Two processes over one database, in which the last `mystar check` has found a problem: an alarm at first sight.

    :param mailbox: told of the alarm.
    """

    def __init__(self, env: Environment, dsn: str, sandbox: SandboxProcess, name: str) -> None:
        self.mailbox, self._dsn, self.sandbox = f"{name}@example.com", dsn, sandbox
        self.services = {
            one: Service(
                make_dsn(dsn, application_name=one),
                sandbox,
                env.directory / name / one,
                ALARMS__MAILBOX=self.mailbox,
            )
            for one in ("one", "two")
        }

    async def __aenter__(self) -> Pair:
        for service in self.services.values():
            await service.start().wait_ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        for service in self.services.values():
            service.kill()

    async def mails(self) -> list[dict[str, Any]]:
        return list(await self.sandbox.mails(self.mailbox))

    def queued(self) -> int:
        return int(self.ask(_QUEUED, self.mailbox)[0][0])

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with connected(self._dsn) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()


@contextlib.contextmanager
def connected(dsn: str) -> Iterator[Connection]:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def held_back(dsn: str, *, queuing: bool) -> Iterator[None]:
    """Let nothing judge alarms meanwhile; or, if ``queuing``, let one judge and not queue its mail."""
    with connected(dsn) as connection, connection.cursor() as cursor:
        if queuing:
            cursor.execute("begin; lock table outbox in share mode")
        else:
            cursor.execute("select pg_advisory_lock(hashtext('alarms'))")
        yield


Found = TypeVar("Found")
Moment = Callable[[Pair, str, random.Random], Awaitable[None]]


async def _until(look: Callable[[], Found], what: str = "no alarm is judged") -> Found:
    """What is found, once it is something. :raises AssertionError: it is not in time."""
    began = time.monotonic()
    while not (found := await asyncio.to_thread(look)):
        assert time.monotonic() - began < _JUDGED, what
        await asyncio.sleep(0.02)
    return found


def _prepare(dsn: str) -> None:
    migrate(dsn)
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("insert into health_marks (name, marked_at, problems) values ('check', now(), 1)")


async def waiting(pair: Pair, dsn: str, chance: random.Random) -> None:
    """Both wait for their turn to judge; one is killed."""
    with held_back(dsn, queuing=False):
        await _until(lambda: pair.ask(_WAITING)[0][0] >= 2)
        pair.services[chance.choice(("one", "two"))].kill()


async def queuing(pair: Pair, dsn: str, chance: random.Random) -> None:
    """The one that has opened the alarm, and not yet queued its mail, is killed."""
    with held_back(dsn, queuing=True):
        found = await _until(lambda: pair.ask(_QUEUING))
        pair.services[found[0][0]].kill()


async def sending(pair: Pair, dsn: str, chance: random.Random) -> None:
    """Both are killed while the mail is on its way, and one is started again."""
    await pair.sandbox.faults(smtp={"delay_seconds": 2.0})
    await _until(lambda: pair.ask(_CLAIMED, pair.mailbox)[0][0] > 0)
    for service in pair.services.values():
        service.kill()
    await pair.sandbox.faults()
    await pair.services["one"].start().wait_ready()


async def at_random(pair: Pair, dsn: str, chance: random.Random) -> None:
    """One is killed within a tenth of a second after both could judge."""
    with held_back(dsn, queuing=False):
        await _until(lambda: pair.ask(_WAITING)[0][0] >= 2)
    await asyncio.sleep(chance.uniform(0, 0.1))
    pair.services[chance.choice(("one", "two"))].kill()


async def _mails_of(pair: Pair, what: str) -> int:
    """How often the one mail has arrived. :raises AssertionError: it is lost, or there are two."""
    await _until(pair.queued, f"no mail is queued: {what}")
    began = time.monotonic()
    while not (mails := await pair.mails()):
        assert time.monotonic() - began < _ARRIVED, f"the mail is lost: {what}"
        await asyncio.sleep(0.2)
    assert pair.queued() == 1, f"{pair.queued()} mails are queued: {what}"
    # A mail server that was not heard out gets it again under its name, by which it is known as the same.
    assert len({mail["message_id"] for mail in mails}) == 1, f"mails of several names: {what}"
    return len(mails)


async def alarms_killed(env: Environment) -> None:
    """One of two processes is killed as an alarm opens: its mail is queued once, sent, and never lost (O9)."""
    chance, sandbox, arrived = random.Random(env.seed), env.sandbox(), Counter[str]()
    postgres = env.postgres()
    moments: list[Moment] = [waiting, queuing, sending, *[at_random] * env.size(1, 20)]
    for number, moment in enumerate(moments):
        dsn = postgres.create(f"alarms{number}")
        await asyncio.to_thread(_prepare, dsn)
        async with Pair(env, dsn, sandbox, f"alarm-{number}") as pair:
            await moment(pair, dsn, chance)
            arrived[moment.__name__.replace("_", " ")] += await _mails_of(pair, f"killed {moment.__name__}")
    said = ", ".join(f"{count} after kills {name}" for name, count in arrived.items())
    env.measure(f"{len(moments)} alarms, {len(moments)} mails queued; arrived: {said}")
