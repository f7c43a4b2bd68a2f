"""Answers that are kept in memory, and are never older than the request that gets them (D75).

A kept answer is used only after the log of changes was read once more, by a statement that began after the request had
arrived; one statement serves all requests that wait for it. So it does not matter who changed something: another
process, a command, or a client of PostgreSQL.

    @cached
    async def read_service(request):
        ...
        depends_on(request, f"service {service.id}")

A handler says what its answer depends on. Without that, or with another status than 200, nothing is kept. The answer
may depend on path, query and language, with `@cached_for_actor` on the account, and on nothing else of the request.

What services read can be kept in the same way: see `ResponseCache.values`.
"""

from __future__ import annotations

import asyncio
import contextvars
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict
from prometheus_client import CollectorRegistry, Counter, Gauge

from mystar.kit.web.compression import COMPRESS, accepts_gzip, add_vary, is_worth_it
from mystar.kit.web.etags import TAGGED, is_among, not_modified
from mystar.kit.web.http import language_of
from mystar.kit.web.ready_answers import Heads, ReadyAnswer, may_be_ready
from mystar.kit.web.validation import had_no_effect

State = TypeVar("State")
_State = TypeVar("_State", covariant=True)
H = TypeVar("H", bound=Handler)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: What an answer depends on, in the words of the log of changes.
_SUBJECTS: web.RequestKey[frozenset[str]] = web.RequestKey("cache_subjects")
#: Bytes of an entry besides its body, and of each of its subjects; the part of the memory that one answer may take.
_OVERHEAD, _OF_SUBJECT, _LARGEST_PART = 4096, 256, 8
#: Characters; what is asked for often is shorter.
_LONGEST_ADDRESS = 500
#: Of zlib: the format of gzip.
_GZIP = 31


@dataclass(frozen=True, slots=True)
class Changes(Generic[_State]):
    """``state``: up to where the log was read. ``subjects``: what was changed; None = anything may have been."""

    state: _State
    subjects: Collection[str] | None


class ChangeLog(Protocol[State]):
    async def since(self, state: State | None) -> Changes[State]:
        """What was committed since the state; None = nothing is known yet."""


@dataclass(frozen=True, slots=True)
class _Value:
    value: Any
    subjects: frozenset[str]
    size: int


@dataclass(slots=True)
class _Answer:
    body: bytes
    headers: CIMultiDict[str]
    etag: str
    subjects: frozenset[str]
    is_packable: bool
    packed: bytes | None = None
    heads: Heads = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.body) + len(self.packed or b"") + _OVERHEAD + _OF_SUBJECT * len(self.subjects)


@dataclass(eq=False, slots=True)
class _Seen:
    """What was found to be changed while an answer is being made, which may have missed it."""

    subjects: set[str] = field(default_factory=set)
    everything: bool = False


