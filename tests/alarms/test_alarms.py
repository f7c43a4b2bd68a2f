"""Alarms are mailed to the owners once when they open and once when they are over, by any number of processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from mystar.alarms.keys import ALARMS
from mystar.alarms.model import amount
from mystar.alarms.repository import AlarmRepository
from mystar.app import create_app
from mystar.audit.keys import AUDIT
from mystar.errors import Unavailable
from mystar.kit import background
from mystar.kit.background import TASK_METRICS
from mystar.kit.clock import MOSCOW
from mystar.kit.keys import DATABASE
from mystar.kit.moments import moment_text
from mystar.kit.outbox.mail import Mailer
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings
from tests.admin.conftest import AsRole, as_role  # noqa: F401 - a fixture
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory
from tests.ports import unused_port

OLD_ROW = """insert into outbox (topic, payload, created_at, next_attempt_at)
    values ('link_request', '{}', now() - interval '1 hour', now() + interval '1 day')"""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
async def app(settings: Settings, clock: FrozenClock) -> web.Application:
    return await create_app(settings, settings.database.url, clock)


class Installation:
    """Judges as two processes would, and reads what was queued."""

    def __init__(self, app: web.Application, clock: FrozenClock) -> None:
        self.app, self._clock, self._db = app, clock, app[DATABASE]

    async def later(self, **time: float) -> list[tuple[str, str]]:
        """Judge twice at once after this time; the mails that came of it, as address and subject."""
        self._clock.moment += timedelta(**time)
        before = await self._db.value("select coalesce(max(id), 0) from outbox")
        await asyncio.gather(self.app[ALARMS].evaluate(), self.app[ALARMS].evaluate())
        mails = await self._db.all(
            "select payload from outbox where id > %(before)s and topic = 'account_mail' order by id", before=before
        )
        return sorted((one["payload"]["to"], one["payload"]["subject"]) for one in mails)

    async def break_outbox(self) -> None:
        await self._db.execute(OLD_ROW)

    async def mend_outbox(self) -> None:
        await self._db.execute("delete from outbox where topic = 'link_request'")

    async def kinds(self) -> set[str]:
        rows = await self._db.all("select kind from alarms where closed_at is null and opened_at is not null")
        return {row["kind"] for row in rows}


@pytest.fixture
def here(app: web.Application, api: Api, clock: FrozenClock) -> Installation:
    return Installation(app, clock)


async def test_an_alarm_is_mailed_once_to_every_owner_and_once_when_it_is_over(
    here: Installation, factory: Factory, api: Api
) -> None:
    ru, en = await factory.staff("owner"), await factory.staff("owner")
    await here.app[DATABASE].execute("update accounts set language = 'en' where id = %(id)s", id=en.id)
    await factory.staff("operator")
    await here.break_outbox()
    # It has to last.
    assert await here.later(seconds=0) == []
    await here.mend_outbox()
    assert await here.later(minutes=2) == []
    await here.break_outbox()
    assert await here.later(seconds=30) == []
    opened = await here.later(seconds=61)
    assert opened == sorted(
        [
            (ru.email, "UGC Market: тревога — Исходящее не отправляется (link_request)"),
            (en.email, "UGC Market: alarm — The outbox is not sent (link_request)"),
        ]
    )
    began: datetime = await here.app[DATABASE].value("select began_at from alarms")
    mail = await here.app[DATABASE].one("select payload from outbox where payload->>'to' = %(to)s", to=ru.email)
    assert f"С {moment_text(began, 'ru', MOSCOW)}." in mail["payload"]["text"]
    assert 'mystar_alarm_open{alarm="outbox_old"} 1.0' in await (await api.get("/metrics")).text()
    assert await here.later(hours=1) == []
    # Better for a moment only.
    await here.mend_outbox()
    assert await here.later(minutes=4) == []
    await here.break_outbox()
    assert await here.later(minutes=4) == []
    await here.mend_outbox()
    closed = await here.later(minutes=5)
    assert closed == sorted(
        [
            (ru.email, "UGC Market: прошло — Исходящее не отправляется (link_request)"),
            (en.email, "UGC Market: over — The outbox is not sent (link_request)"),
        ]
    )
    assert await here.later(minutes=5) == []
    assert 'mystar_alarm_open{alarm="outbox_old"} 0.0' in await (await api.get("/metrics")).text()


async def test_a_process_that_dies_while_it_tells_leaves_the_alarm_to_be_told(
    here: Installation, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = [await factory.staff("owner") for _ in range(2)]
    await here.break_outbox()
    await here.later(seconds=0)
    queue, calls = Mailer.queue, 0

    async def dies_after_the_first(self: Mailer, *positional: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            raise RuntimeError
        await queue(self, *positional, **named)

    monkeypatch.setattr(Mailer, "queue", dies_after_the_first)
    with pytest.raises(RuntimeError):
        await here.later(seconds=90)
    assert await here.kinds() == set()
    monkeypatch.undo()
    assert [to for to, _ in await here.later(seconds=1)] == sorted(one.email for one in owners)


async def test_an_owner_silences_an_alarm_for_a_day(
    here: Installation,
    factory: Factory,
    as_role: AsRole,  # noqa: F811
) -> None:
    owner, operator = await as_role("owner"), await as_role("operator")
    await here.break_outbox()
    await here.later(seconds=0)
    assert len(await here.later(seconds=90)) == 1
    alarm_id = await here.app[DATABASE].value("select id from alarms")
    assert "Не писать" not in await operator.page("/admin/")
    page = await owner.page("/admin/")
    assert "Исходящее не отправляется (link_request)" in page
    assert "тревог 1" in page
    assert "Фоновые задачи</td>" in page
    action = f"/admin/alarms/{alarm_id}/silence/"
    assert action in page
    assert (await operator.post(action)).status == 403
    await owner.do(action)
    page = await owner.page("/admin/")
    assert "Приглушена до" in page
    assert action not in page
    (entry,) = [one for one in await here.app[AUDIT].tail(100) if one.event.action == "alarm_silenced"]
    assert (entry.event.actor_id, entry.event.details["alarm"]) == (owner.person.id, "outbox_old")
    assert entry.event.details["name"] == "link_request"
    assert "тревога приглушена на день" in await owner.page("/admin/audit/")
    # What was told is told to be over; the next one waits for the end of the silence.
    await here.mend_outbox()
    assert len(await here.later(minutes=5)) == 1
    assert (await owner.post(action)).status == 404
    await here.break_outbox()
    assert await here.later(seconds=30) == await here.later(seconds=90) == []
    assert await here.kinds() == {"outbox_old"}
    assert len(await here.later(hours=24)) == 1


async def test_what_opens_again_and_again_is_mailed_a_few_times_a_day(here: Installation, factory: Factory) -> None:
    await factory.staff("owner")
    opened = 0
    for _ in range(6):
        await here.break_outbox()
        await here.later(minutes=1)
        opened += len(await here.later(seconds=90))
        await here.mend_outbox()
        await here.later(minutes=5)
    assert opened == 4


async def test_everything_that_can_be_wrong_is_measured(
    make_settings: Any, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"http://127.0.0.1:{unused_port()}/v3"
    settings = make_settings(
        PAYMENTS__YOOKASSA__URL=nobody,
        ALARMS__FREE_DISK_BYTES=10**18,
        ALARMS__MAILBOX="Duty <duty@example.com>",
        ALARMS__LANGUAGE="en",
    )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = await create_app(settings, settings.database.url, clock)
    app.freeze()
    here = Installation(app, clock)
    try:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await app[PAYMENTS].reconcile()
        await app[ALARMS].mark("backup")
        await app[ALARMS].mark("check", 2)
        await app[ALARMS].mark("payments reconcile", 3)
        await app[ALARMS].mark("earnings reconcile", 0)
        monkeypatch.setattr(background, "_LATE_SECONDS", 0.0)
        app[TASK_METRICS].expect("clearance", 0.0)
        told = await here.later(hours=25)
        assert told == [("duty@example.com", "UGC Market: alarm — The check has found problems and 1 more")]
        assert await here.kinds() == {"reconciliation_differs", "check_failed"}
        await here.later(hours=2)
        expected = {
            "reconciliation_differs",
            "check_failed",
            "backup_late",
            "disk_low",
            "provider_away",
            "task_stopped",
        }
        assert await here.kinds() == expected
        # It is told when it answers again.
        with monkeypatch.context() as broken:
            broken.setattr(AlarmRepository, "lock", _away)
            with pytest.raises(Unavailable):
                await app[ALARMS].evaluate()
        told = await here.later(minutes=2)
        assert await here.kinds() == {*expected, "database_away"}
        assert told == [("duty@example.com", "UGC Market: alarm — The database did not answer")]
    finally:
        await app.cleanup()


async def _away(_: AlarmRepository) -> None:
    raise Unavailable(retry_after=1)


def test_amounts_are_said_in_words_of_both_languages() -> None:
    assert [amount(value, "seconds", "en") for value in (59, 734, 9000, 200_000)] == ["59 s", "12 min", "2 h", "2 days"]
    assert (amount(30, "hours", "ru"), amount(1.5e9, "bytes", "ru"), amount(3, "count", "ru")) == (
        "30 ч",
        "1.5 ГБ",
        "3",
    )
