"""Numbers stay without gaps and copies when many write at once, through two processes (D31, promise T2)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Person, actor
from tests.server_process import SECRET_KEY, ServerProcess, server_in

SENDERS, EACH = 50, 8


@pytest.fixture
def servers(dsn: str, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with server_in(folders[0], DATABASE__URL=dsn) as one, server_in(folders[1], DATABASE__URL=dsn) as two:
        yield [one, two]


@pytest.fixture
def settings(make_settings: object) -> object:
    """With the key of the processes, so that they know our tokens."""
    return make_settings(SECRET_KEY=SECRET_KEY)  # type: ignore[operator]


async def test_many_devices_receive_every_message_once(
    api: Api, app: web.Application, servers: list[ServerProcess], anna: Person, boris: Person, chat: int
) -> None:
    dice = random.Random(7)

    async def send(session: aiohttp.ClientSession, person: Person, server: ServerProcess, name: str) -> tuple[str, int]:
        headers = {"Authorization": f"Bearer {person.token}"}
        url, body = f"{server.url}/api/v1/conversations/{chat}/messages/", {"message": name, "client_id": name}
        async with session.post(url, json=body, headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
            return name, (await answer.json())["id"]

    async def device(session: aiohttp.ClientSession, number: int) -> list[tuple[str, int]]:
        person, sent = (anna, boris)[number % 2], []
        for message in range(EACH):
            # Half of the sends are told twice at once, to both processes: a client that did not wait for its answer.
            tries = dice.sample(servers, dice.choice((1, 2)))
            sent += await asyncio.gather(*(send(session, person, one, f"{number}:{message}") for one in tries))
        return sent

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        sent = [one for many in await asyncio.gather(*(device(session, one) for one in range(SENDERS))) for one in many]

    ids = dict(sent)
    assert set(sent) == set(ids.items()), "a retry gives the first message"
    rows = await app[DATABASE].all("select id, number, position, sent_at from messages order by number")
    assert [row["number"] for row in rows] == list(range(1, SENDERS * EACH + 1))
    for order in ("id", "position", "sent_at"):
        assert [row[order] for row in rows] == sorted(row[order] for row in rows), order
    assert {row["id"] for row in rows} == set(ids.values())

    conversation = await app[CHAT].conversation(actor(anna), chat)
    assert conversation.position == conversation.last_number == SENDERS * EACH
    assert [member.unread for member in conversation.members] == [SENDERS * EACH // 2] * 2
    assert await app[CHAT].recount() == []


async def test_reading_editing_and_deleting_while_others_write_keeps_the_counts(
    api: Api, app: web.Application, anna: Person, boris: Person, chat: int
) -> None:
    chats, dice = app[CHAT], random.Random(11)
    own = {person.id: [(await chats.send(actor(person), chat, "раз")).message.id] for person in (anna, boris)}

    async def live(person: Person) -> None:
        for turn in range(12):
            match dice.choice(("send", "edit", "delete", "read")):
                case "send":
                    own[person.id].append((await chats.send(actor(person), chat, f"{turn}")).message.id)
                case "edit":
                    await chats.edit(actor(person), chat, own[person.id][-1], f"{turn}")
                case "delete" if len(own[person.id]) > 1:
                    await chats.delete(actor(person), chat, own[person.id].pop(0))
                case _:
                    await chats.mark_read(actor(person), chat, dice.choice((None, 1, 5)))

    # Two devices of each: an edit may find its message deleted by the other device, never anything worse.
    answers = await asyncio.gather(*(live(one) for one in (anna, boris) * 2), return_exceptions=True)
    assert {type(one).__name__ for one in answers} <= {"NoneType", "MessageDeleted"}
    assert await chats.recount() == []
