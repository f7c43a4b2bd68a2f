"""What rate limits count in the memory of one process.

The library's own storage looks at every counter whenever one is raised, and keeps as many as there are senders. A
client with an IPv6 /48 has 65,536 networks; with so many counters each request that changes something cost a tenth of
a second of the event loop.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque

from limits.aio.storage import MemoryStorage

#: Counters that begin and end with each new one: what has ended becomes less, and none has to wait for thousands.
_FORGOTTEN = 2


class Counters(MemoryStorage):
    """Counters of sliding windows.

    :param most: of each length of window; beyond that the oldest one is forgotten, whose window ends first.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        #: The count, and until when it holds, by key. A key is that of one window.
        self._counts: dict[str, tuple[int, float]] = {}
        #: Keys by how long they hold, in the order of their beginnings, which is that of their ends.
        self._begun: defaultdict[float, deque[str]] = defaultdict(deque)

    def __len__(self) -> int:
        return len(self._counts)

    async def get(self, key: str) -> int:
        count, until = self._counts.get(key, (0, 0.0))
        return count if time.time() < until else 0

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        if key not in self._counts:
            self._forget(self._begun[expiry], now)
            self._begun[expiry].append(key)
        count, until = self._counts.get(key, (0, 0.0))
        if until <= now:
            count, until = 0, now + expiry
        self._counts[key] = count + amount, until
        return count + amount

    async def decr(self, key: str, amount: int = 1) -> int:
        if key not in self._counts:
            return 0
        count, until = self._counts[key]
        self._counts[key] = max(0, count - amount), until
        return max(0, count - amount)

    def _forget(self, begun: deque[str], now: float) -> None:
        for _ in range(_FORGOTTEN):
            if begun and (len(begun) >= self._most or self._counts[begun[0]][1] <= now):
                del self._counts[begun.popleft()]
