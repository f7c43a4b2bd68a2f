"""Sessions that end at one service, and what the others make of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import aiohttp

from mystar.kit.background import cancel_and_wait
from mystar.kit.realtime.connection import CloseCode
from tests.cluster.findings import Finding, in_time
from tests.cluster.shared_site import Site
from tests.realtime.listener import Listener

_SESSIONS = 5
#: Seconds: an ended session is remembered for half a second. And between two requests.
_ENDS_WITHIN, _PAUSE = 1.0, 0.01


async def log_outs(site: Site) -> list[Finding]:
    rest: list[float] = []
    sockets: list[float] = []
    wrong: list[str] = []
    for _ in range(_SESSIONS):
        here, *others = site.turns()
        token = await site.log_in(here, site.customers[4])

        async def log_out(here: int = here, token: str = token) -> float:
            answer = await site.ask(here, "POST", "/api/auth/logout/", token)
            assert answer.status in (200, 204, 205), answer.body
            return time.monotonic()

        await _ends(site, others, token, log_out, rest, sockets, wrong)
    return _ended("a log-out", rest, sockets, wrong)


async def blocks(site: Site) -> list[Finding]:
    """By the operator's command, a fourth process. Its moment is the commit, looked for in the database."""
    rest: list[float] = []
    sockets: list[float] = []
    wrong: list[str] = []
    person, services = site.blocked, site.cluster.services
    await services.command("admin", "role", person.username, "viewer")
    tokens = [await site.log_in(service, person) for service in range(len(site.urls))]

    async def block() -> float:
        command = asyncio.create_task(services.command("admin", "disable", person.username))
        statement = "select is_active from accounts where id = %(id)s"
        while (await asyncio.to_thread(site.rows, statement, id=person.id))[0][0]:
            assert not command.done() or not command.exception(), command.exception()
        moment = time.monotonic()
        await command
        return moment

    await _ends(site, list(range(len(site.urls))), tokens[0], block, rest, sockets, wrong)
    await services.command("admin", "enable", person.username)
    return _ended("a blocked account", rest, sockets, wrong)


async def _ends(
    site: Site,
    others: Sequence[int],
    token: str,
    end: Callable[[], Awaitable[float]],
    rest: list[float],
    sockets: list[float],
    wrong: list[str],
) -> None:
    """Requests and sockets with the token at the others, until a while after the session has ended."""
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(site.listening(one, "/ws/notifications/", token)) for one in others
        ]
        closing = [asyncio.create_task(_closed(listener)) for listener in listeners]
        accepted: dict[int, float] = {}
        asking = [asyncio.create_task(_ask_on(site, one, token, accepted)) for one in others]
        await asyncio.sleep(0.2)
        moment = await end()
        await asyncio.wait(closing, timeout=30)
        await asyncio.sleep(1.0)
        for task in (*asking, *(one for one in closing if not one.done())):
            await cancel_and_wait(task)
    rest += [max(0.0, accepted[one] - moment) for one in others]
    for number, task in zip(others, closing, strict=True):
        if task.cancelled():
            wrong.append(f"a socket at service{number + 1} was not closed")
        elif (closed := task.result())[1] != CloseCode.SESSION_ENDED:
            wrong.append(f"a socket at service{number + 1} was closed with {closed[1]}")
        else:
            sockets.append(max(0.0, closed[0] - moment))


async def _closed(listener: Listener) -> tuple[float, int]:
    while True:
        message = await listener.socket.receive()
        if message.type is aiohttp.WSMsgType.CLOSE:
            return time.monotonic(), int(message.data)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return time.monotonic(), listener.socket.close_code or 1006


async def _ask_on(site: Site, service: int, token: str, accepted: dict[int, float]) -> None:
    """Over and over; when the last request began that was accepted."""
    while True:
        began = time.monotonic()
        answer = await site.ask(service, "GET", "/api/v1/notifications/?page_size=1", token)
        if answer.status == 200:
            accepted[service] = began
        await asyncio.sleep(_PAUSE)


def _ended(what: str, rest: Sequence[float], sockets: Sequence[float], wrong: Sequence[str]) -> list[Finding]:
    closed = in_time(f"{what}: sockets of the others end", sockets, _ENDS_WITHIN)
    return [
        in_time(f"{what}: the others accept requests for", rest, _ENDS_WITHIN),
        Finding(closed.what, closed.figure, [*closed.wrong, *wrong], closed.late),
    ]
