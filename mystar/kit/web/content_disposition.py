"""The names in ``Content-Disposition`` of a form's part, also as old and unusual clients write them.

RFC 7578 wants plain UTF-8 in quotes; RFC 6266 adds ``filename*=UTF-8''…``, and RFC 2231 sections, ``filename*0=``,
``filename*1*=`` and so on. Nothing here raises: what cannot be decoded is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mystar.kit.web.charsets import known_charset

_PARAMETER = re.compile(r""";\s*([^\s=;"]+)\s*=\s*("(?:\\.|[^"\\])*"(?=\s*(?:;|$))|[^;]*)""", re.DOTALL)
#: Some clients escape nothing, and send the folders of Windows: other backslashes stay.
_ESCAPED = re.compile(r"\\([\"\\])")
_MAX_SECTIONS = 100


@dataclass(frozen=True, slots=True)
class Disposition:
    """``filename`` None: the part is an ordinary field. "": a file without a name, or one that was not chosen."""

    name: str
    filename: str | None


def parse_disposition(header: str) -> Disposition:
    parameters: dict[str, str] = {}
    for key, value in _PARAMETER.findall(header):
        parameters.setdefault(key.lower(), _plain(value))
    return Disposition((_value(parameters, "name") or "").strip(), _value(parameters, "filename"))


def _plain(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    # The parser of headers keeps bytes that are not UTF-8 as lone surrogates, which no answer may repeat.
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _value(parameters: Mapping[str, str], name: str) -> str | None:
    if f"{name}*" in parameters:
        charset, octets = _extended(parameters[f"{name}*"])
        return octets.decode(charset, "replace")
    if f"{name}*0" in parameters or f"{name}*0*" in parameters:
        return _joined(parameters, name)
    return parameters.get(name)


def _joined(parameters: Mapping[str, str], name: str) -> str:
    """The sections together. Only the first may name a charset; those without an asterisk are literal."""
    charset, octets = "utf-8", b""
    for number in range(_MAX_SECTIONS):
        literal, encoded = parameters.get(f"{name}*{number}"), parameters.get(f"{name}*{number}*")
        if encoded is not None and number == 0:
            charset, octets = _extended(encoded)
        elif encoded is not None:
            octets += unquote_to_bytes(encoded)
        elif literal is not None:
            octets += literal.encode(charset, "replace")
        else:
            break
    return octets.decode(charset, "replace")


def _extended(value: str) -> tuple[str, bytes]:
    """Charset and bytes of ``charset'language'percent-encoded``; of anything else its own bytes."""
    charset, *rest = value.split("'", 2)
    if len(rest) != 2:
        return "utf-8", unquote_to_bytes(value)
    try:
        return known_charset(charset), unquote_to_bytes(rest[1])
    except LookupError:
        return "utf-8", unquote_to_bytes(rest[1])
