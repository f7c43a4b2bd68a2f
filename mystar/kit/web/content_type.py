"""``Content-Type`` of a request (RFC 9110, 8.3).

aiohttp has it read by Python's parser of mails, which takes the square of its length and recurses into comments: 8 KB
of them held the event loop for two seconds, or ended as an error of the server.
"""

from __future__ import annotations

import re

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
#: What a body is without a readable type.
_UNKNOWN = "application/octet-stream"


def media_type_of(header: str | None) -> str:
    """ "application/json" of ``Application/JSON; charset=utf-8``."""
    kind = (header or "").partition(";")[0].strip().lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) else _UNKNOWN


def charset_of(header: str | None) -> str | None:
    """The parameter ``charset``; None without one."""
    for parameter in (header or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"')
    return None
