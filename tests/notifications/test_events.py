"""Which events write which notifications for whom, in the transaction of their cause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.chat.model import ReadMark, ReadMoved
from mystar.chat.repository import ChatRepository
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Tx
from mystar.orders.keys import ORDERS
from tests.chat.chat_client import mark, opened, said
from tests.conftest import Api
from tests.factory import Factory, Person, actor, video
from tests.files.uploading import form
from tests.notifications.notification_requests import LIST, kinds, notifications_of, unread
from tests.sandbox_process import SandboxProcess
from tests.waiting import behind, eventually


@pytest.fixture
async def order(factory: Factory, customer: Person, star: Person) -> int:
    return await factory.order(customer, star)


async def deliver(api: Api, star: Person, order: int) -> None:
    body = form(star_id=star.id, order_id=order, video_con=("mum.mp4", video()))
    assert (await api.post("/api/upload/congritulatoin/", data=body, as_=star)).status == 201


def has_heard(api: Api, person: Person, *expected: str) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await kinds(api, person) == list(expected)

    return ask


async def test_each_step_of_an_order_notifies_a_party(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order: int,
) -> None:
    await factory.hold(order, sandbox_process)
    await app[ORDERS].accept(actor(star), order)
    await deliver(api, star, order)
    await app[ORDERS].request_revision(actor(customer), order, "Громче")
    await deliver(api, star, order)
    await app[ORDERS].approve(actor(customer), order)
    assert await kinds(api, star) == ["new_order", "order_paid", "revision_requested", "order_completed"]
    assert await kinds(api, customer) == ["order_accepted", "delivery", "delivery"]
    assert [one["message"] for one in await notifications_of(api, customer)] == [
        *[f"Заказ №{order} выполнен, посмотрите результат."] * 2,
        f"Заказ №{order} принят.",
    ]


async def test_a_rejection_notifies_with_its_reason_and_the_returned_money(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order: int,
) -> None:
    await factory.hold(order, sandbox_process)
    await app[ORDERS].reject(actor(star), order, "Уезжаю на гастроли")
    await eventually(has_heard(api, customer, "order_rejected", "money_returned"))
    assert (await notifications_of(api, customer))[1]["data"]["reason"] == "Уезжаю на гастроли"
    assert await kinds(api, star) == ["new_order", "order_paid"]


async def test_a_cancellation_notifies_the_other_party(
    api: Api, app: web.Application, customer: Person, star: Person, order: int
) -> None:
    await app[ORDERS].cancel(actor(customer), order, "Передумали")
    assert await kinds(api, star) == ["new_order", "order_cancelled"]
    assert await kinds(api, customer) == []


async def test_a_dispute_notifies_the_other_party_and_its_end_both_parties(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, order: int
) -> None:
    await deliver(api, star, order)
    await app[ORDERS].dispute(actor(customer), order, "Не то имя")
    assert await kinds(api, star) == ["new_order", "dispute"]
    assert await kinds(api, customer) == ["delivery"]
    await app[ORDERS].approve(actor(await factory.staff("operator"), "operator"), order)
    assert (await kinds(api, star))[-1] == (await kinds(api, customer))[-1] == "dispute_settled"


async def test_a_failed_payment_notifies_the_customer_once(
    api: Api, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    link = await api.get("/api/order/pay/", params={"order_id": order}, as_=customer)
    assert (await api.get((await link.json())["link"])).status == 302
    payment = await sandbox_process.find_payment(order_id=str(order))
    await sandbox_process.decline(payment["id"])
    await eventually(has_heard(api, customer, "payment_failed"))
    assert await kinds(api, star) == ["new_order"]


async def test_a_rolled_back_event_notifies_no_account(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person
) -> None:
    with pytest.raises(RuntimeError):
        async with app[DATABASE].shared():
            await factory.order(customer, star)
            raise RuntimeError
    assert await notifications_of(api, star) == []


async def test_messages_of_a_conversation_have_one_unread_notification(
    api: Api, customer: Person, star: Person
) -> None:
    conversation = await opened(api, customer, star)
    for text in ("Здравствуйте!", "Вы тут?", "Ау!"):
        await said(api, customer, conversation, text)
    (one,) = await notifications_of(api, star)
    assert (one["type"], one["title"], one["message"]) == ("message", "Новое сообщение", "Вам пишет olga.")
    assert one["data"]["sender"] == {"id": customer.id, "username": "olga"}
    assert one["link"] == f"/conversations/{conversation}"
    assert await notifications_of(api, customer) == []

    await api.post(f"{LIST}{one['id']}/mark-as-read/", as_=star)
    await said(api, customer, conversation, "И ещё")
    assert [one["is_read"] for one in await notifications_of(api, star)] == [False, True]


async def test_reading_a_conversation_marks_its_notification(api: Api, customer: Person, star: Person) -> None:
    conversation = await opened(api, customer, star)
    for text in ("раз", "два"):
        await said(api, customer, conversation, text)
    await mark(api, star, conversation, 1)
    assert await unread(api, star) == 1
    await mark(api, star, conversation)
    assert await unread(api, star) == 0


async def test_each_conversation_has_a_notification_of_its_own(
    api: Api, factory: Factory, customer: Person, star: Person
) -> None:
    other = await factory.person("petr")
    for person in (customer, other, customer, other):
        await said(api, person, await opened(api, person, star), "Привет")
    assert [one["data"]["sender"]["username"] for one in await notifications_of(api, star)] == ["petr", "olga"]


async def test_braces_in_a_name_are_not_placeholders(
    api: Api, app: web.Application, factory: Factory, star: Person
) -> None:
    person = await factory.person("a{data}b")
    await said(api, person, await opened(api, person, star), "Привет")
    assert (await notifications_of(api, star))[0]["message"] == "Вам пишет a{data}b."


async def test_a_notification_of_an_unknown_kind_is_shown(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, order: int
) -> None:
    await app[DATABASE].execute("update notifications set kind = 'levitation', subject = 'carpet'")
    (one,) = await notifications_of(api, star)
    assert (one["type"], one["message"], one["link"]) == ("levitation", "У вас новое уведомление.", "")
    await app[DATABASE].execute("update notifications set kind = 'order_paid', data = '{}'")
    assert (await notifications_of(api, star))[0]["message"] == "Заказ оплачен"


async def test_a_message_that_waits_for_the_reader_of_the_others_notifies_again(
    api: Api, app: web.Application, factory: Factory
) -> None:
    anna, boris = await factory.person("anna"), await factory.person("boris")
    chat = await opened(api, anna, boris)
    await said(api, anna, chat, "Hello")

    async def read(tx: Tx) -> None:
        chats = ChatRepository(tx)
        number = (await chats.lock(chat)).last_number
        reader = (await chats.move_read_mark(chat, boris.id, number)).member(boris.id)
        await tx.publish(ReadMoved(ReadMark(chat, reader.read_position, boris.id, number)))

    await behind(app[DATABASE], read, lambda: app[CHAT].send(actor(anna), chat, "Are you there?"))
    assert (await kinds(api, boris), await unread(api, boris)) == (["message", "message"], 1)
