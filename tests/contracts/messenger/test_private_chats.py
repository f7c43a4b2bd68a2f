"""Private chats as the messenger's clients use them (docs/dialects/messenger.md, D31)."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.conftest import Api
from tests.factory import Factory, Person, picture
from tests.files.uploading import form
from tests.subtests import as_subtests


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person("anna", channel="messenger")


@pytest.fixture
async def boris(factory: Factory) -> Person:
    return await factory.person("boris", channel="messenger")


@pytest.fixture
async def chat(api: Api, anna: Person, boris: Person) -> int:
    answer = await start(api, anna, boris.id)
    assert answer.status == 200
    return int((await answer.json())["chat_id"])


async def start(api: Api, person: Person, recipient_id: Any, **further: Any) -> ClientResponse:
    return await api.post("/private/start-chat/", {"recipient_id": recipient_id, **further}, as_=person)


async def add(api: Api, person: Person, chat: int, text: Any, **further: Any) -> ClientResponse:
    return await api.post(f"/private/add-message/{chat}/", {"text": text, **further}, as_=person)


async def read(api: Api, person: Person, chat: int, limit: int = 10, offset: int = 0) -> list[dict[str, Any]]:
    answer = await api.get(f"/private/{chat}/messages", params={"limit": limit, "offset": offset}, as_=person)
    assert answer.status == 200
    messages: list[dict[str, Any]] = await answer.json()
    return messages


async def refused(answer: ClientResponse, status: int, detail: str | None = None) -> None:
    body = await answer.json()
    assert answer.status == status, body
    assert {"detail", "message", "code"} <= set(body)
    assert detail in (None, body["detail"])


async def test_a_chat_begins_with_a_message_or_without(api: Api, factory: Factory, anna: Person) -> None:
    for text, expected in (({"text": "Привет"}, ["Привет"]), ({"text": None}, []), ({}, [])):
        recipient = await factory.person()
        answer = await start(api, anna, recipient.id, **text)
        body = await answer.json()
        assert (answer.status, list(body)) == (200, ["chat_id"])
        assert [one["text"] for one in await read(api, recipient, body["chat_id"])] == expected


async def test_opening_a_chat_twice_is_refused(api: Api, anna: Person, boris: Person, chat: int) -> None:
    for person, other in ((anna, boris), (boris, anna)):
        again = await start(api, person, other.id, text="Ещё раз")
        await refused(again, 400, "current user already have chat with this recipient")
    assert await read(api, anna, chat) == []


async def test_a_chat_with_oneself_is_refused(api: Api, anna: Person) -> None:
    await refused(await start(api, anna, anna.id), 400, "current user cannot by recipient")
    await refused(await start(api, anna, anna.id + 1000), 400, "recipient user not found")


@as_subtests
@pytest.mark.parametrize("body", [{}, {"recipient_id": "x"}, {"recipient_id": 1, "text": "x" * 2001}])
async def test_wrong_fields_are_named(api: Api, anna: Person, body: dict[str, Any]) -> None:
    answer = await api.post("/private/start-chat/", body, as_=anna)
    await refused(answer, 422)
    assert (await answer.json())["errors"]


async def test_messages_come_newest_first_with_their_owners_and_answers(
    api: Api, anna: Person, boris: Person, chat: int
) -> None:
    image = (
        await (
            await api.post("/api/upload/avatar/", data=form(user_id=boris.id, image=("me.jpg", picture())), as_=boris)
        ).json()
    )["image"]
    added = await add(api, anna, chat, "Придёшь?")
    assert (added.status, await added.json()) == (200, {"detail": "Success add."})
    (question,) = await read(api, boris, chat)
    await add(api, boris, chat, "Да", message_answer_id=question["id"])
    await add(api, anna, chat, "Ура", message_answer_id=0)

    messages = await read(api, anna, chat)
    shown = [{key: one[key] for key in ("text", "answer", "chat_id", "message_owner")} for one in messages]
    owners = [
        {"id": anna.id, "username": "anna", "avatar_url": ""},
        {"id": boris.id, "username": "boris", "avatar_url": api.url + image},
    ]
    assert shown == [
        {"text": "Ура", "answer": 0, "chat_id": chat, "message_owner": owners[0]},
        {"text": "Да", "answer": question["id"], "chat_id": chat, "message_owner": owners[1]},
        {"text": "Придёшь?", "answer": 0, "chat_id": chat, "message_owner": owners[0]},
    ]


async def test_any_part_of_a_chat_can_be_read(api: Api, anna: Person, chat: int) -> None:
    for number in range(5):
        await add(api, anna, chat, f"{number}")
    for limit, offset, expected in ((2, 0, "43"), (2, 1, "32"), (1, 4, "0"), (3, 4, "0"), (5, 5, ""), (9, 10**9, "")):
        assert "".join(one["text"] for one in await read(api, anna, chat, limit, offset)) == expected
    answer = await api.get(f"/private/{chat}/messages/?limit=5000&offset=0", as_=anna)
    assert (answer.status, answer.headers["X-Total-Count"]) == (200, "5")
    for query in ("", "?limit=&offset=", "?limit=0&offset=0", "?limit=1&offset=-1", "?limit=x&offset=0", "?limit=1"):
        await refused(await api.get(f"/private/{chat}/messages{query}", as_=anna), 422)


async def test_an_empty_chat_is_an_empty_list(api: Api, boris: Person, chat: int) -> None:
    assert await read(api, boris, chat) == []


async def test_an_invalid_message_is_refused(api: Api, factory: Factory, anna: Person, chat: int) -> None:
    for text in ("", "  ", None, "x" * 2001):
        await refused(await add(api, anna, chat, text), 422)
    await refused(await add(api, anna, chat, "Да", message_answer_id=-1), 422)
    other = int((await (await start(api, anna, (await factory.person()).id, text="Там")).json())["chat_id"])
    (elsewhere,) = await read(api, anna, other)
    for answer in (elsewhere["id"], 10**9):
        await refused(await add(api, anna, chat, "Да", message_answer_id=answer), 400, "answer message not found")
    assert (await add(api, anna, chat, "x" * 2000)).status == 200


async def test_a_chat_names_its_starter(api: Api, anna: Person, boris: Person, chat: int) -> None:
    for person in (anna, boris):
        answer = await api.get(f"/private/{chat}/info/", as_=person)
        assert (answer.status, await answer.json()) == (
            200,
            {
                "id": chat,
                "chat_starter": {"id": anna.id, "username": "anna", "avatar_url": ""},
                "chat_recipient": {"id": boris.id, "username": "boris", "avatar_url": ""},
            },
        )


async def test_the_list_has_chats_of_the_actor_only(
    api: Api, factory: Factory, anna: Person, boris: Person, chat: int
) -> None:
    stranger = await factory.person()
    other = int((await (await start(api, stranger, boris.id)).json())["chat_id"])
    await add(api, anna, chat, "Привет")
    for person, expected in ((anna, [chat]), (boris, [chat, other]), (stranger, [other])):
        answer = await api.get("/private/chat-list/", as_=person)
        assert (answer.status, await answer.json()) == (200, [{"id": one} for one in expected])
        assert answer.headers["X-Total-Count"] == str(len(expected))
    loner = await factory.person()
    assert await (await api.get("/private/chat-list/", as_=loner)).json() == []


async def test_guests_and_chats_of_others_are_refused(api: Api, factory: Factory, anna: Person, chat: int) -> None:
    stranger = await factory.person()
    endpoints = [
        ("GET", f"/private/{chat}/messages?limit=1&offset=0", None),
        ("GET", f"/private/{chat}/info/", None),
        ("POST", f"/private/add-message/{chat}/", {"text": "hi"}),
    ]
    for method, path, body in endpoints:
        options = {} if body is None else {"json": body}
        await refused(await api.request(method, path, as_=stranger, **options), 404)
        unknown = path.replace(f"/{chat}/", f"/{chat + 1000}/")
        await refused(await api.request(method, unknown, as_=anna, **options), 404)
    for method, path in [*((one[0], one[1]) for one in endpoints), ("GET", "/private/chat-list/")]:
        guest = await api.request(method, path)
        await refused(guest, 401)
        assert guest.headers["WWW-Authenticate"] == "Bearer"


async def test_the_token_may_be_sent_without_bearer(api: Api, anna: Person, chat: int) -> None:
    answer = await api.get("/private/chat-list/", headers={"Authorization": anna.token})
    assert await answer.json() == [{"id": chat}]


async def test_a_blocked_account_is_refused_in_its_language(api: Api, anna: Person, boris: Person, chat: int) -> None:
    await api.post(f"/api/v1/users/{anna.id}/block/", as_=boris)
    answer = await api.post(f"/private/add-message/{chat}/", {"text": "hi"}, as_=anna, language="en")
    await refused(answer, 403, "This user does not take messages from you.")
