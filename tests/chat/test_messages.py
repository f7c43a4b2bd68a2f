"""Messages in the market dialect: numbers, answers, files, edits, deletions, retries (D31-D33, promise T2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.chat.chat_client import heard, mark, opened, said, say, seen, uploaded
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.subtests import as_subtests


def address(chat: int, message: dict[str, Any]) -> str:
    return f"/api/v1/conversations/{chat}/messages/{message['id']}/"


async def test_a_message_has_the_documents_shape_and_reaches_the_other(
    api: Api, anna: Person, boris: Person, chat: int
) -> None:
    message = await said(api, anna, chat, "  Привет\n🎂  ")
    assert message == {
        "id": message["id"],
        "conversation_id": chat,
        "number": 1,
        "sender": {"id": anna.id, "username": "anna", "avatar": None},
        "message": "Привет\n🎂",
        "timestamp": message["timestamp"],
        "answer_to": None,
        "client_id": None,
        "edited_at": None,
        "is_deleted": False,
        "offer": None,
        "files": [],
    }
    assert await heard(api, boris, chat) == [message]


async def test_messages_come_in_pages_newest_first(api: Api, anna: Person, boris: Person, chat: int) -> None:
    for number in range(1, 8):
        await said(api, anna if number % 2 else boris, chat, f"{number}")
    page = await (await api.get(f"/api/v1/conversations/{chat}/messages/", params={"page_size": 3}, as_=anna)).json()
    assert page["count"] == 7
    numbers = [one["number"] for one in page["results"]]
    while page["next"]:
        page = await (await api.get(page["next"], as_=anna)).json()
        numbers += [one["number"] for one in page["results"]]
    assert numbers == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": "   "},
        {"message": None},
        {"message": "x" * 4001},
        {"message": "zero \x00 byte"},
        {"message": ["list"]},
        {"message": "hi", "answer_to": "first"},
        {"message": "hi", "answer_to": 1_000_000},
        {"message": "hi", "file_ids": [1] * 11},
        {"message": "hi", "file_ids": "1"},
        {"message": "hi", "client_id": ""},
        {"message": "hi", "client_id": "x" * 101},
    ],
)
async def test_an_invalid_message_is_refused_and_takes_no_number(
    api: Api, anna: Person, chat: int, body: dict[str, Any]
) -> None:
    answer = await api.post(f"/api/v1/conversations/{chat}/messages/", body, as_=anna)
    assert answer.status == 422
    assert set((await answer.json())["errors"]) <= {"message", "answer_to", "file_ids", "client_id"}
    assert (await said(api, anna, chat, "x" * 4000))["number"] == 1


async def test_an_answer_names_a_message_of_the_same_conversation(
    api: Api, factory: Factory, anna: Person, boris: Person, chat: int
) -> None:
    question = await said(api, anna, chat, "Придёшь?")
    assert (await said(api, boris, chat, "Да", answer_to=question["id"]))["answer_to"] == question["id"]

    elsewhere = await opened(api, anna, await factory.person())
    refused = await say(api, anna, elsewhere, "Да", answer_to=question["id"])
    assert (refused.status, (await refused.json())["code"]) == (422, "answer_unknown")


async def test_files_of_a_message_can_be_read_by_both_members_only(
    api: Api, app: web.Application, anna: Person, boris: Person, stranger: Person, chat: int
) -> None:
    ids = [await uploaded(app, anna, name, name.encode()) for name in ("b.txt", "a.txt")]
    message = await said(api, anna, chat, file_ids=ids)
    assert [(file["id"], file["name"], file["size"]) for file in message["files"]] == [
        (ids[0], "b.txt", 5),
        (ids[1], "a.txt", 5),
    ]
    (shown,) = await heard(api, boris, chat)
    assert [file["name"] for file in shown["files"]] == ["b.txt", "a.txt"]
    link = shown["files"][0]["url"]
    assert await (await api.get(link)).read() == b"b.txt"
    bare = link.partition("?")[0]
    assert [(await api.get(bare, as_=who)).status for who in (boris, anna, stranger, None)] == [200, 200, 404, 404]


async def test_files_must_be_unused_uploads_of_the_sender(
    api: Api, app: web.Application, anna: Person, boris: Person, chat: int
) -> None:
    theirs, mine = await uploaded(app, boris), await uploaded(app, anna)
    assert (await say(api, anna, chat, "Смотри", file_ids=[theirs])).status == 404
    assert (await say(api, anna, chat, "Смотри", file_ids=[mine, 10**6])).status == 404
    # What was refused has used up neither a file nor a number.
    assert (await said(api, anna, chat, "Смотри", file_ids=[mine, mine]))["number"] == 1
    assert (await say(api, anna, chat, "Ещё раз", file_ids=[mine])).status == 409


async def test_a_repeated_send_returns_the_first_message(
    api: Api, app: web.Application, anna: Person, boris: Person, chat: int
) -> None:
    file = await uploaded(app, anna)
    first = await said(api, anna, chat, "Раз", client_id="a-1", file_ids=[file])
    for text in ("Раз", "Другими словами"):
        again = await say(api, anna, chat, text, client_id="a-1", file_ids=[file])
        assert again.status == 200
        assert {**await again.json(), "files": 0} == {**first, "files": 0}
    # The name is the sender's own, in one conversation.
    assert (await said(api, boris, chat, "Два", client_id="a-1"))["number"] == 2
    # Not even a block or an edit makes it another message.
    await api.post(f"/api/v1/users/{anna.id}/block/", as_=boris)
    assert (await (await say(api, anna, chat, "Раз", client_id="a-1")).json())["id"] == first["id"]
    await api.delete(f"/api/v1/users/{anna.id}/block/", as_=boris)
    await api.delete(address(chat, first), as_=anna)
    assert (await (await say(api, anna, chat, "Раз", client_id="a-1")).json())["is_deleted"] is True


async def test_a_send_repeated_a_month_later_returns_the_first_message(
    api: Api, app: web.Application, anna: Person, chat: int
) -> None:
    first = await said(api, anna, chat, "Раз", client_id="a-1")
    await app[DATABASE].execute("update messages set sent_at = sent_at - interval '30 days'")
    await app[DATABASE].execute("delete from idempotency_keys")
    again = await say(api, anna, chat, "Раз", client_id="a-1")
    assert (again.status, (await again.json())["id"]) == (200, first["id"])
    assert [one["number"] for one in await heard(api, anna, chat)] == [1]


async def test_many_retries_send_each_message_once(api: Api, anna: Person, boris: Person, chat: int) -> None:
    tries = [(person, name) for person in (anna, boris) for name in range(10) for _ in range(5)]

    async def send(person: Person, name: int) -> tuple[str, int, int]:
        answer = await say(api, person, chat, f"{name}", client_id=f"{name}")
        assert answer.status in (200, 201)
        return person.username, name, (await answer.json())["id"]

    answers = await asyncio.gather(*(send(*one) for one in tries))
    assert len(set(answers)) == 20
    assert sorted(one["number"] for one in await heard(api, anna, chat)) == list(range(1, 21))


async def test_only_the_author_edits_a_message(api: Api, anna: Person, boris: Person, chat: int) -> None:
    message = await said(api, anna, chat, "С днём раждения")
    answer = await api.patch(address(chat, message), {"message": "С днём рождения"}, as_=anna)
    edited = await answer.json()
    assert answer.status == 200
    assert edited["edited_at"] >= message["timestamp"]
    assert edited == {**message, "message": "С днём рождения", "edited_at": edited["edited_at"]}
    assert await heard(api, boris, chat) == [edited]

    for method in ("PATCH", "DELETE"):
        refused = await api.request(method, address(chat, message), json={"message": "x"}, as_=boris)
        assert (refused.status, (await refused.json())["code"]) == (403, "not_your_message")
    for body in ({"message": ""}, {"message": "x" * 4001}, {}, {"message": None}):
        assert (await api.patch(address(chat, message), body, as_=anna)).status == 422
    assert (await api.patch(address(chat, {"id": 10**6}), {"message": "x"}, as_=anna)).status == 404
    assert (await api.delete(address(chat, {"id": 10**6}), as_=anna)).status == 404


async def test_a_deleted_message_keeps_its_number_only(
    api: Api, app: web.Application, anna: Person, boris: Person, chat: int
) -> None:
    file = await uploaded(app, anna)
    message = await said(api, anna, chat, "Ой", file_ids=[file])
    await said(api, anna, chat, "Дальше")
    link = message["files"][0]["url"]
    assert [(await api.delete(address(chat, message), as_=anna)).status for _ in range(2)] == [204, 204]

    (_, tombstone) = await heard(api, boris, chat)
    assert tombstone == {**message, "message": "", "files": [], "is_deleted": True}
    assert (await api.get(link, as_=boris)).status == 404
    edit = await api.patch(address(chat, message), {"message": "Снова"}, as_=anna)
    assert (edit.status, (await edit.json())["code"]) == (409, "message_deleted")
    assert await app[DATABASE].value("select count(*) from message_files") == 0


async def test_changes_after_a_position_are_listed_in_order(api: Api, anna: Person, boris: Person, chat: int) -> None:
    path = f"/api/v1/conversations/{chat}/changes/"
    first = await said(api, anna, chat, "раз")
    known = (await seen(api, boris, chat))["position"]
    second = await said(api, anna, chat, "два")
    await api.patch(f"/api/v1/conversations/{chat}/messages/{first['id']}/", {"message": "один"}, as_=anna)
    await mark(api, boris, chat, 1)
    await api.delete(f"/api/v1/conversations/{chat}/messages/{second['id']}/", as_=anna)
    told = await (await api.get(path, params={"after": known}, as_=boris)).json()
    assert not told["has_more"]
    assert [(one["position"], one["type"]) for one in told["changes"]] == [
        (2, "message"),
        (3, "edited"),
        (4, "read"),
        (5, "deleted"),
    ]
    edited, read = told["changes"][1:3]
    assert (edited["message"]["message"], edited["read"]) == ("один", None)
    assert (read["message"], read["read"]) == (None, {"account_id": boris.id, "number": 1})
    assert (await (await api.get(path, params={"after": 5}, as_=boris)).json())["changes"] == []
    assert len((await (await api.get(path, as_=anna)).json())["changes"]) == 5


async def test_a_long_log_is_paginated(api: Api, app: web.Application, anna: Person, boris: Person, chat: int) -> None:
    for number in range(150):
        await app[CHAT].send(actor(anna), chat, str(number))
    path, position, heard_of = f"/api/v1/conversations/{chat}/changes/", 0, []
    while True:
        part = await (await api.get(path, params={"after": position}, as_=boris)).json()
        heard_of += [change["message"]["message"] for change in part["changes"]]
        position = part["changes"][-1]["position"]
        if not part["has_more"]:
            break
    assert heard_of == [str(number) for number in range(150)]


@as_subtests
@pytest.mark.parametrize("after", ["-1", "x", "1.5", str(2**63)])
async def test_a_malformed_position_is_refused(api: Api, anna: Person, chat: int, after: str) -> None:
    answer = await api.get(f"/api/v1/conversations/{chat}/changes/", params={"after": after}, as_=anna)
    assert (answer.status, (await answer.json())["code"]) == (422, "invalid")


async def test_a_message_deleted_unread_is_no_longer_counted(api: Api, anna: Person, boris: Person, chat: int) -> None:
    messages = [await said(api, anna, chat, text) for text in ("раз", "два", "три")]
    await mark(api, boris, chat, 1)
    for message, left in zip(messages, (2, 1, 0), strict=True):
        await api.delete(address(chat, message), as_=anna)
        assert (await seen(api, boris, chat))["unread_count"] == left
    assert (await seen(api, anna, chat))["unread_count"] == 0


class TestLimits:
    @pytest.fixture
    def settings(self, make_settings: Any) -> Settings:
        settings: Settings = make_settings(
            LIMITS__ENABLED="true", LIMITS__MESSAGE="3/hour", LIMITS__CONVERSATION="1/hour"
        )
        return settings

    async def test_messages_are_rate_limited(self, api: Api, anna: Person, chat: int) -> None:
        answers = [await say(api, anna, chat, "Спам") for _ in range(4)]
        assert [answer.status for answer in answers] == [201, 201, 201, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0

    async def test_new_conversations_are_rate_limited(
        self, api: Api, anna: Person, boris: Person, stranger: Person, chat: int
    ) -> None:
        refused = await api.post("/api/v1/conversations/", {"recipient_id": stranger.id}, as_=anna)
        assert refused.status == 429
        assert await opened(api, anna, boris) == chat
