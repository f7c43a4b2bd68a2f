"""Imports accounts of a Django service with their password hashes, so that people log in as before.

A file is CSV with a heading, JSON lines with one account each, or what ``manage.py dumpdata auth.user`` writes; its
contents decide, not its name. The hash is replaced at the first log-in, when the password is known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mystar.accounts.drafts import generate_username
from mystar.accounts.model import Draft
from mystar.accounts.schemas import ImportedPerson
from mystar.accounts.service import AccountService
from mystar.errors import Invalid, Text
from mystar.kit.web.validation import loaded

#: Columns that name a person; a heading has at least one of them.
_NAMES = frozenset({"username", "email", "phone"})
_DELIMITERS = ",;\t|"
#: Excel in Russian writes Windows-1251.
_ENCODINGS = ("utf-8-sig", "cp1251")


class NamesNobody(Invalid):
    """An imported record has neither a user name nor an e-mail nor a phone number."""

    code = "names_nobody"
    text = Text(
        "В записи нет ни имени пользователя, ни email, ни телефона.",
        "The record has neither a user name nor an e-mail nor a phone number.",
    )


class BrokenRecord(Invalid):
    """A line of an imported file is not a JSON object."""

    code = "broken_record"
    text = Text("Строка — не объект JSON.", "The line is not a JSON object.")


class InactiveRecord(Invalid):
    """An imported account was deactivated; importing it would let its owner in again."""

    code = "inactive_record"
    text = Text("Учётная запись отключена.", "The account is deactivated.")


class Record(NamedTuple):
    """``number``: the line of a file of lines, or the place in a list, from 1. ``person`` None: it cannot be read."""

    number: int
    person: Any


def read(path: Path) -> list[Record]:
    """The records of the file.

    :raises ValueError: it is neither CSV with a known column nor JSON, or in an unknown encoding.
    """
    text = _decoded(path.read_bytes())
    start = text.lstrip()[:1]
    if start == "[":
        return list(_from_dump(text))
    records = list(_from_lines(text) if start == "{" else _from_csv(text))
    if not records and text.strip() and start == "{":
        raise ValueError("no line is a JSON object")
    return records


async def import_account(accounts: AccountService, record: Any) -> int:
    """Create the account of one record and return its id.

    Some services use the e-mail as the user name. User names are public here, so such a name is replaced.

    :raises BrokenRecord: it could not be read. :raises NamesNobody: by nothing that a person logs in with.
    :raises InactiveRecord: it was deactivated. :raises Taken: by field.
    :raises Invalid: by field; also for a hash other than ``pbkdf2_sha256``.
    """
    if not isinstance(record, dict):
        raise BrokenRecord
    if not any(str(record.get(name) or "").strip() for name in _NAMES):
        raise NamesNobody
    person = loaded(ImportedPerson(), record)
    if not person["is_active"]:
        raise InactiveRecord
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


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ValueError("neither UTF-8 nor Windows-1251")


def _from_csv(text: str) -> Iterator[Record]:
    heading = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
    if not _NAMES.intersection(rows.fieldnames):
        raise ValueError(f"the heading has none of the columns {', '.join(sorted(_NAMES))}")
    try:
        for row in rows:
            # An empty cell counts as missing.
            yield Record(rows.line_num, {name: cell for name, cell in row.items() if name and cell})
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error


def _from_lines(text: str) -> Iterator[Record]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield Record(number, _json(line))


def _from_dump(text: str) -> Iterator[Record]:
    """Django's fixtures: ``[{"model": "auth.user", "fields": {…}}, …]``; objects of other models are left out."""
    objects = orjson.loads(text)
    users = list(filter(_is_user, objects))
    if objects and not users:
        raise ValueError("no object of the dump is a user")
    for number, one in enumerate(users, 1):
        fields = one.get("fields") if isinstance(one, dict) else None
        yield Record(number, fields if isinstance(fields, dict) else None)


def _json(line: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _is_user(one: Any) -> bool:
    """Whether an object of a dump is a user, or too broken to tell, which is reported."""
    return not isinstance(one, dict) or str(one.get("model", "")).lower().endswith("user")
