"""Clients that retry: a request that ends with a broken connection or a 5xx is sent again.

Every acknowledgement is recorded for the checker.
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

from mystar.files.model import TooManyUploads
from mystar.kit.web.idempotency import StillRunning

#: Seconds for all attempts at one request, and for one attempt. A slow machine needs long to start the service again;
#: the time that is promised is measured after the last kill.
GIVE_UP_AFTER, ATTEMPT_TIMEOUT = 240.0, 20.0
_FIRST_PAUSE, _MAX_PAUSE = 0.1, 1.0

Body = Mapping[str, Any] | Callable[[], aiohttp.FormData] | None
Attempt = Callable[[], Awaitable["Answer"]]


class AnswerLost(Exception):
    """No answer arrived, so the client cannot know whether the request was carried out."""


class UnexpectedAnswer(AssertionError):
    """An answer that must not be given in this situation."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``retried``: the answer of an earlier attempt was lost, so this one may speak of what that one did."""

    status: int
    body: Any
    location: str | None = None
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A request that was answered with success: for which order, which action, and the answer."""

    at: float
    order_name: str
    action: str
    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request that was acknowledged and sent again with its Idempotency-Key: status and body, then and now.

    ``is_changed``: it was another request the second time.
    """

    order_name: str
    action: str
    first: tuple[int, Any]
    again: tuple[int, Any]
    is_changed: bool = False


@dataclass
class Acknowledgements:
    acknowledged: list[Acknowledgement] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)
    #: How many answers were lost.
    lost: int = 0

    def record(self, order_name: str, action: str, answer: Answer) -> None:
        self.acknowledged.append(Acknowledgement(time.time(), order_name, action, answer.status, answer.body))


class Interruption:
    """The service is killed during one action; ``apply`` sends its first attempt."""

    async def apply(self, attempt: Attempt) -> Answer:
        """:raises AnswerLost: the answer did not arrive."""
        raise NotImplementedError


class Client:
    """The device of one person.

    :param name: of the order, under which acknowledgements are recorded.
    :param interruptions: by action; each happens once.
    """

    def __init__(
        self,
        url: str,
        name: str,
        acknowledgements: Acknowledgements,
        chance: random.Random,
        interruptions: Mapping[str, Interruption] | None = None,
    ) -> None:
        self.url, self.name, self._acknowledgements, self._chance = url, name, acknowledgements, chance
        self._interruptions = dict(interruptions or {})

    async def __aenter__(self) -> Self:
        # A connection for every request: after a kill the connection is refused, instead of breaking under the request.
        connector = aiohttp.TCPConnector(force_close=True)
        timeout = aiohttp.ClientTimeout(total=ATTEMPT_TIMEOUT)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(
        self,
        action: str,
        method: str,
        path: str,
        body: Body = None,
        *,
        token: str = "",
        key: str = "",
        params: Mapping[str, str] | None = None,
        expected: Collection[int] = (200, 201),
        after_retry: Collection[int] = (),
        record: bool = True,
    ) -> Answer:
        """Send the request until it is answered.

        :param path: of the service, or a whole address.
        :param body: JSON, or a function that makes a form (a form can be sent only once).
        :param key: the Idempotency-Key that all attempts share.
        :param after_retry: further statuses that are right when an earlier attempt may have been carried out.
        :param record: record the acknowledgement.
        :raises UnexpectedAnswer: any other answer below 500, or none in time.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}

        async def attempt() -> Answer:
            return await self._attempt(method, path, headers, params, body)

        answer = await self._retry(action, attempt)
        if answer.status not in (*expected, *(after_retry if answer.retried else ())):
            raise UnexpectedAnswer(f"{self.name}: {action}: {method} {path}: {answer.status} {answer.body}")
        if record:
            self._acknowledgements.record(self.name, action, answer)
        return answer

    async def repeat(
        self,
        action: str,
        path: str,
        body: Mapping[str, Any],
        token: str,
        key: str,
        first: Answer,
        *,
        changed: bool = False,
    ) -> None:
        """Send a POST that was acknowledged again, with its key, and record both answers for the checker."""
        any_answer = range(200, 500)
        again = await self.request(action, "POST", path, body, token=token, key=key, expected=any_answer, record=False)
        answers = (first.status, first.body), (again.status, again.body)
        self._acknowledgements.repeats.append(Repeat(self.name, action, *answers, changed))

    async def _retry(self, action: str, attempt: Attempt) -> Answer:
        end, pause, retried, problem = time.monotonic() + GIVE_UP_AFTER, _FIRST_PAUSE, False, ""
        while time.monotonic() < end:
            interruption = self._interruptions.pop(action, None)
            try:
                answer = await (interruption.apply(attempt) if interruption else attempt())
            except AnswerLost as error:
                retried, problem = True, str(error)
            else:
                if answer.status < 500 and not _still_running(answer):
                    return Answer(answer.status, answer.body, answer.location, retried)
                retried, problem = True, f"{answer.status} {answer.body}"
            self._acknowledgements.lost += 1
            await asyncio.sleep(pause * self._chance.uniform(0.5, 1.0))
            pause = min(pause * 2, _MAX_PAUSE)
        raise UnexpectedAnswer(f"{self.name}: {action}: no answer in {GIVE_UP_AFTER} s, the last was: {problem}")

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
            raise AnswerLost(repr(error)) from error


def _still_running(answer: Answer) -> bool:
    """An earlier attempt has not ended: with this Idempotency-Key, or with the bytes of an upload."""
    return (answer.status, answer.body) in ((409, [StillRunning.text.ru]), (429, [TooManyUploads.text.ru]))


def _read(raw: bytes) -> Any:
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(raw)
    return raw if b"\0" in raw else raw.decode(errors="replace")