class ResponseCache:
    """The kept answers of one process.

    :param max_bytes: of memory; what was not asked for longest is dropped. 0 = nothing is kept.
    """

    def __init__(self, log: ChangeLog[Any], max_bytes: int, registry: CollectorRegistry) -> None:
        self._log, self._max_bytes = log, max_bytes
        self._state: object = None
        self._entries: OrderedDict[Hashable, _Answer | _Value] = OrderedDict()
        self._keys_of: defaultdict[str, set[Hashable]] = defaultdict(set)
        self._size = 0
        #: One for each answer that is being made.
        self._in_the_making: set[_Seen] = set()
        self._waiting: list[asyncio.Future[None]] = []
        self._reading: asyncio.Task[None] | None = None
        answers = Counter("mystar_cache_answers_total", "Answers of cached routes", ["result"], registry=registry)
        self._hits, self._misses = answers.labels("hit"), answers.labels("miss")
        self._readings = Counter("mystar_cache_checks_total", "Readings of the log of changes", registry=registry)
        Gauge("mystar_cache_bytes", "Memory of kept answers", registry=registry).set_function(lambda: self._size)

    async def answer(self, request: web.Request, handler: Handler, account_id: int | None = None) -> web.StreamResponse:
        """The kept answer, or the handler's, which is then kept, with an ``account_id`` for that account alone."""
        if not self._max_bytes or "Prefer" in request.headers or len(request.raw_path) > _LONGEST_ADDRESS:
            return await handler(request)
        key = (request.raw_path, language_of(request), account_id)
        if self._state is None or key in self._entries:
            await self._catch_up()
        entry = self._entries.get(key)
        if isinstance(entry, _Answer):
            self._hits.inc()
            self._entries.move_to_end(key)
            return self._response(request, entry)
        self._misses.inc()
        with self._making() as seen:
            response = await handler(request)
        if (made := _answer_of(request)) is not None:
            self._keep(key, made, seen)
        return response

    async def values(
        self,
        kind: str,
        ids: Sequence[K],
        read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        subject: Callable[[K], str],
    ) -> dict[K, V]:
        """What is kept of this kind, and what is read of the rest; unchangeable things only.

        Not for a transaction, which may have changed them itself. :param read: from the primary.
        :param subject: what the thing with an id depends on.
        """
        if not self._max_bytes:
            return dict(await read(ids))
        if self._state is None or any((kind, one) in self._entries for one in ids):
            await self._catch_up()
        found: dict[K, V] = {}
        for one in ids:
            if isinstance(entry := self._entries.get((kind, one)), _Value):
                self._entries.move_to_end((kind, one))
                found[one] = entry.value
        if missing := [one for one in ids if one not in found]:
            with self._making() as seen:
                made = await read(missing)
            for one, value in made.items():
                size = _OVERHEAD + 2 * len(str(value))
                self._keep((kind, one), _Value(value, frozenset({subject(one)}), size), seen)
            found.update(made)
        return found

    @contextmanager
    def _making(self) -> Iterator[_Seen]:
        """What is made inside reads after the log was read; if more is changed before it is done, it may miss that."""
        seen = _Seen()
        self._in_the_making.add(seen)
        try:
            yield seen
        finally:
            self._in_the_making.remove(seen)

    async def _catch_up(self) -> None:
        """Wait until everything that was committed before this call has been read from the log."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._reading is None:
            # With a context of its own: it serves many requests, and outlives the one that began it. It starts when
            # the requests that have arrived by now wait, too.
            self._reading = asyncio.create_task(self._read(), name="changes", context=contextvars.Context())
        await waiter

    async def _read(self) -> None:
        waiting: list[asyncio.Future[None]] = []
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                self._readings.inc()
                try:
                    changes = await self._log.since(self._state)
                except Exception as error:
                    for waiter in waiting:
                        if not waiter.done():
                            waiter.set_exception(error)
                    continue
                self._apply(changes)
                for waiter in waiting:
                    if not waiter.done():
                        waiter.set_result(None)
        finally:
            self._reading = None
            for waiter in (*waiting, *self._waiting):
                waiter.cancel()

    def _apply(self, changes: Changes[Any]) -> None:
        self._state = changes.state
        for seen in self._in_the_making:
            seen.subjects.update(changes.subjects or ())
            seen.everything |= changes.subjects is None
        if changes.subjects is None:
            self._entries.clear()
            self._keys_of.clear()
            self._size = 0
        else:
            for key in {key for subject in changes.subjects for key in self._keys_of.get(subject, ())}:
                self._drop(key)

    def _keep(self, key: Hashable, made: _Answer | _Value, seen: _Seen) -> None:
        if seen.everything or not seen.subjects.isdisjoint(made.subjects):
            return
        if made.size > self._max_bytes // _LARGEST_PART:
            return
        if key in self._entries:
            self._drop(key)
        self._entries[key] = made
        for subject in made.subjects:
            self._keys_of[subject].add(key)
        self._grow(made.size)

    def _response(self, request: web.Request, entry: _Answer) -> web.StreamResponse:
        if hdrs.IF_NONE_MATCH in request.headers and is_among(request.if_none_match, entry.etag):
            variant, status, body = "304", 304, b""
        elif entry.is_packable and accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            variant, status, body = "gzip", 200, self._packed(entry)
        else:
            variant, status, body = "plain", 200, entry.body
        make = partial(_MAKERS[variant], entry)
        return ReadyAnswer(make, status, body, entry.heads, variant) if may_be_ready(request) else make()

    def _packed(self, entry: _Answer) -> bytes:
        if entry.packed is None:
            compressor = zlib.compressobj(wbits=_GZIP)
            entry.packed = compressor.compress(entry.body) + compressor.flush()
            self._grow(len(entry.packed))
        return entry.packed

    def _grow(self, size: int) -> None:
        self._size += size
        while self._size > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key)
        self._size -= entry.size
        for subject in entry.subjects:
            keys = self._keys_of[subject]
            keys.discard(key)
            if not keys:
                del self._keys_of[subject]


def _answer_of(request: web.Request) -> _Answer | None:
    """What can be kept of the answer that was made; None if it must not be kept."""
    subjects, response = request.get(_SUBJECTS), request.get(TAGGED)
    if subjects is None or response is None or had_no_effect(request):
        return None
    body, etag = response.body, response.etag
    if not isinstance(body, bytes) or etag is None:
        return None
    is_packable = request.app[COMPRESS] and is_worth_it(response)
    # A copy of its own size: orjson leaves several times as much allocated behind what it has written.
    body = bytes(memoryview(body))
    return _Answer(body, response.headers.copy(), etag.value, subjects, is_packable)


def _plain(entry: _Answer) -> web.Response:
    response = web.Response(body=entry.body, headers=entry.headers)
    if entry.is_packable:
        add_vary(response)
    return response


def _gzip(entry: _Answer) -> web.Response:
    response = web.Response(body=entry.packed, headers=entry.headers)
    response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    add_vary(response)
    return response


def _not_modified(entry: _Answer) -> web.Response:
    return not_modified(entry.headers)


_MAKERS: Mapping[str, Callable[[_Answer], web.Response]] = {"plain": _plain, "gzip": _gzip, "304": _not_modified}


CACHE = web.AppKey("response_cache", ResponseCache)


def cached(handler: H) -> H:
    """The answers of the handler are kept if it says what they depend on."""
    handler.__cached__ = True  # type: ignore[attr-defined]
    return handler


def cached_for_actor(handler: H) -> H:
    """Like `cached`, but each account has answers of its own; `own_cache_middleware` of the accounts keeps them."""
    handler.__cached_for_actor__ = True  # type: ignore[attr-defined]
    return handler


def depends_on(request: web.Request, *subjects: str) -> None:
    """The answer stays the same, for those whom it is kept for, until one of the subjects is changed."""
    request[_SUBJECTS] = frozenset(subjects)


@web.middleware
async def cache_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Below `error_middleware`, and above everything that is not needed for a kept answer."""
    if hasattr(request.match_info.handler, "__cached__"):
        return await request.app[CACHE].answer(request, handler)
    return await handler(request)
