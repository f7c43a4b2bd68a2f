"""What migrations would do, read from their files: kinds of statements, what they take away, what they lock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from yoyo.migrations import read_sql_migration

from mystar.kit.postgres import migrations

#: What the release before may still read or write: with it a migration does not only add.
_TAKES_AWAY = re.compile(
    r"\bdrop\s+(?:table|view|schema|type)\b|\bdrop\s+column\b|\brename\b|^truncate\b"
    r"|\balter\s+(?:column\s+)?\w+\s+(?:set\s+data\s+)?type\b|\bset\s+not\s+null\b|\bdrop\s+default\b",
    re.IGNORECASE,
)
#: A line of each file says whether it belongs to what only adds, or to what a later release takes away.
_PHASE = re.compile(r"^-- (expand|contract)$", re.MULTILINE)
_CREATED = re.compile(r"^create table (?:if not exists )?(\w+)", re.IGNORECASE)
#: Statements that go through a whole table while they hold a lock on it: the groups are the table's name.
_SCANS = (
    re.compile(r"^create (?:unique )?index (?!concurrently\b).*?\bon (?:only )?(\w+)", re.IGNORECASE),
    re.compile(r"^(?:update|delete from) (?:only )?(\w+)", re.IGNORECASE),
    re.compile(
        r"^alter table (?:only )?(\w+)(?=.*(?:\bset not null\b|\btype\b|\bgenerated always as \("
        r"|\badd (?:constraint \w+ )?(?:check|foreign key|unique|primary key|exclude)\b(?! using index)))"
        r"(?!.*\bnot valid\b)",
        re.IGNORECASE,
    ),
    re.compile(r"^(?:cluster|vacuum full|reindex table(?! concurrently)) (\w+)", re.IGNORECASE),
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

    ``phase``: "expand" or "contract", as the file declares it; "" = it does not. ``takes_away``: statements after which
    the release before may fail; empty = it only adds. ``scans``: statements that go through an older table from end to
    end while others wait for it, or for its rows.
    """

    name: str
    phase: str
    kinds: dict[str, int]
    takes_away: tuple[str, ...]
    scans: tuple[str, ...]
    is_transactional: bool


def plan(dsn: str, directory: Path | None = None) -> list[Planned]:
    """The migrations that the database lacks, in order. Reads and changes nothing."""
    folder = directory or migrations.folder()
    return [read(folder / f"{name}.sql") for name in migrations.pending(dsn, folder)]


def read(file: Path) -> Planned:
    """The plan of one file."""
    directives, _, statements = read_sql_migration(str(file))
    kinds: dict[str, int] = {}
    takes_away, scans, created = [], [], set()
    for written in statements:
        statement = " ".join(_COMMENT.sub("", written).split()).rstrip(";")
        found = _KIND.match(statement)
        if not statement:
            continue
        kind = " ".join(word.lower() for word in (found.groups() if found else (statement.split()[0],)) if word)
        kinds[kind] = kinds.get(kind, 0) + 1
        # Only what the migration itself runs, not what a function or a text says.
        itself = _TEXT.sub("", statement)
        if _TAKES_AWAY.search(itself):
            takes_away.append(statement)
        created.update(_CREATED.findall(itself))
        if any((scan := one.match(itself)) and scan[1] not in created for one in _SCANS):
            scans.append(statement)
    phase = _PHASE.search(file.read_text())
    is_transactional = directives.get("transactional", "true").lower() == "true"
    return Planned(file.stem, phase[1] if phase else "", kinds, tuple(takes_away), tuple(scans), is_transactional)
