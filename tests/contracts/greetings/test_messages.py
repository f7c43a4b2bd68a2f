"""Personal messages as the greetings' clients send and read them (docs/dialects/greetings.md#messages, D31-D32)."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientResponse, web

from mystar.kit.keys import DATABASE
from tests.chat.chat_client import heard, opened, said
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.subtests import as_subtests

DOOR = "/api/message/"


@pytest.fixture
async def fan(factory: Factory) -> Person:
    return await factory.person("fan")


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star("star")


async def write(api: Api, person: Person, to: int, message: str = "hi!", **further: Any) -> ClientResponse:
    return await api.post(DOOR, {"from_user": person.id, "user_id": to, "message": message, **further}, as_=person)


async def between(api: Api, reader: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await api.get(DOOR, params=query, as_=reader)
    assert answer.status == 200
    messages: list[dict[str, Any]] = await answer.json()
    return messages


async def test_messages_of_two_people_are_listed_in_the_order_of_sending(api: Api, fan: Person, star: Person) -> None:
    words = [(fan, star, "hi"), (star, fan, "wru want?"), (fan, star, "nthk"), (star, fan, "well")]
    for person, other, text in words:
        answer = await write(api, person, other.id, text)
        assert (answer.status, await answer.json()) == (200, ["Отправлено"])
    for query in (
        {"user_id": fan.id, "from_user": star.id},
        {"user_id": star.id, "from_user": fan.id},
        {"user_id": star.id},
    ):
        messages = await between(api, fan, **query)
        shown = [{key: one[key] for key in ("chat_id", "from_user", "message_id", "message")} for one in messages]
        assert shown == [
            {"chat_id": fan.id + star.id, "from_user": person.id, "message_id": number, "message": text}
            for number, (person, _, text) in enumerate(words, start=1)
        ]
        assert all(isinstance(one["id"], int) for one in messages)


async def test_ids_may_come_as_text_and_from_user_may_be_left_out(api: Api, fan: Person, star: Person) -> None:
    answer = await api.post(DOOR, {"user_id": str(star.id), "message": "hi"}, as_=fan)
    assert (answer.status, await answer.json()) == (200, ["Отправлено"])


async def test_conversations_whose_ids_have_the_same_sum_are_separate(api: Api, factory: Factory) -> None:
    a, b, c, d = [await factory.person() for _ in range(4)]
    assert a.id + d.id == b.id + c.id
    await write(api, a, d.id, "секрет")
    await write(api, b, c.id, "другой секрет")
    assert [one["message"] for one in await between(api, d, user_id=a.id)] == ["секрет"]
    assert [one["message"] for one in await between(api, b, user_id=c.id)] == ["другой секрет"]


async def test_two_other_peoples_messages_are_forbidden(api: Api, factory: Factory, fan: Person, star: Person) -> None:
    stranger = await factory.person()
    await write(api, fan, star.id)
    refused = await api.get(DOOR, params={"user_id": fan.id, "from_user": star.id}, as_=stranger)
    assert refused.status == 403
    assert isinstance((await refused.json())[0], str)
    forged = await api.post(DOOR, {"from_user": fan.id, "user_id": star.id, "message": "hi"}, as_=stranger)
    assert forged.status == 403
    assert len(await between(api, fan, user_id=star.id)) == 1


async def test_an_empty_conversation_is_a_404_with_the_documented_text(api: Api, fan: Person, star: Person) -> None:
    for other in (star.id, fan.id, star.id + 1000):
        answer = await api.get(DOOR, params={"user_id": other, "from_user": fan.id}, as_=fan)
        assert (answer.status, await answer.json()) == (404, ["сообщений нет"])
    await opened(api, fan, star)
    assert (await api.get(DOOR, params={"user_id": star.id}, as_=fan)).status == 404


async def test_an_undeliverable_message_is_a_404_with_the_documented_text(api: Api, fan: Person, star: Person) -> None:
    assert (await api.post(f"/api/v1/users/{fan.id}/block/", as_=star)).status == 204
    for recipient in (star.id, fan.id, star.id + 1000):
        answer = await write(api, fan, recipient)
        assert (answer.status, await answer.json()) == (404, ["ошибка при отправке"])


@as_subtests
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"message": "hi"}, "user_id"),
        ({"user_id": "x", "message": "hi"}, "user_id"),
        ({"user_id": 1}, "message"),
        ({"user_id": 1, "message": "  "}, "message"),
        ({"user_id": 1, "message": "x" * 257}, "message"),
    ],
)
async def test_a_wrong_field_is_named(api: Api, fan: Person, body: dict[str, Any], field: str) -> None:
    answer = await api.post(DOOR, body, as_=fan)
    assert answer.status == 400
    assert list(await answer.json()) == [field]


async def test_guests_cannot_read_or_write_messages(api: Api) -> None:
    for answer in (await api.post(DOOR, {"user_id": 1, "message": "hi"}), await api.get(DOOR, params={"user_id": 1})):
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert isinstance(await answer.json(), list)


async def test_a_message_appears_in_all_three_dialects(api: Api, fan: Person, star: Person) -> None:
    await write(api, fan, star.id, "из поздравлений")
    chat = await opened(api, star, fan)
    await said(api, star, chat, "из дома")
    added = await api.post(f"/private/add-message/{chat}/", {"text": "из мессенджера"}, as_=fan)
    assert added.status == 200

    words = ["из поздравлений", "из дома", "из мессенджера"]
    assert [one["message"] for one in await between(api, star, user_id=fan.id)] == words
    assert [one["message"] for one in await heard(api, star, chat)] == words[::-1]
    answer = await api.get(f"/private/{chat}/messages", params={"limit": 10, "offset": 0}, as_=star)
    assert [one["text"] for one in await answer.json()] == words[::-1]


async def test_a_long_conversation_is_listed_by_the_thousand_newest_first(
    api: Api, app: web.Application, fan: Person, star: Person
) -> None:
    chat = await opened(api, fan, star)
    await app[DATABASE].execute(
        """with talk as (
            update conversations set last_number = 1001, position = 1001 where id = %(chat)s returning id
        )
        insert into messages (conversation_id, number, position, sender_id, text, sent_at)
        select id, number, number, %(fan)s, number, now() from talk cross join generate_series(1, 1001) as number""",
        chat=chat,
        fan=fan.id,
    )
    answer = await api.get(DOOR, params={"user_id": star.id}, as_=fan)
    assert [one["message_id"] for one in await answer.json()] == list(range(2, 1002))
    assert (answer.headers["X-Total-Count"], answer.links["next"]["url"].query["page"]) == ("1001", "2")
    assert [one["message_id"] for one in await between(api, fan, user_id=star.id, page=2)] == [1]
    assert await between(api, fan, user_id=star.id, page=3) == []

    answer = await api.get(f"/private/{chat}/messages?limit=5000&offset=0", as_=fan)
    assert [one["text"] for one in await answer.json()] == [str(number) for number in range(1001, 1, -1)]


async def test_a_repeated_send_with_a_client_id_is_one_message(api: Api, fan: Person, star: Person) -> None:
    for _ in range(3):
        assert (await write(api, fan, star.id, client_id="1")).status == 200
    assert len(await between(api, star, user_id=fan.id)) == 1
