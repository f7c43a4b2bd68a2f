"""The log behind `/ws/notifications/`: one person's ids become visible in their order, and holes are admitted."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
from aiohttp import web

from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.kit.outbox.texts import TextStore
from mystar.kit.security.tokens import Signer
from mystar.notifications.keys import NOTIFICATIONS
from mystar.notifications.kinds import Kind
from mystar.notifications.model import NotificationCreated, NotificationDraft, Subject
from mystar.notifications.service import NotificationService
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.notifications.notification_requests import notifications_of, unread

SEED = 20_261_121
KEEP = timedelta(days=90)
KEEP_UNREAD = timedelta(days=365)


@pytest.fixture
def service(app: web.Application, api: Api) -> NotificationService:
    return app[NOTIFICATIONS]


def news(person: Person, number: int) -> NotificationDraft:
    return NotificationDraft(person.id, Kind.NEW_ORDER, Subject.ORDER, number, {"order_id": number})


def later(app: web.Application, after: timedelta) -> NotificationService:
    """The service, so much later."""
    return NotificationService(
        app[DATABASE],
        Signer("a key of no importance at all"),
        FrozenClock(Clock().now() + after),
        TextStore(),
        public_url="",
        digest=timedelta(hours=1),
        keep=KEEP,
        keep_unread=KEEP_UNREAD,
        mails_per_hour=20,
    )


async def test_a_reader_misses_nothing_while_many_write(
    app: web.Application, service: NotificationService, customer: Person, star: Person
) -> None:
    db, dice = app[DATABASE], random.Random(SEED)
    people, seen = (customer, star), {customer.id: [0], star.id: [0]}
    writing = True

    async def write(number: int) -> None:
        async with db.transaction() as tx:
            whom = dice.choice([people[:1], people[1:], people, people[::-1]])
            await service.notify(tx, *(news(person, number) for person in whom))
            # Without locks, commits come in another order than ids were assigned.
            await asyncio.sleep(dice.random() * 0.01)

    async def read(person: Person) -> None:
        while True:
            was_writing = writing
            found = await service.after(person.id, seen[person.id][-1], 3)
            seen[person.id].extend(one.id for one in found)
            if not found and not was_writing:
                return

    readers = [asyncio.create_task(read(person)) for person in people]
    for _ in range(15):
        await asyncio.gather(*(write(number) for number in range(4)))
    writing = False
    await asyncio.gather(*readers)
    for person in people:
        rows = await db.all("select id from notifications where account_id = %(id)s order by id", id=person.id)
        assert seen[person.id][1:] == [row["id"] for row in rows]
    assert await service.ends([person.id for person in people]) == {id_: ids[-1] for id_, ids in seen.items()}


async def test_an_account_without_notifications_has_an_empty_log(
    service: NotificationService, customer: Person
) -> None:
    assert await service.after(customer.id, 0, 10) == []
    assert await service.ends([customer.id]) == {}
    assert await service.purged_up_to(customer.id) == 0


async def test_websockets_receive_committed_notifications_only(
    app: web.Application, service: NotificationService, star: Person
) -> None:
    heard: list[int] = []

    async def hear(fact: NotificationCreated) -> None:
        assert fact.account_id == star.id
        heard.append(len(await service.after(star.id, 0, 10)))

    app[DATABASE].events.after_commit(NotificationCreated, hear)
    async with app[DATABASE].transaction() as tx:
        await service.notify(tx, news(star, 1))
        assert heard == []
    assert heard == [1]
    with pytest.raises(RuntimeError):
        async with app[DATABASE].transaction() as tx:
            await service.notify(tx, news(star, 2))
            raise RuntimeError
    assert heard == [1]


async def test_old_notifications_are_purged_and_the_log_reports_the_gap(
    api: Api, app: web.Application, factory: Factory, service: NotificationService, customer: Person, star: Person
) -> None:
    for _ in range(4):
        await factory.order(customer, star)
    ids = [one["id"] for one in reversed(await notifications_of(api, star))]
    for read in (ids[0], ids[2]):
        await service.mark_read(actor(star), read)

    await later(app, KEEP - timedelta(minutes=1)).purge()
    assert len(await notifications_of(api, star)) == 4
    assert await service.purged_up_to(star.id) == 0

    await later(app, KEEP + timedelta(minutes=1)).purge()
    assert [one["id"] for one in reversed(await notifications_of(api, star))] == [ids[1], ids[3]]
    assert await service.purged_up_to(star.id) == ids[2]
    assert await service.ends([star.id]) == {star.id: ids[3]}
    assert await unread(api, star) == 2
    await later(app, KEEP + timedelta(days=1)).purge()
    assert await service.purged_up_to(star.id) == ids[2]

    await later(app, KEEP_UNREAD + timedelta(minutes=1)).purge()
    assert await notifications_of(api, star) == []
    assert await service.purged_up_to(star.id) == ids[3]


async def test_concurrent_purges_and_deletions_do_not_deadlock(
    app: web.Application, service: NotificationService, customer: Person, star: Person
) -> None:
    async with app[DATABASE].transaction() as tx:
        for number in range(50):
            await service.notify(tx, news(star, number), news(customer, number))
    for person in (star, customer):
        await service.mark_all_read(actor(person))
    old = later(app, KEEP * 2)
    await asyncio.gather(old.purge(), old.purge(), service.clear(actor(star)), service.mark_all_read(actor(customer)))
    assert await old.purge() in (0, 1)
    for person in (star, customer):
        assert await service.after(person.id, 0, 10) == []
