"""The line of the log for every request: as JSON it is made without `logging`, which would cost more than the line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

access = logging.getLogger("mystar.access")

_AS_OTHERS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class _Lines:
    """Lines that wait for the end of this turn of the event loop, which writes them at once."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def add(self, fields: dict[str, Any]) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        # They hold no secrets: the route stands for the address.
        self._waiting.append(orjson.dumps(fields, option=_AS_OTHERS))

    def _write(self) -> None:
        text, self._waiting = b"".join(self._waiting).decode(), []
        # A log that cannot be written is no reason to stop.
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


#: None = requests are logged as everything else is.
_lines: _Lines | None = None


def configure_access_log(form: str, *, enabled: bool) -> None:
    """:param form: "json" or "text"."""
    global _lines
    access.disabled = not enabled
    _lines = _Lines() if form == "json" else None


def log_request(method: str, route: str, status: int, milliseconds: float, address: str, request_id: str) -> None:
    """Without the query, which may contain tokens. A client that has gone (499) is told apart by the level."""
    level = logging.DEBUG if status == 499 else logging.INFO
    if not access.isEnabledFor(level):
        return
    event = f"{method} {route} {status} {milliseconds} ms"
    extra = {"method": method, "route": route, "status": status, "ms": milliseconds, "address": address}
    if _lines is None:
        access.log(level, "%s", event, extra=extra)
    else:
        known = {"request_id": request_id, "event": event, "level": logging.getLevelName(level).lower()}
        _lines.add(known | {"logger": access.name} | extra | {"timestamp": datetime.now(UTC)})
