"""Ranges and conditions of a request for a file (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from aiohttp import web

from mystar.errors import OutOfRange
from mystar.kit.web.etags import is_among

#: One range of bytes. A list of several may be ignored (RFC 9110, 14.2), and is. Of spaces without a digit no part is
#: tried again.
_RANGE = re.compile(r"bytes\s*+=\s*+(\d{0,18})\s*+-\s*+(\d{0,18})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """``size`` bytes from ``start`` of ``whole``."""

    start: int
    size: int
    whole: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.start + self.size - 1}/{self.whole}"


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def is_cached(request: web.Request, etag: str, modified: datetime) -> bool:
    """Whether the client has these very bytes already, so that a 304 is enough.

    :param modified: compared in whole seconds.
    """
    if "If-None-Match" in request.headers:
        return is_among(request.if_none_match, etag)
    since = _date(request, "if_modified_since")
    return since is not None and modified.replace(microsecond=0) <= since


def requested_part(request: web.Request, size: int, etag: str, modified: datetime) -> Part | None:
    """The part that ``Range`` names; None = the whole file. Ranges are defined for GET alone (RFC 9110, 14.2).

    :raises OutOfRange: no byte of the range exists.
    """
    if request.method != "GET":
        return None
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or not any(found.groups()) or not _is_unchanged(request, etag, modified):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= end:
        raise OutOfRange(size=size)
    return Part(start, end - start, size)


def _is_unchanged(request: web.Request, etag: str, modified: datetime) -> bool:
    """Whether ``If-Range`` holds: a tag must be strong and equal, a date equal to the second."""
    condition = request.headers.get("If-Range")
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition.strip() == f'"{etag}"'
    return _date(request, "if_range") == modified.replace(microsecond=0)


def _date(request: web.Request, header: Literal["if_modified_since", "if_range"]) -> datetime | None:
    # aiohttp reads the year 99999999999 and cannot make a datetime of it.
    with suppress(OverflowError):
        found: datetime | None = getattr(request, header)
        return found
    return None
