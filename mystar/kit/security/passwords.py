"""Password hashes: bcrypt over SHA-256, off the event loop, in a bounded number of threads.

Hashes imported from Django are verified, too, and replaced at the first log-in.
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

#: Prefix of our hashes: bcrypt reads 72 bytes at most, so the password is hashed by SHA-256 first.
_SCHEME = "bcrypt-sha256$"


class Passwords:
    """Hashes and verifies passwords.

    :param cost: bcrypt's work factor; every step doubles the time.
    :param threads: how many hashes are computed at once.
    :param waiting: how many more may wait; beyond that `Unavailable` is raised (503), so that a flood of log-ins costs
        a bounded amount of memory and time.
    """

    def __init__(self, *, cost: int = 12, threads: int = 2, waiting: int = 64) -> None:
        self._cost = cost
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt", initializer=_lower_priority)
        self._places = threads + waiting
        self._taken = 0
        # Verified against when there is no account, so that this takes as long as a wrong password.
        self._dummy = self._hash("not the password of any account")

    async def hash(self, password: str) -> str:
        """:raises Unavailable: too many are waiting already."""
        return await self._run(self._hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether ``password`` belongs to the ``stored`` hash. Takes equally long when there is no hash.

        :raises Unavailable: too many are waiting already.
        """
        fits = await self._run(self._check, password, stored or self._dummy)
        return fits and bool(stored)

    @staticmethod
    def reads(stored: str) -> bool:
        """Whether this is an imported hash that `verify` accepts, with a bounded number of iterations."""
        try:
            pbkdf2.parse(stored)
        except ValueError:
            return False
        return True

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash has another scheme, or a lower cost, than new hashes have."""
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
        except ValueError:  # a damaged hash fits no password
            return False


def _lower_priority() -> None:
    """Hashing uses a whole processor; requests that are being answered come first."""
    if sys.platform == "linux":  # elsewhere this number may be that of another process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _digest(password: str) -> bytes:
    return base64.b64encode(hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest())
