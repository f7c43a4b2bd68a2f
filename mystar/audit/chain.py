"""How entries hang together: each hash contains the hash before it, so no row can be changed without all that follow.

The last hash of a chain is signed (`AuditService`), so that all that follow cannot be changed either.
"""

from __future__ import annotations

import hashlib
from datetime import UTC

import orjson

from mystar.audit.model import Note

#: Characters of a text in the details, and of a subject or an address.
_LONGEST_VALUE, _LONGEST_NAME = 100, 60
_MOST_DETAILS = 6


def digest(before: bytes, chain: int, number: int, note: Note) -> bytes:
    """SHA-256 of the hash before it, its place and everything it says, in one spelling."""
    words = [
        chain,
        number,
        note.at.astimezone(UTC).isoformat(timespec="microseconds"),
        note.act,
        note.actor_id,
        note.subject,
        note.address,
        dict(note.details),
    ]
    return hashlib.sha256(before + b"\n" + orjson.dumps(words, option=orjson.OPT_SORT_KEYS)).digest()


def bounded(note: Note) -> Note:
    """The same, short enough for the table and in characters that it can hold."""
    details = {
        _clean(name, _LONGEST_NAME): _clean(value, _LONGEST_VALUE) if isinstance(value, str) else value
        for name, value in list(note.details.items())[:_MOST_DETAILS]
    }
    return Note(
        note.at,
        _clean(note.act, _LONGEST_NAME),
        note.actor_id,
        _clean(note.subject, _LONGEST_NAME),
        _clean(note.address, _LONGEST_NAME),
        details,
    )


def _clean(text: str, longest: int) -> str:
    visible = "".join(character if character >= " " else " " for character in text[:longest])
    return visible.encode("utf-8", "replace").decode()
