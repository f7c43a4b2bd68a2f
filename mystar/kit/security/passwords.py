"""Password hashes: bcrypt over SHA-256, off the event loop, in a bounded number of threads.

Hashes that came with people from Django are read, too, until their first log-in replaces them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from mystar.errors import Unavailable
from mystar.kit.postgres.database import assert_no_transaction
from mystar.kit.security import pbkdf2

T = TypeVar("T")

#: Marks what we hash: bcrypt reads 72 bytes at most, so the password goes through SHA-256 first and any length counts.
_SCHEME = "bcrypt-sha256$"


class Passwords:
    """Hashes and checks passwords.

    :param cost: bcrypt's work factor; every step doubles the time.
    :param threads: how many hashes are computed at once; the rest wait in line.
    :param waiting: how many may wait before newcomers are told to come back (503), so that a flood of log-ins
        costs a bounded amount of memory and time.
    """

    def __init__(self, *, cost: int = 12, threads: int = 2, waiting: int = 64) -> None:
        self._cost = cost
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt", initializer=_step_back)
        self._places = threads + waiting
        self._taken = 0
        # Compared against when there is no account, so that its absence takes as long as a wrong password.
        self._nobody = self._hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """:raises Unavailable: too many are waiting already."""
        return await self._run(self._hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether ``password`` belongs to the ``stored`` hash. Takes as long when there is no hash.

        :raises Unavailable: too many are waiting already.
        """
        fits = await self._run(self._check, password, stored or self._nobody)
        return fits and bool(stored)

    @staticmethod
    def reads(stored: str) -> bool:
        """Whether this is a hash from elsewhere that `verify` understands and that does not take for ever."""
        try:
            pbkdf2.parse(stored)
        except ValueError:
            return False
        return True

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash is of another scheme than ours or cheaper than ours are now: replace it when one can."""
        cost = stored.removeprefix(_SCHEME)[4:6]  # "$2b$12$..."
        return not stored.startswith(_SCHEME) or not cost.isdecimal() or int(cost) < self._cost

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        assert_no_transaction("a password hash")
        if self._taken >= self._places:
            raise Unavailable(retry_after=2)
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._taken -= 1

    def _hash(self, password: str) -> str:
        return _SCHEME + bcrypt.hashpw(_digest(password), bcrypt.gensalt(self._cost)).decode()

    @staticmethod
    def _check(password: str, stored: str) -> bool:
        try:
            if stored.startswith(pbkdf2.SCHEME):
                return pbkdf2.verify(password, stored)
            scheme, _, salted = stored.partition("$")
            return f"{scheme}$" == _SCHEME and bcrypt.checkpw(_digest(password), salted.encode())
        except ValueError:  # a damaged hash opens nothing
            return False


def _step_back() -> None:
    """Let everybody who waits for an answer go first: hashing takes long anyway, and all of a processor."""
    if sys.platform == "linux":  # elsewhere this number may be another process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _digest(password: str) -> bytes:
    return base64.b64encode(hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest())
