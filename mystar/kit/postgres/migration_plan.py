"""What migrations would do, read from their files: the kinds of their statements, and what they take away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from yoyo.migrations import read_sql_migration

from mystar.kit.postgres import migrations

#: What the release before may still read or write: with it a migration does not only add.
_TAKES_AWAY = re.compile(
    r"\bdrop\s+(?:table|view|schema|type)\b|\bdrop\s+column\b|\brename\b|^truncate\b"
    r"|\balter\s+(?:column\s+)?\w+\s+(?:set\s+data\s+)?type\b|\bset\s+not\s+null\b",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"(create|alter|drop|comment on|insert|update|delete|select|with|set|do|truncate|grant|revoke|analyze)\b"
    r"(?:\s+(?:or replace|unique|unlogged|constraint))*\s*(table|index|function|trigger|extension|view|sequence|type)?",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--.*")
_TEXT = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Planned:
    """A migration that would run. ``kinds``: such as "create table", with how many statements of it there are.

    ``takes_away``: statements after which the release before may fail; empty = it only adds.
    """

    name: str
    kinds: dict[str, int]
    takes_away: tuple[str, ...]
    is_transactional: bool


def plan(dsn: str, directory: Path | None = None) -> list[Planned]:
    """The migrations that the database lacks, in order. Reads and changes nothing."""
    folder = directory or migrations.folder()
    return [read(folder / f"{name}.sql") for name in migrations.pending(dsn, folder)]


def read(file: Path) -> Planned:
    """The plan of one file."""
    directives, _, statements = read_sql_migration(str(file))
    kinds: dict[str, int] = {}
    takes_away = []
    for written in statements:
        statement = " ".join(_COMMENT.sub("", written).split()).rstrip(";")
        found = _KIND.match(statement)
        if not statement:
            continue
        kind = " ".join(word.lower() for word in (found.groups() if found else (statement.split()[0],)) if word)
        kinds[kind] = kinds.get(kind, 0) + 1
        # Only what the migration itself runs, not what a function or a text says.
        if _TAKES_AWAY.search(_TEXT.sub("", statement)):
            takes_away.append(statement)
    is_transactional = directives.get("transactional", "true").lower() == "true"
    return Planned(file.stem, kinds, tuple(takes_away), is_transactional)
