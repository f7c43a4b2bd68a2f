"""Whether the storage of files takes writes: for health checks and metrics, which must not cost much."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge

from mystar.errors import Unavailable
from mystar.kit.health import Fact
from mystar.kit.storage.local import Storage, StorageFull

#: "full": no room; "away": a bucket that does not answer; "unusable": read-only, not permitted, broken or out of files.
State = Literal["ok", "full", "away", "unusable"]

#: Seconds for which an answer is good, and after which a disk that hangs is unusable.
_FRESH, _PATIENCE = 5.0, 3.0


class WriteProbe:
    """Writes a byte and deletes it, at most every five seconds."""

    def __init__(self, storage: Storage, registry: CollectorRegistry | None = None, folder: Path | None = None) -> None:
        """:param folder: on the disk whose room is measured."""
        self._folder = folder
        self._storage, self._asking = storage, asyncio.Lock()
        self._state: State = "ok"
        self._asked_at = -_FRESH
        #: What the system said, for operators.
        self.reason = ""
        self._writable = Gauge("mystar_storage_writable", "Whether the file storage takes writes", registry=registry)

    async def state(self) -> State:
        async with self._asking:
            if time.monotonic() - self._asked_at >= _FRESH:
                self._state = await self._ask()
                self._asked_at = time.monotonic()
                self._writable.set(self._state == "ok")
            return self._state

    async def facts(self) -> Sequence[Fact]:
        """Whether files can be stored, and the free bytes of the disk."""
        state = await self.state()
        facts = [Fact("storage_fails", "", float(state != "ok"), "" if state == "ok" else f"{state}: {self.reason}")]
        if self._folder is not None and self._folder.is_dir():
            usage = await asyncio.to_thread(shutil.disk_usage, self._folder)
            facts.append(Fact("disk_low", "", float(usage.free)))
        return facts

    async def _ask(self) -> State:
        self.reason = ""
        try:
            async with asyncio.timeout(_PATIENCE), self._storage.stage() as staged:
                await staged.write(b"\0")
                await staged.finish()
        except StorageFull as error:
            self.reason = str(error.__cause__)
            return "full" if error.is_full else "unusable"
        except Unavailable as error:
            self.reason = error.message("en")
            return "away"
        except TimeoutError:
            self.reason = f"no answer within {_PATIENCE:.0f} seconds"
            return "unusable"
        return "ok"
