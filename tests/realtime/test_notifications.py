"""`/ws/notifications/`: what one is told, as it happens, in one's own language."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.notifications.keys import NOTIFICATIONS
from mystar.notifications.kinds import Kind
from mystar.notifications.model import NotificationDraft, Subject
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.realtime.conftest import Pair, WebSockets


async def notify(app: web.Application, person: Person, *order_ids: int) -> list[int]:
    notifications = app[NOTIFICATIONS]
    for order_id in order_ids:
        news = NotificationDraft(person.id, Kind.NEW_ORDER, Subject.ORDER, order_id, {"order_id": order_id})
        async with app[DATABASE].transaction() as tx:
            await notifications.notify(tx, news)
    return [one.id for one in await notifications.after(person.id, 0, 100)][-len(order_ids) :]


async def test_notifications_have_the_documented_shape(
    app: web.Application, websockets: WebSockets, factory: Factory
) -> None:
    person = await factory.person(channel="market")
    socket = await websockets.open("/ws/notifications/", person)
    (told,) = await notify(app, person, 7)
    heard = await socket.hear()
    assert (heard["id"], heard["type"], heard["message"], heard["is_read"]) == (
        told,
        "new_order",
        "У вас новый заказ!",
        False,
    )
    assert heard["data"]["order_id"] == 7
    assert "created_at" in heard


async def test_each_connection_gets_its_own_language(app: web.Application, websockets: WebSockets, pair: Pair) -> None:
    russian = await websockets.open("/ws/notifications/", pair.anna, headers={"Accept-Language": "ru"})
    english = await websockets.open("/ws/notifications/", pair.anna, headers={"Accept-Language": "en"})
    stranger = await websockets.open("/ws/notifications/", pair.boris)
    await notify(app, pair.anna, 1)
    one, other = await russian.hear(), await english.hear()
    assert (one["id"], one["message"]) == (other["id"], "У вас новый заказ!")
    assert other["message"] == "You have a new order!"
    assert await stranger.silent()


async def test_missed_notifications_are_replayed_in_order(
    app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    first, *missed = await notify(app, pair.anna, 1, 2, 3, 4)
    socket = await websockets.open("/ws/notifications/", pair.anna, params={"after": first})
    (live,) = await notify(app, pair.anna, 5)
    frames = await socket.hear_several(5)
    assert [frame["id"] for frame in frames if "id" in frame] == [*missed, live]
    assert {"type": "resumed", "after": first} in frames


async def test_purged_notifications_are_a_gap(
    app: web.Application, db: Database, websockets: WebSockets, pair: Pair
) -> None:
    first, second, third = await notify(app, pair.anna, 1, 2, 3)
    await db.execute(
        "update notification_boxes set forgotten_id = %(id)s where account_id = %(anna)s", id=second, anna=pair.anna.id
    )
    whole = await websockets.open("/ws/notifications/", pair.anna, params={"after": second})
    assert [(await whole.hear()).get("id"), (await whole.hear())["type"]] == [third, "resumed"]
    broken = await websockets.open("/ws/notifications/", pair.anna, params={"after": first})
    assert await broken.hear() == {"type": "gap", "after": first}
    (live,) = await notify(app, pair.anna, 4)
    assert (await broken.hear())["id"] == live


async def test_a_chat_message_is_a_notification(
    api: Api, app: web.Application, websockets: WebSockets, pair: Pair
) -> None:
    socket = await websockets.open("/ws/notifications/", pair.boris)
    await app[CHAT].send(actor(pair.anna), pair.id, "Здравствуйте")
    heard = await socket.hear()
    assert (heard["type"], heard["data"]["conversation_id"]) == ("message", pair.id)
    answer = await api.get("/api/v1/notifications/", as_=pair.boris)
    assert [one["id"] for one in (await answer.json())["results"]] == [heard["id"]]


async def test_the_websocket_of_notifications_refuses_frames(websockets: WebSockets, pair: Pair) -> None:
    socket = await websockets.open("/ws/notifications/", pair.anna, headers={"Accept-Language": "en"})
    await socket.say(message="hello?")
    heard: dict[str, Any] = await socket.hear()
    assert (heard["type"], heard["code"]) == ("error", "nobody_listens")
