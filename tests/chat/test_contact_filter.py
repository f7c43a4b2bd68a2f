"""Contacts are held back before the first payment between two people, where the operator wants it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.web.observability import METRICS
from mystar.settings import Settings
from tests.chat.chat_client import heard, opened, said, say
from tests.conftest import Api
from tests.factory import Factory

PHONE = "позвони мне: 8 девятьсот шестнадцать 123-45-67"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(CHAT__HOLD_BACK_CONTACTS=True, HTTP__SITE_URL="https://stars.example")


async def test_contacts_wait_for_the_first_payment_in_every_dialect(
    api: Api, app: web.Application, factory: Factory
) -> None:
    star, buyer = await factory.star(), await factory.person()
    # Greetings and messenger open the conversation with the message: there is none afterwards.
    refused = await api.post("/api/message/", {"user_id": star.id, "message": PHONE}, as_=buyer)
    assert (refused.status, "нельзя обмениваться контактами" in await refused.text()) == (400, True)
    refused = await api.post("/private/start-chat/", {"recipient_id": star.id, "text": PHONE}, as_=buyer)
    assert (refused.status, (await refused.json())["code"]) == (422, "contacts_held_back")
    assert await app[DATABASE].value("select count(*) from conversations") == 0
    counted = app[METRICS].registry.get_sample_value("mystar_chat_contacts_held_back_total", {"kind": "phone"})
    assert counted == 2

    chat = await opened(api, buyer, star)
    refused = await say(api, buyer, chat, PHONE, client_id="mine")
    body = await refused.json()
    assert (refused.status, body["code"]) == (422, "contacts_held_back")
    assert body["errors"]["message"][0].startswith("Сообщение не отправлено: до первой оплаты")
    assert "телефон" in body["errors"]["message"][0]
    english = await api.post(
        f"/api/v1/conversations/{chat}/messages/", {"message": PHONE}, as_=buyer, headers={"Accept-Language": "en"}
    )
    assert "a phone number" in (await english.json())["errors"]["message"][0]
    told = await api.post(f"/private/add-message/{chat}/", {"text": "t.me/ivan"}, as_=star)
    assert (told.status, (await told.json())["code"]) == (422, "contacts_held_back")
    await said(api, buyer, chat, "Смотрите https://stars.example/orders/5/ и 15 000 ₽ до 29.11.2026")
    # Neither by an edit, nor in pieces, nor in an offer.
    message = await said(api, buyer, chat, "восемь")
    path = f"/api/v1/conversations/{chat}/messages/{message['id']}/"
    assert (await api.patch(path, {"message": PHONE}, as_=buyer)).status == 422
    await said(api, buyer, chat, "916 123")
    assert (await (await say(api, buyer, chat, "45 67")).json())["code"] == "contacts_held_back"
    service = await app[DATABASE].value("select id from services")
    offer = {"service_id": service, "price": "5000", "delivery_days": 3, "title": "Ролик", "text": "пишите @star_star"}
    refused = await api.post(f"/api/v1/conversations/{chat}/offers/", offer, as_=star)
    assert (refused.status, (await refused.json())["code"]) == (422, "contacts_held_back")
    assert len(await heard(api, buyer, chat)) == 3

    # The socket says it in a frame of its own, and goes on.
    socket = await api._client.ws_connect(
        f"/ws/conversations/{chat}/", headers={"Authorization": f"Bearer {buyer.token}"}
    )
    await socket.send_json({"message": PHONE, "client_id": "second"})
    frame = await socket.receive_json()
    assert (frame["type"], frame["code"], frame["client_id"]) == ("error", "contacts_held_back", "second")
    await socket.close()
    order = await factory.order(buyer, star)
    await app[DATABASE].execute("update orders set paid_at = now() where id = %(id)s", id=order)
    await said(api, buyer, chat, PHONE, client_id="mine")
    await said(api, star, chat, "t.me/ivan")
    assert (await api.post("/api/message/", {"user_id": star.id, "message": PHONE}, as_=buyer)).status == 200


async def test_staff_may_be_told_everything_and_a_sent_message_stays_sent(api: Api, factory: Factory) -> None:
    staff, person = await factory.staff("operator"), await factory.person()
    chat = await opened(api, person, staff)
    await said(api, person, chat, PHONE)
    await said(api, staff, chat, "help@stars.example")
