"""Many events at once are a few mails and one digest, and delay no mail about access to an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from aiohttp import web

from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE, OUTBOX
from mystar.kit.outbox.mail import Mailer
from mystar.kit.web.site import SITE
from mystar.notifications.keys import NOTIFICATIONS
from mystar.notifications.tasks import Digests
from mystar.orders.keys import ORDERS
from mystar.settings import Settings
from tests.chat.chat_client import opened, said
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

PER_HOUR = 3


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(NOTIFICATIONS__MAILS_PER_HOUR=PER_HOUR)


async def mails_to(app: web.Application, person: Person) -> list[str]:
    rows = await app[DATABASE].all(
        "select payload from outbox where payload ->> 'to' = %(to)s order by id", to=person.email
    )
    return [row["payload"]["text"] for row in rows]


async def test_many_orders_are_a_few_mails_and_one_digest(api: Api, app: web.Application, factory: Factory) -> None:
    star, buyers = await factory.star("comet"), [await factory.person(f"buyer{n}") for n in range(2)]
    before = len(await mails_to(app, star))
    orders = [await factory.order(buyers[n % 2], star) for n in range(12)]
    placed = (await mails_to(app, star))[before:]
    assert len(placed) == PER_HOUR
    # Another kind has its own hour.
    for order in orders[:5]:
        await app[ORDERS].cancel(actor(buyers[0 if orders.index(order) % 2 == 0 else 1]), order)
    cancelled = (await mails_to(app, star))[before + PER_HOUR :]
    assert len(cancelled) == PER_HOUR
    late = FrozenClock(Clock().now() + timedelta(minutes=61))
    await Digests(
        app[DATABASE], app[NOTIFICATIONS], Mailer(app[OUTBOX], sender="m <m@localhost>", brand=app[SITE].name), late
    ).send()
    (digest,) = (await mails_to(app, star))[before + 2 * PER_HOUR :]
    assert digest.count("новый заказ") == 12 - PER_HOUR
    assert digest.count("отменён") == 5 - PER_HOUR


async def test_many_conversations_are_a_few_mails(api: Api, app: web.Application, factory: Factory) -> None:
    star = await factory.star("comet")
    before = len(await mails_to(app, star))
    for n in range(PER_HOUR + 2):
        stranger = await factory.person(f"fan{n}")
        await said(api, stranger, await opened(api, stranger, star), "Привет")
    assert len(await mails_to(app, star)) - before == PER_HOUR
    waiting = "select count(*) from notifications where account_id = %(id)s and mail_at is not null"
    assert await app[DATABASE].value(waiting, id=star.id) == 2


async def test_a_mail_about_access_leaves_before_hundreds_of_others(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    owner = await factory.person("owner")
    mailer = Mailer(app[OUTBOX], sender="mystar <noreply@localhost>", brand=app[SITE].name)
    async with app[DATABASE].transaction() as tx:
        for n in range(300):
            text = {"what": f"flood {n}", "details": "", "link": ""}
            await mailer.queue(tx, "staff_payouts_stopped", f"star{n}@example.com", "ru", **text)
    answer = await api.post("/password_reset/", {"email": owner.email})
    assert answer.status in (200, 201, 202, 204), await answer.text()
    sent = (
        "select done_at from outbox where topic = 'account_mail' and payload ->> 'to' = %(to)s and done_at is not null"
    )

    await eventually(lambda: app[DATABASE].all(sent, to=owner.email))
    waiting = "select count(*) from outbox where topic = 'mail' and done_at is null"
    assert await app[DATABASE].value(waiting) > 0, "the flood was over before the mail about access left"
