"""Clients that do not give up: what fails by a broken connection or a 5xx is asked again, as a patient person would.

Everything that was acknowledged is written into a diary, for the checker.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import orjson

from mystar.kit.web.idempotency import StillRunning

#: Seconds that a person goes on asking for one thing, and that a single attempt may take. Much, since a slow machine
#: needs long to start the service again; what may not take long is measured after the last death.
PATIENCE, ATTEMPT = 240.0, 20.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0

Body = Mapping[str, Any] | Callable[[], aiohttp.FormData] | None
Attempt = Callable[[], Awaitable["Answer"]]


class Lost(Exception):
    """No answer, or one that says nothing: nobody knows whether it was done."""


class Refused(AssertionError):
    """An answer that a person in this situation must not get."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``doubtful``: the answer of an earlier attempt was lost, so this one may speak of what that one did."""

    status: int
    body: Any
    location: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was acknowledged: who did what about which piece of business, and what was answered."""

    at: float
    business: str
    deed: str
    status: int
    body: Any = None


@dataclass
class Diary:
    acts: list[Act] = field(default_factory=list)
    #: How many answers were lost on the way.
    lost: int = 0

    def note(self, business: str, deed: str, answer: Answer) -> None:
        self.acts.append(Act(time.time(), business, deed, answer.status, answer.body))


class Accident:
    """The service dies at one deed of somebody; what becomes of that deed's first attempt is up to ``strike``."""

    async def strike(self, attempt: Attempt) -> Answer:
        """:raises Lost: the answer did not arrive."""
        raise NotImplementedError


class Client:
    """One person's device.

    :param name: of the person's business, under which deeds are noted.
    :param accidents: by deed; each happens once.
    """

    def __init__(
        self, url: str, name: str, diary: Diary, chance: random.Random, accidents: Mapping[str, Accident] | None = None
    ) -> None:
        self.url, self.name, self._diary, self._chance = url, name, diary, chance
        self._accidents = dict(accidents or {})

    async def __aenter__(self) -> Self:
        # A connection for every request: a killed service is met by a refusal, not by a socket that was alive before.
        connector = aiohttp.TCPConnector(force_close=True)
        timeout = aiohttp.ClientTimeout(total=ATTEMPT)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(
        self,
        deed: str,
        method: str,
        path: str,
        body: Body = None,
        *,
        token: str = "",
        key: str = "",
        params: Mapping[str, str] | None = None,
        good: Collection[int] = (200, 201),
        after_doubt: Collection[int] = (),
        note: bool = True,
    ) -> Answer:
        """Ask until there is an answer.

        :param path: of the service, or a whole address.
        :param body: JSON, or whoever makes a form (which can be sent only once).
        :param key: the Idempotency-Key that all attempts share.
        :param after_doubt: statuses that are as good when an earlier attempt may have done it already.
        :param note: write it into the diary.
        :raises Refused: any other answer below 500, or patience has ended.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}

        async def attempt() -> Answer:
            return await self._attempt(method, path, headers, params, body)

        answer = await self._insist(deed, attempt)
        if answer.status not in (*good, *(after_doubt if answer.doubtful else ())):
            raise Refused(f"{self.name}: {deed}: {method} {path}: {answer.status} {answer.body}")
        if note:
            self._diary.note(self.name, deed, answer)
        return answer

    async def _insist(self, deed: str, attempt: Attempt) -> Answer:
        end, pause, doubtful, trouble = time.monotonic() + PATIENCE, _FIRST_PAUSE, False, ""
        while time.monotonic() < end:
            accident = self._accidents.pop(deed, None)
            try:
                answer = await (accident.strike(attempt) if accident else attempt())
            except Lost as error:
                doubtful, trouble = True, str(error)
            else:
                if answer.status < 500 and not _still_running(answer):
                    return Answer(answer.status, answer.body, answer.location, doubtful)
                doubtful, trouble = True, f"{answer.status} {answer.body}"
            self._diary.lost += 1
            await asyncio.sleep(pause * self._chance.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)
        raise Refused(f"{self.name}: {deed}: no answer in {PATIENCE} s, the last was: {trouble}")

    async def _attempt(
        self, method: str, path: str, headers: Mapping[str, str], params: Mapping[str, str] | None, body: Body
    ) -> Answer:
        url = path if path.startswith("http") else self.url + path
        content = {"data": body()} if callable(body) else {"json": body} if body is not None else {}
        try:
            async with self._session.request(
                method, url, headers=headers, params=params, allow_redirects=False, **content
            ) as answer:
                raw = await answer.read()
                return Answer(answer.status, _read(raw), answer.headers.get("Location"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Lost(repr(error)) from error


def _still_running(answer: Answer) -> bool:
    """The first attempt with this Idempotency-Key has not ended."""
    return answer.status == 409 and answer.body == [StillRunning.text.ru]


def _read(raw: bytes) -> Any:
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(raw)
    return raw if b"\0" in raw else raw.decode(errors="replace")
