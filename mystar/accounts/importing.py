"""People who come from a Django service, with their password hashes: they log in as they did before.

A file has one person per record, as CSV with a heading or as JSON lines. The hash stays what it is until the person's
first log-in, which has the password in hand and writes one of ours.
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
            # An empty cell says nothing.
            yield from ((rows.line_num, {name: cell for name, cell in row.items() if name and cell}) for row in rows)


async def import_account(accounts: AccountService, record: Any) -> int:
    """Make the account of one record; answers its id.

    Some services used the e-mail as the user name. Here names are seen by everybody, so those get another.

    :raises Invalid: by field; a hash that is not ``pbkdf2_sha256``, too. :raises Taken: by field.
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
