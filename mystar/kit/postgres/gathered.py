"""Reads that several requests share: what is asked for at the same time is asked of PostgreSQL in one statement.

A statement costs its message, its parsing and its answer, mostly, and hardly more for a hundred ids than for one.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

from mystar.kit.postgres.database import assert_no_transaction

Key = TypeVar("Key")
Value = TypeVar("Value")

#: Readings that run at a time. There is more than one, so that a lost connection holds up some only.
_AT_ONCE = 3
#: Keys of one reading.
_MOST = 500


class Gathered(Generic[Key, Value]):
    """Answers each key by the readings that begin after it was asked for; nothing is remembered.

    :param read: the values of these keys; those without one are left out.
    """

    def __init__(self, read: Callable[[Collection[Key]], Awaitable[Mapping[Key, Value]]], *, name: str) -> None:
        self._read, self._name = read, name
        self._waiting: dict[Key, list[asyncio.Future[Value | None]]] = {}
        #: Keeps them from being collected.
        self._tasks: set[asyncio.Task[None]] = set()
        self._readings = 0

    async def get(self, key: Key) -> Value | None:
        """The value, or None. Raises what the reading raises. :raises RuntimeError: inside a transaction."""
        assert_no_transaction("a reading that others share")
        waiter: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(waiter)
        if self._readings < _AT_ONCE:
            self._readings += 1
            # It starts when all that have arrived by now wait, and belongs to none of them: hence its own context.
            task = asyncio.create_task(self._answer(), name=self._name, context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await waiter

    async def _answer(self) -> None:
        asked: dict[Key, list[asyncio.Future[Value | None]]] = {}
        try:
            while self._waiting:
                asked = {key: self._waiting.pop(key) for key in list(self._waiting)[:_MOST]}
                try:
                    found = await self._read(asked)
                except Exception as error:
                    for waiter in _left(asked):
                        waiter.set_exception(error)
                else:
                    for key, waiters in asked.items():
                        for waiter in _left({key: waiters}):
                            waiter.set_result(found.get(key))
        finally:
            # Now, not when the task is found to be done: who asks in between would wait for ever.
            self._readings -= 1
            # Those of a reading that was cancelled.
            for waiter in _left(asked):
                waiter.cancel()


def _left(asked: Mapping[Key, list[asyncio.Future[Value]]]) -> list[asyncio.Future[Value]]:
    """Those who still wait: their clients may have gone."""
    return [waiter for waiters in asked.values() for waiter in waiters if not waiter.done()]
