"""Replaces what the audit log has of a person who is erased, so that the chains stay intact.

The hash of an entry stays that of its first details. The new ones are vouched for by an entry `entry_redacted`, which
has their SHA-256 and is part of a chain itself: only the key can replace details so that `verify` accepts them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mystar.audit.chain import details_digest
from mystar.audit.model import Entry, Value
from mystar.audit.repository import AuditRepository
from mystar.audit.service import AuditService
from mystar.kit.postgres.database import Tx
from mystar.kit.postgres.personal_data import ErasedPerson

#: What is replaced in entries about the account, by action; in others only the names are.
_PERSONAL = {
    "field_changed": ("before", "after"),
    "factor_added": ("name",),
    "factor_removed": ("name",),
    "factor_renamed": ("before", "after"),
    "payout_details_changed": ("mask", "fingerprint"),
}


async def former_names(tx: Tx, account_id: int) -> set[str]:
    """User names and full names that the account had, as far as the log knows."""
    seen: dict[str, set[str]] = {"username": set(), "first_name": set(), "last_name": set()}
    for row in await AuditRepository(tx).former_names(f"account:{account_id}"):
        seen[row["field"]] |= {row["before"], row["after"]} - {"", None}
    full = {f"{first} {last}" for first in seen["first_name"] for last in seen["last_name"]}
    return seen["username"] | full | {" ".join(reversed(name.split(" "))) for name in full if name.count(" ") == 1}


async def redact(tx: Tx, audit: AuditService, person: ErasedPerson) -> int:
    """Replace names, masked contacts and payout details in the entries of the person; returns in how many."""
    rows, subject, names = AuditRepository(tx), f"account:{person.id}", person.spellings
    entries = await rows.of_person(person.id, subject, tuple(_PERSONAL), names)
    pattern = re.compile("|".join(map(re.escape, names)) or r"(?!)", re.IGNORECASE)
    for entry in entries:
        details = _redacted(entry, subject, pattern, person.alias)
        head = await audit.record(
            tx, "entry_redacted", f"audit:{entry.id}", digest=details_digest(details), account=person.id
        )
        await rows.redact(entry.id, details, head)
    return len(entries)


def _redacted(entry: Entry, subject: str, pattern: re.Pattern[str], alias: str) -> Mapping[str, Value]:
    event = entry.event
    emptied = _PERSONAL.get(event.action, ()) if event.subject == subject else ()
    return {
        name: "" if name in emptied and value else pattern.sub(alias, value) if isinstance(value, str) else value
        for name, value in event.details.items()
    }
