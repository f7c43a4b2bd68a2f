"""Which part of a file a request wants, and whether it wants it at all (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from mystar.errors import OutOfRange

#: One range of bytes. A list of several is legal and may be ignored, which is what we do with it.
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE | re.ASCII)
_TAG = re.compile(r'(?:W/)?"[^"]*"')


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


def is_known(headers: Mapping[str, str], etag: str, modified: datetime) -> bool:
    """Whether the client has these very bytes already and a 304 is enough.

    :param etag: with its quotes. :param modified: compared in whole seconds.
    """
    tags = headers.get("If-None-Match")
    if tags is not None:
        return tags.strip() == "*" or etag in (tag.removeprefix("W/") for tag in _TAG.findall(tags))
    since = _date(headers.get("If-Modified-Since", ""))
    return since is not None and modified.replace(microsecond=0) <= since


def wanted(headers: Mapping[str, str], size: int, etag: str, modified: datetime) -> Part | None:
    """The part that ``Range`` asks for; None = everything.

    :raises OutOfRange: no byte of the range exists.
    """
    asked = _RANGE.fullmatch(headers.get("Range", "").strip())
    if asked is None or not any(asked.groups()) or not _still_holds(headers.get("If-Range"), etag, modified):
        return None
    first, last = asked.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= end:
        raise OutOfRange(size=size)
    return Part(start, end - start, size)


def _still_holds(condition: str | None, etag: str, modified: datetime) -> bool:
    """Without ``If-Range`` always; a tag must be strong and equal, a date exactly ours."""
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition.strip() == etag
    return _date(condition) == modified.replace(microsecond=0)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
