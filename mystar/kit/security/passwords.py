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
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import bcrypt

from mystar.kit.postgres.database import assert_no_transaction
from mystar.kit.security import pbkdf2
from mystar.kit.security.fair_queue import FairQueue

T = TypeVar("T")

#: Prefix of our hashes: bcrypt reads 72 bytes at most, so the password is hashed by SHA-256 first.
_SCHEME = "bcrypt-sha256$"
#: How much longer than a hash a refusal takes: without it, only the dearest hash would sometimes take longer.
_MARGIN = 1.25


class Passwords:
    """Hashes and verifies passwords.

    A caller names its ``client``, by address, and its ``account``: clients are served in turn, and an account has one
    hash computed at a time, so that a flood of log-ins delays only its sender (`FairQueue`).

    :param cost: bcrypt's work factor; every step doubles the time.
    :param threads: how many hashes are computed at once.
    :param waiting: how many more may wait per client.
    """

    def __init__(self, *, cost: int = 12, threads: int = 2, waiting: int = 64) -> None:
        self._cost = cost
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt", initializer=_lower_priority)
        self._queue = FairQueue(self._pool, threads, waiting)
        #: Seconds that a hash takes, by scheme and cost: moving averages.
        self._seconds: dict[str, float] = {}
        # Verified against when there is no account, so that this takes as long as a wrong password. Timed, so that the
        # first refusal takes as long as later ones.
        began = time.perf_counter()
        self._dummy = self._hash("not the password of any account")
        self._seconds[_kind_of(self._dummy)] = time.perf_counter() - began

    async def hash(self, password: str, *, client: str = "", account: object = None) -> str:
        """:raises TooMany: too many of this client are waiting. :raises Unavailable: too many in all."""
        return await self._run(partial(self._hash, password), client, account)

    async def verify(self, password: str, stored: str | None, *, client: str = "", account: object = None) -> bool:
        """Whether ``password`` belongs to the ``stored`` hash.

        A refusal takes equally long without a hash, and with an imported one, which is cheaper or dearer to compute.

        :raises TooMany: too many of this client are waiting. :raises Unavailable: too many in all.
        """
        work = partial(self._timed_check, password, stored or self._dummy)
        matches, seconds = await self._run(work, client, account)
        if not (matches and stored):
            await asyncio.sleep(max(0.0, self.refusal_seconds - seconds))
            return False
        return True

    @property
    def refusal_seconds(self) -> float:
        """How long a refusal takes: longer than the dearest hash that is in use, whose times vary."""
        return _MARGIN * max(self._seconds.values())

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

    async def _run(self, work: Callable[[], T], client: str, account: object) -> T:
        assert_no_transaction("a password hash")
        return await self._queue.run(work, client=client or f"account {account}", account=account)

    def _timed_check(self, password: str, stored: str) -> tuple[bool, float]:
        began = time.perf_counter()
        matches = self._check(password, stored)
        seconds = time.perf_counter() - began
        kind = _kind_of(stored)
        self._seconds[kind] = seconds + 0.9 * (self._seconds.get(kind, seconds) - seconds)
        return matches, seconds

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


def _kind_of(stored: str) -> str:
    """Scheme and cost: "pbkdf2_sha256$260000", "bcrypt_sha256$$2b$12"."""
    return "$".join(stored.split("$")[: 2 if stored.startswith(pbkdf2.SCHEME) else 4])


def _lower_priority() -> None:
    """Hashing uses a whole processor; requests that are being answered come first."""
    if sys.platform == "linux":  # elsewhere this number may be that of another process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _digest(password: str) -> bytes:
    return base64.b64encode(hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest())
