"""What goes on while things are killed, besides orders: conversations over sockets, and steady requests that are never
tried again and tell when the service was away."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from mystar.kit.background import cancel_and_wait
from tests.factory import Person
from tests.realtime.crowd import Device, Talk, check

_LIST = "/api/v1/services/"
#: Seconds between two requests of each kind, and for an answer. A request that takes longer has failed.
_PAUSE, _PATIENCE = 0.1, 5.0
#: Seconds between two messages of a conversation.
_BEAT = 0.3
#: Seconds between two looks at the sockets.
_LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Request:
    """Times of `time.monotonic`. ``problem`` is empty when it was answered well and in time."""

    began: float
    ended: float
    what: str
    problem: str


@dataclass
class Requests:
    """A list read and a message sent ten times a second each, through nginx, over connections that are kept."""

    url: str
    conversation: int
    token: str
    made: list[Request] = field(default_factory=list)
    #: Client ids of the messages that were answered with success, and of all.
    acknowledged: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Until it is cancelled."""
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(self.url, connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for number in itertools.count():
                tasks.create_task(self._noted(session, "read", number))
                tasks.create_task(self._noted(session, "write", number))
                await asyncio.sleep(_PAUSE)

    def since(self, moment: float) -> list[Request]:
        return [request for request in self.made if request.began >= moment]

    async def _noted(self, session: aiohttp.ClientSession, what: str, number: int) -> None:
        began = time.monotonic()
        try:
            status = await (self._read(session) if what == "read" else self._write(session, number))
            problem = "" if status < 400 else f"{what} {status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            problem = f"{what} {type(error).__name__}"
        self.made.append(Request(began, time.monotonic(), what, problem))

    async def _read(self, session: aiohttp.ClientSession) -> int:
        async with session.get(_LIST) as answer:
            await answer.read()
            return answer.status

    async def _write(self, session: aiohttp.ClientSession, number: int) -> int:
        client_id, path = f"steady-{number}", f"/api/v1/conversations/{self.conversation}/messages/"
        self.sent.append(client_id)
        body, headers = {"message": "Как дела?", "client_id": client_id}, {"Authorization": f"Bearer {self.token}"}
        async with session.post(path, json=body, headers=headers) as answer:
            await answer.read()
            if answer.status < 300:
                self.acknowledged.append(client_id)
            return answer.status


class Conversations:
    """People with two devices each, whose sockets come back whenever they break."""

    def __init__(self, url: str, talks: Sequence[Talk], session: aiohttp.ClientSession, dice: random.Random) -> None:
        self._talks, self._dice, self._messages = talks, dice, 0
        self._devices = {
            talk.id: [Device(session, url, talk, token) for token in talk.tokens for _ in range(2)] for talk in talks
        }
        self._stopping = asyncio.Event()
        self._talking = asyncio.create_task(self._talk())
        #: From when to when a device was without a socket, in seconds of `time.monotonic`.
        self._broken: list[tuple[float, float]] = []
        self._watching = asyncio.create_task(self._watch())

    @property
    def devices(self) -> list[Device]:
        return [device for some in self._devices.values() for device in some]

    @property
    def connections(self) -> int:
        """Of all devices so far."""
        return sum(device.connections for device in self.devices)

    def check_alive(self) -> None:
        """:raises AssertionError: what ended the conversations early."""
        if self._talking.done():
            self._talking.result()

    async def connected(self, timeout: float) -> None:
        """Until every device has a socket."""
        began = time.monotonic()
        while not self._all_connected():
            assert time.monotonic() - began < timeout, f"sockets do not come back in {timeout:.0f} s"
            await asyncio.sleep(_LOOK)

    def longest_break(self, since: float) -> float:
        """The longest time for which not every device had a socket."""
        return max((end - begin for begin, end in self._broken if end > since), default=0.0)

    async def finish(self) -> int:
        """Compare what every device has heard with what was acknowledged. Returns the number of messages."""
        self._stopping.set()
        await self._talking
        await check(self._talks, self._devices, messages=self._messages)
        return self._messages * len(self._talks)

    async def close(self) -> None:
        await cancel_and_wait(self._talking)
        await cancel_and_wait(self._watching)
        await asyncio.gather(*(device.close() for device in self.devices))

    def _all_connected(self) -> bool:
        return all(device.connected for device in self.devices)

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            while not self._all_connected():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)
            self._broken.append((began, time.monotonic()))
            await asyncio.sleep(_LOOK)

    async def _talk(self) -> None:
        while not self._stopping.is_set():
            await asyncio.gather(*(self._say(talk, self._messages) for talk in self._talks), asyncio.sleep(_BEAT))
            self._messages += 1

    async def _say(self, talk: Talk, number: int) -> None:
        device = self._dice.choice(self._devices[talk.id])
        await device.say(f"{talk.id}-{number}", f"Сообщение {number}")


async def conversation(url: str, one: Person, other: Person) -> Talk:
    headers = {"Authorization": f"Bearer {one.token}"}
    async with (
        aiohttp.ClientSession(url, headers=headers) as session,
        session.post("/api/v1/conversations/", json={"recipient_id": other.id}) as answer,
    ):
        assert answer.status in (200, 201), await answer.text()
        return Talk(int((await answer.json())["id"]), (one.token, other.token))
