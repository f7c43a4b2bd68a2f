"""Two people in one conversation, and sockets to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, web

from mystar.chat.keys import CHAT
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.realtime.listener import Listener


@dataclass(frozen=True)
class Pair:
    """Two people and their conversation."""

    anna: Person
    boris: Person
    id: int

    @property
    def path(self) -> str:
        return f"/ws/conversations/{self.id}/"


class WebSockets:
    """Opens sockets and closes them at the end of the test."""

    def __init__(self, api: Api, session: ClientSession) -> None:
        self._api, self._session = api, session

    async def open(self, path: str, person: Person | None = None, **options: Any) -> Listener:
        """The socket, opened with a bearer header; ClientResponseError when it is refused."""
        headers = dict(options.pop("headers", {}))
        if person is not None:
            headers["Authorization"] = f"Bearer {person.token}"
        params = options.pop("params", {})
        return Listener(await self._session.ws_connect(self._api.url + path, headers=headers, params=params, **options))

    async def refused(self, path: str, person: Person | None = None, **options: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the refusal of a handshake."""
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            **options.pop("headers", {}),
        }
        answer = await self._api.get(path, as_=person, headers=headers, **options)
        return answer.status, await answer.json()


@pytest.fixture
async def websockets(api: Api) -> AsyncIterator[WebSockets]:
    async with ClientSession() as session:
        yield WebSockets(api, session)


@pytest.fixture
async def pair(app: web.Application, factory: Factory) -> Pair:
    anna, boris = await factory.person("anna", channel="market"), await factory.person("boris", channel="market")
    conversation, _ = await app[CHAT].open(actor(anna), boris.id)
    return Pair(anna, boris, conversation.id)
