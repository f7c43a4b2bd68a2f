"""Imports accounts of a Django service with their password hashes, so that people log in as before.

A file has one person per record, as CSV with a header or as JSON lines. The hash is replaced at the first log-in, when
the password is known.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from mystar.accounts.drafts import generate_username
from mystar.accounts.model import Draft
from mystar.accounts.schemas import ImportedPerson
from mystar.accounts.service import AccountService
from mystar.kit.web.validation import loaded


def read(path: Path) -> Iterator[tuple[int, Any]]:
    """The records and the lines they end on. :raises ValueError: not UTF-8, or a line that is not JSON."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".jsonl":
            yield from ((number, orjson.loads(line)) for number, line in enumerate(file, 1) if line.strip())
        else:
            rows = csv.DictReader(file)
            # An empty cell counts as missing.
            yield from ((rows.line_num, {name: cell for name, cell in row.items() if name and cell}) for row in rows)


async def import_account(accounts: AccountService, record: Any) -> int:
    """Create the account of one record and return its id.

    Some services use the e-mail as the user name. User names are public here, so such a name is replaced.

    :raises Invalid: by field; also for a hash other than ``pbkdf2_sha256``. :raises Taken: by field.
    """
    person = loaded(ImportedPerson(), record)
    username = person["username"]
    if not username or "@" in username:
        person["email"] = person["email"] or username or None
        username = generate_username()
    draft = Draft(
        username,
        person["email"],
        person["phone"],
        first_name=person["first_name"],
        last_name=person["last_name"],
    )
    return (await accounts.add_imported(draft, person["password"], is_verified=person["is_verified"])).id
