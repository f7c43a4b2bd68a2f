"""The hash chain of entries: each hash includes the hash before it, so no row changes without all that follow it.

The last hash of a chain is signed (`AuditService`), so that the rows that follow cannot be replaced either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC

import orjson

from mystar.audit.model import AuditEvent, Value

#: Characters of a text in the details, and of a subject or an address.
_MAX_VALUE_LENGTH, _MAX_NAME_LENGTH = 100, 60
_MAX_DETAILS = 6


def digest(before: bytes, chain: int, number: int, event: AuditEvent) -> bytes:
    """SHA-256 of the hash before it, the position and the event, in one canonical spelling."""
    values = [
        chain,
        number,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.action,
        event.actor_id,
        event.subject,
        event.address,
        dict(event.details),
    ]
    return hashlib.sha256(before + b"\n" + orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).digest()


def details_digest(details: Mapping[str, Value]) -> str:
    """SHA-256 of details alone, in the same spelling: by it one entry vouches for those of another."""
    return hashlib.sha256(orjson.dumps(dict(details), option=orjson.OPT_SORT_KEYS)).hexdigest()


def truncated(event: AuditEvent) -> AuditEvent:
    """The event, short enough for the table and without characters that the table cannot hold."""
    details = {
        _clean(name, _MAX_NAME_LENGTH): _clean(value, _MAX_VALUE_LENGTH) if isinstance(value, str) else value
        for name, value in list(event.details.items())[:_MAX_DETAILS]
    }
    return AuditEvent(
        event.at,
        _clean(event.action, _MAX_NAME_LENGTH),
        event.actor_id,
        _clean(event.subject, _MAX_NAME_LENGTH),
        _clean(event.address, _MAX_NAME_LENGTH),
        details,
    )


def _clean(text: str, max_length: int) -> str:
    visible = "".join(character if character >= " " else " " for character in text[:max_length])
    return visible.encode("utf-8", "replace").decode()
