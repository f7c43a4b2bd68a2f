"""What stayed unseen comes by mail, once, in one piece, and not to those who do not want it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from mystar.app import create_app
from mystar.chat.keys import CHAT
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE, OUTBOX
from mystar.kit.outbox.mail import Mailer
from mystar.kit.web.site import SITE
from mystar.notifications.keys import NOTIFICATIONS
from mystar.notifications.tasks import Digests
from mystar.orders.keys import ORDERS
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.chat.chat_client import opened, said
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.notifications.notification_requests import LIST, notifications_of
from tests.sandbox_process import SandboxProcess

#: Sentences that tell the mails apart.
DIGEST, PERSONAL, ORDER = "Пока вас не было", "личное сообщение", "новый заказ"


class Post:
    """The mails of a sort that wait to be sent or were sent."""

    def __init__(self, app: web.Application) -> None:
        self._db = app[DATABASE]

    async def mails(self, to: Person, sentence: str = DIGEST) -> list[dict[str, Any]]:
        rows = await self._db.all("select payload from outbox where topic in ('mail', 'account_mail') order by id")
        mails = [row["payload"] for row in rows]
        return [mail for mail in mails if mail["to"] == to.email and sentence in mail["text"]]


@pytest.fixture
def post(app: web.Application, api: Api) -> Post:
    return Post(app)


def digests(app: web.Application, after: timedelta = timedelta(minutes=61)) -> Digests:
    """The task, so much later."""
    mailer = Mailer(app[OUTBOX], sender="mystar <noreply@localhost>", brand=app[SITE].name)
    return Digests(app[DATABASE], app[NOTIFICATIONS], mailer, FrozenClock(Clock().now() + after))


async def write(api: Api, sender: Person, recipient: Person, text: str = "Привет") -> None:
    await said(api, sender, await opened(api, sender, recipient), text)


async def test_notifications_unread_for_an_hour_are_mailed_as_one_digest(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, post: Post
) -> None:
    order = await factory.order(customer, star)
    await app[ORDERS].accept(actor(star), order)
    for sender in (star, await factory.person("petr")):
        await write(api, sender, customer)
    await digests(app, timedelta(minutes=59)).send()
    assert await post.mails(customer) == []
    await digests(app).send()
    (mail,) = await post.mails(customer)
    assert "- Вам пишет comet.\n- Вам пишет petr.\n" in mail["text"]
    # The acceptance had a mail of its own.
    assert "принят" not in mail["text"]
    await digests(app).send()
    assert len(await post.mails(customer)) == 1


async def test_read_and_deleted_notifications_are_not_mailed(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, post: Post
) -> None:
    for number in range(2):
        await write(api, await factory.person(f"friend-{number}"), customer)
    read, removed = await notifications_of(api, customer)
    await api.post(f"{LIST}{read['id']}/mark-as-read/", as_=customer)
    await api.delete(f"{LIST}{removed['id']}/", as_=customer)
    await digests(app).send()
    assert await post.mails(customer) == []


async def test_concurrent_processes_send_one_digest(
    api: Api, app: web.Application, customer: Person, star: Person, post: Post
) -> None:
    await write(api, star, customer)
    await asyncio.gather(*(digests(app).send() for _ in range(8)))
    assert len(await post.mails(customer)) == 1


async def test_a_long_digest_is_cut_and_counted(
    api: Api, app: web.Application, customer: Person, star: Person, post: Post
) -> None:
    await app[DATABASE].execute(
        "update notification_boxes set last_id = 0; insert into notification_boxes (account_id) values (%(id)s);"
        " insert into notifications (id, account_id, kind, data, subject, subject_id, created_at, mail_at)"
        " select nextval('notification_ids'), %(id)s, 'money_returned', jsonb_build_object('order_id', n), 'order', n,"
        " now(), now() from generate_series(1, 25) as n",
        id=customer.id,
    )
    await digests(app).send()
    (mail,) = await post.mails(customer)
    assert mail["subject"] == "MySTAR: что нового (25) — Деньги за заказ №1 возвращены."
    assert mail["text"].count("\n- ") == 21
    assert "- Деньги за заказ №20 возвращены.\n- и ещё 5\n" in mail["text"]


@pytest.mark.parametrize("change", ["email = null, email_key = null", "is_active = false", "email_verified_at = null"])
async def test_unconfirmed_and_blocked_accounts_get_no_digest(
    api: Api, app: web.Application, customer: Person, star: Person, post: Post, change: str
) -> None:
    await write(api, star, customer)
    await app[DATABASE].execute(f"update accounts set {change} where id = %(id)s", id=customer.id)
    await digests(app).send()
    assert await post.mails(customer) == []


async def test_the_digest_is_in_the_language_of_its_reader(
    api: Api, app: web.Application, customer: Person, star: Person, post: Post
) -> None:
    await write(api, star, customer)
    await app[DATABASE].execute("update accounts set language = 'en' where id = %(id)s", id=customer.id)
    await digests(app).send()
    (mail,) = await post.mails(customer, "While you were away")
    assert mail["subject"] == "MySTAR: comet wrote to you."
    assert "comet wrote to you.\n" in mail["text"]
    assert f'href="{await app[NOTIFICATIONS].unsubscribe_link(customer.id)}"'.replace("&", "&amp;") in mail["html"]


async def test_a_star_is_mailed_about_a_personal_message_at_once_and_about_the_next_ones_later(
    api: Api, app: web.Application, customer: Person, star: Person, post: Post
) -> None:
    body = {"user_id": star.id, "from_user": customer.id, "message": "Спасибо за поздравление!"}
    for _ in range(2):
        assert (await api.post("/api/message/", body, as_=customer)).status == 200
    (mail,) = await post.mails(star, PERSONAL)
    assert "olga пишет вам личное сообщение." in mail["text"]
    await digests(app).send()
    assert await post.mails(star) == []

    # She reads and they go on: the conversation is lively, the next mail is a digest.
    await api.post(f"{LIST}mark-all-read/", as_=star)
    await write(api, customer, star)
    assert len(await post.mails(star, PERSONAL)) == 1
    await digests(app).send()
    assert len(await post.mails(star)) == 1


async def test_an_unsubscribed_account_gets_mails_about_orders_only(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, post: Post
) -> None:
    for person in (customer, star):
        await api.patch(f"{LIST}settings/", {"email": False}, as_=person)
        await write(api, *((star, customer) if person is customer else (customer, star)))
    await digests(app).send()
    assert await post.mails(customer) == await post.mails(star) == await post.mails(star, PERSONAL) == []
    await factory.order(customer, star)
    assert len(await post.mails(star, ORDER)) == 1


async def test_the_page_of_an_unsubscribe_link_asks_before_it_unsubscribes(
    api: Api, app: web.Application, customer: Person
) -> None:
    link = await app[NOTIFICATIONS].unsubscribe_link(customer.id)
    page = await api.get(link, language="en")
    assert page.status == 200
    assert "<button" in await page.text()
    assert await app[NOTIFICATIONS].wants_mail(actor(customer))
    # A mail program's own button says exactly this (RFC 8058).
    done = await api.post(link, data={"List-Unsubscribe": "One-Click"})
    assert done.status == 200
    assert "Вы отписались" in await done.text()
    assert not await app[NOTIFICATIONS].wants_mail(actor(customer))
    assert (await api.post(link)).status == 200


async def test_a_forged_unsubscribe_link_does_nothing(
    api: Api, app: web.Application, customer: Person, star: Person
) -> None:
    link = URL(await app[NOTIFICATIONS].unsubscribe_link(customer.id))
    for forged in (
        {"account": star.id},
        {"account": -1},
        {"account": "me"},
        {"sig": "0" * 40},
        {"sig": "я"},
        {"sig": ""},
    ):
        for method in ("GET", "POST"):
            answer = await api.request(method, str(link.update_query(forged)))
            assert answer.status in (403, 422), forged
    page = await api.get(str(link.update_query(sig="0" * 40)), headers={"Accept": "text/html"})
    assert (page.status, page.content_type) == (403, "text/html")
    assert await app[NOTIFICATIONS].wants_mail(actor(star))
    assert await app[NOTIFICATIONS].wants_mail(actor(customer))


async def test_the_running_service_sends_digests(
    make_settings: Callable[..., Settings], sandbox_process: SandboxProcess
) -> None:
    settings = make_settings(NOTIFICATIONS__DIGEST_MINUTES="0.01")
    app = await create_app(settings, settings.database.url)
    async with ApiTestServer(app, host="127.0.0.1", port=settings.http.port):
        factory = Factory(app)
        recipient = await factory.person(email="digest-reader@example.com")
        sender = await factory.person("petr")
        conversation = (await app[CHAT].open(actor(sender), recipient.id)).conversation
        await app[CHAT].send(actor(sender), conversation.id, "Привет")
        mail = await sandbox_process.wait_for_mail("digest-reader@example.com", "Вам пишет petr")
        link = await app[NOTIFICATIONS].unsubscribe_link(recipient.id)
    assert mail["headers"]["List-Unsubscribe"] == f"<{link}>"
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Вам пишет petr." in mail["text"]
