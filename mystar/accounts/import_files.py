"""Reads files of accounts: CSV with a heading, JSON lines, or what ``manage.py dumpdata`` writes.

The contents of a file decide, not its name. What cannot be read is a record with a reason; reading goes on behind it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

#: What a person logs in with; a heading has at least one of these columns.
NAMES = frozenset({"username", "email", "phone"})
#: Other names of columns and fields.
_ALIASES = {"e-mail": "email", "login": "username", "phone_number": "phone", "date_of_birth": "birth_date"}
_DELIMITERS = ",;\t|"
#: Excel in Russian writes Windows-1251.
_ENCODINGS = ("utf-8-sig", "cp1251")
#: The first line that Excel writes and reads for another delimiter.
_EXCEL = re.compile(r"sep=(.)\r?\n")
#: Fields of a profile, a model beside the user, that belong to the account, and how a profile names its user.
_OF_PROFILES = ("phone", "birth_date", "first_name", "last_name")
_USER_LINKS = ("user", "account", "owner", "customer")


class Record(NamedTuple):
    """:param number: the line where it begins, or its place in a list, from 1.
    :param person: its fields, or None where it cannot be read, with the reason.
    """

    number: int
    person: dict[str, Any] | None
    reason: str = ""


def read(path: Path) -> list[Record]:
    """The records of the file.

    :raises ValueError: it is neither CSV with a known column nor JSON, or in an unknown encoding.
    """
    text = _decoded(path.read_bytes())
    start = text.lstrip()[:1]
    if start == "[":
        return _from_objects(list(enumerate(orjson.loads(text), 1)))
    if start == "{":
        return _from_objects(_lines(text))
    return list(_from_csv(text))


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ValueError("neither UTF-8 nor Windows-1251")


def _from_csv(text: str) -> Iterator[Record]:
    """An empty cell counts as missing."""
    skipped = text[: len(text) - len(text.lstrip())].count("\n")
    text = text.lstrip()
    if named := _EXCEL.match(text):
        text, skipped = text[named.end() :], skipped + 1
    delimiter = named[1] if named else max(_DELIMITERS, key=text.partition("\n")[0].count)
    rows = _numbered(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True))
    _, heading, _ = next(rows, (0, [], ""))
    columns = [_column(name) for name in heading]
    if not NAMES.intersection(columns):
        raise ValueError(f"the heading has none of the columns {', '.join(sorted(NAMES))}")
    for number, cells, reason in rows:
        if not reason and any(cell.strip() for cell in cells[len(columns) :]):
            reason = "There are more cells than columns."
        person = {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}
        yield Record(number + skipped, None if reason else person, reason)


def _numbered(reader: Any) -> Iterator[tuple[int, list[str], str]]:
    """Each row with the line where it begins: a quoted cell may have several. Empty rows are left out."""
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # An open quote takes the rest of the file.
            yield first, [], f"The line is not CSV: {error}."
            continue
        if cells:
            yield first, cells, ""


def _lines(text: str) -> list[tuple[int, Any]]:
    return [(number, _json(line)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _json(line: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _from_objects(objects: Sequence[tuple[int, Any]]) -> list[Record]:
    """People as they are, or Django's fixtures, whose other models are left out: ``{"model": …, "fields": {…}}``.

    :raises ValueError: none of them is a person.
    """
    profiles = _profiles(objects)
    records = []
    for number, one in objects:
        if not isinstance(one, dict):
            records.append(Record(number, None, "It is not a JSON object."))
        elif not _is_fixture(one):
            records.append(Record(number, _named(one)))
        elif _is_user(one):
            fields = _named(one["fields"])
            # A natural key is a list of names, beginning with that of the log-in.
            keys = (str(one.get("pk")), str(fields.get("username")), str(fields.get("email")))
            found = next((profiles[key] for key in keys if key in profiles), {})
            records.append(
                Record(number, {**found, **{name: value for name, value in fields.items() if value not in (None, "")}})
            )
    if objects and not any(record.person for record in records):
        raise ValueError("no object is a user")
    return records


def _profiles(objects: Sequence[tuple[int, Any]]) -> dict[str, dict[str, Any]]:
    """What profiles say of their users, by the user's key. A profile may share the key of its user (inheritance)."""
    found: dict[str, dict[str, Any]] = {}
    for _, one in objects:
        if not isinstance(one, dict) or not _is_fixture(one) or _is_user(one):
            continue
        fields = _named(one["fields"])
        said = {name: fields[name] for name in _OF_PROFILES if fields.get(name)}
        link = next((fields[name] for name in _USER_LINKS if fields.get(name)), None)
        key = link[0] if isinstance(link, list) and link else link or one.get("pk")
        # A guess by the key of the profile itself must not hide what a profile says of its user.
        if said and (link is not None or (str(key) not in found and "profile" not in str(one.get("model")).lower())):
            found[str(key)] = {**found.get(str(key), {}), **said}
    return found


def _is_fixture(one: dict[str, Any]) -> bool:
    return "model" in one and isinstance(one.get("fields"), dict)


def _is_user(one: dict[str, Any]) -> bool:
    """Whether a fixture is an account: by the name of its model, or by its password."""
    fields = _named(one["fields"])
    is_named = str(one["model"]).lower().endswith(("user", "users"))
    return is_named or bool("password" in fields and NAMES & fields.keys())


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields under the names that are known here."""
    return {_column(name): value for name, value in fields.items()}


def _column(name: str) -> str:
    name = name.strip().lower()
    return _ALIASES.get(name, name)
