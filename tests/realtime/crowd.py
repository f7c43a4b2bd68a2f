"""People with several devices each, who talk while servers and connections die: promises T1 and T2.

A device knows its last message and asks for what follows it when it comes back. A sender tries again, with the same
``client_id``, until the message has come back to him. Nothing else is asked of a client.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import orjson
from aiohttp import WSMsgType

from mystar.kit.background import cancel_and_wait

_PATIENCE = 60.0


@dataclass
class Talk:
    """One conversation: who is in it, and what was acknowledged."""

    id: int
    tokens: tuple[str, str]
    #: By client id, the message's id as its sender first heard it.
    acknowledged: dict[str, int] = field(default_factory=dict)


class Device:
    """A socket that comes back whenever it breaks, and everything it ever heard."""

    def __init__(self, session: aiohttp.ClientSession, url: str, talk: Talk, token: str) -> None:
        self._session, self._talk, self._token = session, talk, token
        self._url = f"{url}/ws/conversations/{talk.id}/"
        #: Message ids and numbers in the order of their coming.
        self.heard: list[tuple[int, int]] = []
        self.gaps = self.connections = 0
        #: Codes of the endings; 1006 without a close frame.
        self.endings: list[int | None] = []
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._waiting: dict[str, asyncio.Future[int]] = {}
        self._mine: set[str] = set()
        self._task = asyncio.create_task(self._live())

    async def say(self, client_id: str, text: str) -> None:
        """Returns when the message has come back; says it again as long as it does not."""
        self._mine.add(client_id)
        came = self._waiting[client_id] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(60):
            while not came.done():
                if self._socket is not None:
                    with contextlib.suppress(ConnectionError):
                        await self._socket.send_str(orjson.dumps({"message": text, "client_id": client_id}).decode())
                await asyncio.wait([came], timeout=1.0)
        first = self._talk.acknowledged.setdefault(client_id, came.result())
        assert first == came.result(), f"{client_id} became two messages"

    async def caught_up(self, messages: int) -> None:
        async with asyncio.timeout(_PATIENCE):
            while len(self.heard) < messages:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    @property
    def connected(self) -> bool:
        return self._socket is not None

    async def close(self) -> None:
        await cancel_and_wait(self._task)

    async def _live(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        while True:
            params = {"after": str(self.heard[-1][0] if self.heard else 0)}
            try:
                async with self._session.ws_connect(self._url, params=params, headers=headers) as socket:
                    self._socket = socket
                    self.connections += 1
                    async for message in socket:
                        if message.type is WSMsgType.TEXT:
                            self._hear(orjson.loads(message.data))
                    self.endings.append(socket.close_code)
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                pass
            finally:
                self._socket = None
            await asyncio.sleep(random.uniform(0.01, 0.1))

    def _hear(self, frame: dict[str, object]) -> None:
        if frame.get("type") == "gap":
            self.gaps += 1
        if "number" not in frame:
            return
        id_, number = int(str(frame["id"])), int(str(frame["number"]))
        came = self._waiting.pop(str(frame["client_id"]), None)
        if came is not None:
            came.set_result(id_)
        if frame["client_id"] in self._mine and (id_, number) in self.heard:
            # The answer to a repeated send of this device's: the first message, again.
            return
        self.heard.append((id_, number))


async def talk_all(
    talks: Sequence[Talk], devices: dict[int, list[Device]], *, messages: int, dice: random.Random
) -> None:
    """Everybody of a talk says their share; a fifth is said twice on purpose."""

    async def one(talk: Talk) -> None:
        for number in range(messages):
            device = dice.choice(devices[talk.id])
            client_id = f"{talk.id}-{number}"
            await device.say(client_id, f"Сообщение {number}")
            if dice.random() < 0.2:
                await device.say(client_id, "то же самое, ещё раз")

    await asyncio.gather(*(one(talk) for talk in talks))


async def check(talks: Sequence[Talk], devices: dict[int, list[Device]], *, messages: int) -> None:
    """Every acknowledged message on every device, once, in order."""
    for talk in talks:
        assert len(talk.acknowledged) == messages
        assert len(set(talk.acknowledged.values())) == messages
        for device in devices[talk.id]:
            await device.caught_up(messages)
            numbers = [number for _, number in device.heard]
            assert numbers == list(range(1, messages + 1)), f"conversation {talk.id} heard {numbers}"
            assert {id_ for id_, _ in device.heard} == set(talk.acknowledged.values())
            assert device.gaps == 0
