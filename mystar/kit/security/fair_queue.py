"""A queue for expensive work in threads that serves all clients in turn, however much one of them asks for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from mystar.errors import TooMany, Unavailable

T = TypeVar("T")


class _Job(NamedTuple):
    account: object
    work: Callable[[], Any]
    done: asyncio.Future[Any]


class FairQueue:
    """Takes one job per client in turn. An account has one job running, a client leaves a thread to others.

    :param threads: of the pool. :param waiting: jobs that may wait per client, and twenty times as many in all.
    """

    def __init__(self, pool: ThreadPoolExecutor, threads: int, waiting: int) -> None:
        self._pool, self._threads, self._waiting = pool, threads, waiting
        self._lines: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._clients: dict[str, int] = {}
        self._accounts: set[object] = set()
        self._running = 0

    async def run(self, work: Callable[[], T], *, client: str, account: object = None) -> T:
        """:raises TooMany: too many jobs of this client wait already. :raises Unavailable: too many in all."""
        line = self._lines.setdefault(client, deque())
        if len(line) >= self._waiting:
            raise TooMany(retry_after=2)
        if sum(map(len, self._lines.values())) >= 20 * self._waiting:
            raise Unavailable(retry_after=2)
        job = _Job(account, work, asyncio.get_running_loop().create_future())
        line.append(job)
        self._start()
        try:
            result: T = await job.done
        finally:
            if job in line:  # cancelled while it waited
                line.remove(job)
        return result

    def _start(self) -> None:
        while self._running < self._threads and (found := self._next()):
            client, job = found
            self._running += 1
            self._clients[client] = self._clients.get(client, 0) + 1
            if job.account is not None:
                self._accounts.add(job.account)
            running = asyncio.get_running_loop().run_in_executor(self._pool, job.work)
            running.add_done_callback(partial(self._finish, client, job))

    def _next(self) -> tuple[str, _Job] | None:
        """The first job of the next client that may run; the client goes to the end."""
        places = max(1, self._threads - 1)
        for client, line in list(self._lines.items()):
            if not line:
                del self._lines[client]
                continue
            if self._clients.get(client, 0) >= places:
                continue
            job = next((one for one in line if one.account not in self._accounts), None)
            if job is not None:
                line.remove(job)
                self._lines.move_to_end(client)
                return client, job
        return None

    def _finish(self, client: str, job: _Job, result: asyncio.Future[Any]) -> None:
        self._running -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        self._accounts.discard(job.account)
        if client in self._lines:
            self._lines.move_to_end(client)
        if not job.done.done():
            if result.cancelled():
                job.done.cancel()
            elif error := result.exception():
                job.done.set_exception(error)
            else:
                job.done.set_result(result.result())
        self._start()
