"""Conversations in the market dialect: made once, listed, counted, closed to strangers.

See docs/dialects/market.md, D31.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from aiohttp import web

from mystar.chat.contact_filter import ContactFilter
from mystar.chat.repository import ChatRepository
from mystar.chat.service import ChatService
from mystar.files.keys import FILES
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database, Queryable
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.pagination import PageRequest
from tests.chat.chat_client import heard, mark, opened, said, say, seen, uploaded
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture
from tests.files.uploading import form
from tests.subtests import as_subtests

LIST = "/api/v1/conversations/"


async def test_two_accounts_have_one_conversation(api: Api, anna: Person, boris: Person) -> None:
    first = await api.post(LIST, {"recipient_id": boris.id}, as_=anna)
    again = await api.post(LIST, {"recipient_id": boris.id}, as_=anna)
    other = await api.post(LIST, {"recipient_id": str(anna.id)}, as_=boris)
    assert (first.status, again.status, other.status) == (201, 200, 200)
    assert len({(await answer.json())["id"] for answer in (first, again, other)}) == 1


async def test_a_conversation_shows_both_members_and_the_last_message(
    api: Api, anna: Person, boris: Person, chat: int
) -> None:
    body = form(user_id=boris.id, image=("me.jpg", picture()))
    image = (await (await api.post("/api/upload/avatar/", data=body, as_=boris)).json())["image"]
    people = [
        {"id": anna.id, "username": "anna", "avatar": None},
        {"id": boris.id, "username": "boris", "avatar": api.url + image},
    ]
    empty = await seen(api, anna, chat)
    assert empty["participants"] == people
    assert empty["other_user"] == people[1]
    assert (empty["last_message"], empty["last_message_at"], empty["unread_count"]) == (None, None, 0)

    message = await said(api, boris, chat, "Привет")
    lively = await seen(api, anna, chat)
    assert lively["last_message"] == message
    assert lively["last_message_at"] == lively["updated_at"] == message["timestamp"]
    assert (lively["unread_count"], lively["other_user"]) == (1, people[1])
    assert (await seen(api, boris, chat))["other_user"] == people[0]


async def test_a_message_changes_no_index_of_its_conversation(app: web.Application, anna: Person, chat: int) -> None:
    """Unless ten minutes have ended: updates are HOT, which vacuums and indexes need not follow."""
    now = Clock().now()
    async with app[DATABASE].transaction() as tx:
        for _ in range(3):
            await ChatRepository(tx).send(chat, anna.id, "hello", answer_id=None, client_id=None, now=now)
        changed = await tx.one(
            "select n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables where relname = 'conversations'"
        )
    assert changed["n_tup_upd"] - changed["n_tup_hot_upd"] <= 1


async def test_conversations_are_listed_by_latest_activity(api: Api, factory: Factory, anna: Person) -> None:
    friends = [await factory.person() for _ in range(5)]
    chats = [await opened(api, *((anna, one) if one.id % 2 else (one, anna))) for one in friends]
    await said(api, anna, chats[0], "С днём рождения!")

    answer = await api.get(LIST, params={"page_size": 2}, as_=anna)
    page = await answer.json()
    assert (page["count"], page["previous"]) == (5, None)
    found = [one["id"] for one in page["results"]]
    while page["next"]:
        page = await (await api.get(page["next"], as_=anna)).json()
        found += [one["id"] for one in page["results"]]
    assert found == [chats[0], *reversed(chats[1:])]


async def test_pages_have_bounds(api: Api, anna: Person, chat: int) -> None:
    for path in (LIST, f"{LIST}{chat}/messages/"):
        assert (await api.get(path, params={"page": 2}, as_=anna)).status == 404
        for query in ({"page_size": 101}, {"page_size": 0}, {"page": 0}, {"page": "one"}):
            assert (await api.get(path, params=query, as_=anna)).status == 422


async def test_a_new_account_has_no_conversations(api: Api, stranger: Person) -> None:
    page = await (await api.get(LIST, as_=stranger)).json()
    assert page == {"count": 0, "next": None, "previous": None, "results": []}


@as_subtests
@pytest.mark.parametrize("body", [{}, {"recipient_id": 0}, {"recipient_id": "x"}, {"recipient_id": 2**63}, []])
async def test_a_conversation_needs_a_valid_recipient(api: Api, anna: Person, body: Any) -> None:
    answer = await api.post(LIST, body, as_=anna)
    assert answer.status == 422
    assert (await answer.json())["errors"]


async def test_a_conversation_with_oneself_is_refused(api: Api, anna: Person) -> None:
    alone = await api.post(LIST, {"recipient_id": anna.id}, as_=anna, language="en")
    assert alone.status == 422
    assert (await alone.json())["errors"] == {"recipient_id": ["You cannot write to yourself."]}
    unknown = await api.post(LIST, {"recipient_id": anna.id + 1000}, as_=anna)
    assert (unknown.status, (await unknown.json())["code"]) == (404, "recipient_unknown")


async def test_strangers_and_guests_cannot_access_a_conversation(
    api: Api, anna: Person, stranger: Person, chat: int
) -> None:
    message = await said(api, anna, chat, "Только для тебя")
    one = f"{LIST}{chat}/"
    endpoints: list[tuple[str, str, Any]] = [
        ("GET", one, None),
        ("GET", f"{one}messages/", None),
        ("POST", f"{one}messages/", {"message": "hi"}),
        ("POST", f"{one}messages/", {"message": "hi", "answer_to": message["id"]}),
        ("POST", f"{one}messages/", {"message": "hi", "client_id": "x"}),
        ("PATCH", f"{one}messages/{message['id']}/", {"message": "hi"}),
        ("DELETE", f"{one}messages/{message['id']}/", None),
        ("POST", f"{one}read/", {}),
        ("GET", f"{one}changes/", None),
    ]
    for method, path, body in endpoints:
        options = {} if body is None else {"json": body}
        refused = await api.request(method, path, as_=stranger, **options)
        assert (refused.status, (await refused.json())["code"]) == (404, "conversation_unknown"), (method, path)
        unknown = await api.request(method, path.replace(one, f"{LIST}{chat + 1000}/"), as_=anna, **options)
        assert (unknown.status, (await unknown.json())["code"]) == (404, "conversation_unknown"), (method, path)
        guest = await api.request(method, path, **options)
        assert (guest.status, guest.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert [one["message"] for one in await heard(api, anna, chat)] == ["Только для тебя"]


async def test_an_address_with_a_malformed_id_is_404(api: Api, anna: Person) -> None:
    for id_ in ("x", "-1", "9" * 19, "1.5"):
        assert (await api.get(f"{LIST}{id_}/messages/", as_=anna)).status == 404


async def test_unversioned_addresses_are_aliases(api: Api, anna: Person, chat: int) -> None:
    await said(api, anna, chat, "Привет")
    for path in (f"/api/conversations/{chat}/messages/", f"/api/conversations/{chat}/messages"):
        assert (await (await api.get(path, as_=anna)).json())["count"] == 1


async def test_unread_messages_are_those_of_the_other_beyond_the_mark(
    api: Api, anna: Person, boris: Person, chat: int
) -> None:
    for text in ("раз", "два", "три"):
        await said(api, anna, chat, text)
    await said(api, boris, chat, "слышу")
    assert (await seen(api, boris, chat))["unread_count"] == 3
    assert (await seen(api, anna, chat))["unread_count"] == 1

    assert await mark(api, boris, chat, 2) == {"read_number": 2, "unread_count": 1}
    assert await mark(api, boris, chat, 1) == {"read_number": 2, "unread_count": 1}  # never back
    assert (await seen(api, anna, chat))["other_read_number"] == 2
    assert await mark(api, boris, chat, 1000) == {"read_number": 4, "unread_count": 0}
    assert await mark(api, anna, chat) == {"read_number": 4, "unread_count": 0}
    for number in (-1, "x", 1.5, 2**40):
        answer = await api.post(f"{LIST}{chat}/read/", {"number": number}, as_=boris)
        assert answer.status == 422


async def test_a_blocked_person_cannot_write_until_the_block_is_lifted(
    api: Api, anna: Person, boris: Person, chat: int
) -> None:
    mine = await said(api, boris, chat, "Спам")
    block = f"/api/v1/users/{boris.id}/block/"
    assert [(await api.post(block, as_=anna)).status for _ in range(2)] == [204, 204]

    for path, method, body in (
        (f"{LIST}{chat}/messages/", "POST", {"message": "Ещё спам"}),
        (f"{LIST}{chat}/messages/{mine['id']}/", "PATCH", {"message": "Спам поновее"}),
    ):
        refused = await api.request(method, path, json=body, as_=boris)
        assert (refused.status, (await refused.json())["code"]) == (403, "blocked_by_them")
    back = await say(api, anna, chat, "Не пиши мне")
    assert (back.status, (await back.json())["code"]) == (403, "blocked_by_you")
    assert (await seen(api, anna, chat))["is_blocked"] is True
    assert (await seen(api, boris, chat))["is_blocked"] is False
    # Taking back what one has said is never too late, and the conversation is still there.
    assert (await api.delete(f"{LIST}{chat}/messages/{mine['id']}/", as_=boris)).status == 204
    assert await opened(api, boris, anna) == chat

    assert [(await api.delete(block, as_=anna)).status for _ in range(2)] == [204, 204]
    assert (await said(api, boris, chat, "Прости"))["number"] == 2


async def test_blocked_users_are_listed(api: Api, factory: Factory, anna: Person, boris: Person) -> None:
    third, path = await factory.person(channel="market"), "/api/v1/users/blocked/"
    for other in (boris, third):
        assert (await api.post(f"/api/v1/users/{other.id}/block/", as_=anna)).status == 204
    page = await (await api.get(path, params={"page_size": 1}, as_=anna)).json()
    assert (page["count"], page["results"]) == (2, [{"id": boris.id, "username": boris.username, "avatar": None}])
    assert page["next"]
    assert (await (await api.get(path, as_=boris)).json())["results"] == []
    assert (await api.delete(f"/api/v1/users/{boris.id}/block/", as_=anna)).status == 204
    assert [one["id"] for one in (await (await api.get("/api/users/blocked/", as_=anna)).json())["results"]] == [
        third.id
    ]
    assert (await api.get(path)).status == 401


async def test_a_blocked_user_cannot_open_a_conversation(api: Api, anna: Person, boris: Person) -> None:
    assert (await api.post(f"/api/v1/users/{boris.id}/block/", as_=anna)).status == 204
    for person, other, code in ((boris, anna, "blocked_by_them"), (anna, boris, "blocked_by_you")):
        refused = await api.post(LIST, {"recipient_id": other.id}, as_=person)
        assert (refused.status, (await refused.json())["code"]) == (403, code)
    assert (await (await api.get(LIST, as_=anna)).json())["count"] == 0


async def test_only_other_existing_accounts_can_be_blocked(api: Api, anna: Person) -> None:
    assert (await api.post(f"/api/v1/users/{anna.id}/block/", as_=anna)).status == 422
    assert (await api.post(f"/api/v1/users/{anna.id + 1000}/block/", as_=anna)).status == 404
    assert (await api.delete(f"/api/v1/users/{anna.id + 1000}/block/", as_=anna)).status == 204
    assert (await api.post(f"/api/v1/users/{anna.id}/block/")).status == 401


class Counting(Queryable):
    """The database, with a count of what it was asked."""

    def __init__(self, database: Database) -> None:
        self.database, self.asked = database, 0

    async def _run(self, *statement: Any) -> Any:
        self.asked += 1
        return await self.database._run(*statement)


async def test_a_list_costs_the_same_number_of_statements_however_long(
    api: Api, app: web.Application, factory: Factory, anna: Person
) -> None:
    counting: Any = Counting(app[DATABASE])
    chats = ChatService(counting, app[FILES], RateLimits({}), Clock(), ContactFilter(is_on=False, own_hosts=()))
    costs = []
    for friends in (1, 5):
        for _ in range(friends):
            friend = await factory.person()
            chat = await opened(api, friend, anna)
            await said(api, friend, chat, "Привет", file_ids=[await uploaded(app, friend)])
        counting.asked = 0
        assert len((await chats.conversations(actor(anna), PageRequest())).rows) in (1, 6)
        await chats.messages(actor(anna), chat, PageRequest())
        costs.append(counting.asked)
    assert costs == [5, 5]


async def test_a_post_repeated_with_an_idempotency_key_has_one_effect(
    api: Api, anna: Person, boris: Person, chat: int
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    path = f"{LIST}{chat}/messages/"
    answers = [await api.post(path, {"message": "Раз"}, as_=anna, headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert await answers[0].json() == await answers[1].json()
    assert (await api.post(path, {"message": "Два"}, as_=anna, headers=headers)).status == 422
    assert len(await heard(api, boris, chat)) == 1


async def test_two_accounts_that_write_at_once_get_one_conversation(api: Api, factory: Factory) -> None:
    for _ in range(5):
        one, other = await factory.person(), await factory.person()
        ids = await asyncio.gather(*(opened(api, *pair) for pair in [(one, other), (other, one)] * 5))
        assert len(set(ids)) == 1
