"""How much the uploads of one person may take: bytes that are reserved while they arrive, and uploads at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from time import monotonic

from mystar.accounts.model import Actor
from mystar.accounts.service import AccountService
from mystar.files.model import QuotaExceeded, QuotaUntilConfirmed, TooManyUploads
from mystar.files.repository import FileRepository
from mystar.files.turns import SharedTurns, in_own_task
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.sections import FileSettings

#: A reservation exceeds what has arrived by as much again, within these bytes.
_SMALLEST_STEP, _LARGEST_STEP = 64 * 1024, 8 * 2**20
#: Seconds after which a reservation that did not grow is touched, and age at which it counts no more.
_TOUCH_AFTER = 30.0
STALE = timedelta(minutes=5)
#: How many further uploads of a person may wait for one of the others to end.
_MAX_WAITING = 8


class Quotas:
    """The bytes that a person may have stored."""

    def __init__(self, db: Database, accounts: AccountService, clock: Clock, settings: FileSettings) -> None:
        self._db, self._accounts, self._clock, self._settings = db, accounts, clock, settings

    async def limit_of(self, actor: Actor | None) -> Limit:
        if actor is None:
            return Limit(self._settings.guest_quota, QuotaExceeded)
        if (await self._accounts.profile(actor.id)).is_verified:
            return Limit(self._settings.quota, QuotaExceeded)
        return Limit(self._settings.unconfirmed_quota, QuotaUntilConfirmed)

    async def require(self, actor: Actor, size: int) -> None:
        """:raises QuotaExceeded: so many bytes are not left."""
        limit = await self.limit_of(actor)
        if await FileRepository(self._db).used(actor.id, self._clock.now() - STALE) + size > limit.size:
            raise limit.error

    async def reserve(self, actor: Actor | None) -> Reservation:
        """An empty reservation, which grows with the upload."""
        owner_id = actor.id if actor else None
        return Reservation(self._db, self._clock, owner_id, await self.limit_of(actor))


class Limit:
    """Bytes, and the error when they are exceeded."""

    def __init__(self, size: int, error: type[QuotaExceeded]) -> None:
        self.size, self.error = size, error


class Reservation:
    """Bytes of one upload in progress. Its statements are never part of the request's own transaction."""

    def __init__(self, db: Database, clock: Clock, owner_id: int | None, limit: Limit) -> None:
        self._db, self._clock, self._owner_id, self._limit = db, clock, owner_id, limit
        self.id: int | None = None
        self._size, self._touched = 0, monotonic()

    @property
    def quota(self) -> int:
        return self._limit.size

    async def cover(self, size: int) -> None:
        """Reserve so many bytes, and some more if there are. :raises QuotaExceeded: they are not left."""
        if size <= self._size and monotonic() - self._touched < _TOUCH_AFTER:
            return
        wanted = size + min(max(size, _SMALLEST_STEP), _LARGEST_STEP)
        granted = await in_own_task(self._grow(max(size, self._size), max(wanted, self._size)))
        if granted is None:
            raise self._limit.error
        self.id, self._size = granted
        self._touched = monotonic()

    async def _grow(self, needed: int, wanted: int) -> tuple[int, int] | None:
        now = self._clock.now()
        async with self._db.transaction() as tx:
            files = FileRepository(tx)
            await files.lock_quota(self._owner_id)
            return await files.reserve(
                self.id,
                owner_id=self._owner_id,
                needed=needed,
                wanted=wanted,
                quota=self._limit.size,
                since=now - STALE,
                now=now,
            )

    async def release(self) -> None:
        if self.id is not None:
            await in_own_task(FileRepository(self._db).release(self.id))


class UploadTurns:
    """At most so many uploads of one person at a time.

    :param shared: turns in all processes, if there are several; those of this process are taken first.
    :param patience: seconds that a further upload waits for one of the others to end.
    """

    def __init__(self, at_once: int, shared: SharedTurns | None = None, *, patience: float = 10.0) -> None:
        self._at_once, self._shared, self.patience = at_once, shared, patience
        self._running: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._ended = asyncio.Condition()

    @asynccontextmanager
    async def turn(self, person: str) -> AsyncIterator[None]:
        """:raises TooManyUploads: the others did not end in time."""
        await self._begin(person)
        try:
            async with AsyncExitStack() as stack:
                if self._shared is not None:
                    await self._begin_shared(stack, self._shared.turn(person))
                yield
        finally:
            async with self._ended:
                self._running[person] -= 1
                self._running += Counter()  # without those of none
                self._ended.notify_all()

    async def _begin(self, person: str) -> None:
        async with self._ended:
            if self._running[person] >= self._at_once:
                await self._wait(person)
            self._running[person] += 1

    async def _begin_shared(self, stack: AsyncExitStack, turn: AbstractAsyncContextManager[None]) -> None:
        try:
            async with asyncio.timeout(self.patience):
                await stack.enter_async_context(turn)
        except TimeoutError as error:
            raise TooManyUploads from error

    async def _wait(self, person: str) -> None:
        if self._waiting[person] >= _MAX_WAITING:
            raise TooManyUploads
        self._waiting[person] += 1
        try:
            async with asyncio.timeout(self.patience):
                await self._ended.wait_for(lambda: self._running[person] < self._at_once)
        except TimeoutError as error:
            raise TooManyUploads from error
        finally:
            self._waiting[person] -= 1
            self._waiting += Counter()
