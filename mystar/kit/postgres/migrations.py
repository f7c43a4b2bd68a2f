"""The schema: files of `sql/migrations`, applied once each, forward only, in the order of their names.

yoyo-migrations reads the files and records them. An advisory lock around it lets any number of processes start at
once. It is waited for by polling, not by a blocking statement: a blocked ``pg_advisory_lock()`` holds a snapshot, for
which a CREATE INDEX CONCURRENTLY of the lock's holder would wait for ever.
"""

from __future__ import annotations

import contextlib
import getpass
import glob
import logging
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import yoyo
from psycopg2.errors import LockNotAvailable
from yoyo import exceptions, internalmigrations
from yoyo.backends.core.postgresql import PostgresqlBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, default_migration_table

from mystar.kit import resources
from mystar.kit.postgres.driver import parameters

log = logging.getLogger(__name__)

#: "myst" in ASCII: the advisory lock of migrations.
LOCK = 0x6D797374
_OLDEST, _NEWEST = 15, 18
#: Seconds to wait for a lock on a table, behind which its readers and writers queue, and between two attempts.
_LOCK_SECONDS, _AGAIN_SECONDS = 1.0, 1.0
#: As libpq takes them: seconds for each host, and milliseconds in which what is sent must be acknowledged.
_CONNECT_SECONDS, _SILENCE_MS = "5", "15000"
_CREATE = "createdb --template=template0 --encoding=UTF8 --locale=C.UTF-8"


class SchemaBehind(Exception):
    """The database lacks migrations; `mystar migrate` applies them."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        names = ", ".join(missing) if len(missing) < 10 else f"{len(missing)} migrations, {missing[0]} to {missing[-1]}"
        super().__init__(f"The schema lacks {names}: run `mystar migrate` first")


class MigrationFailed(Exception):
    """A file could not be applied; nothing of it remains, unless it says ``-- transactional: false``."""


class DatabaseUnfit(Exception):
    """The database cannot hold the schema: its encoding, its locale or the rights of the role."""


def migrate(dsn: str, directory: Path | None = None, *, patience: float = 300.0) -> list[str]:
    """Apply what is missing. Blocks; call through `asyncio.to_thread`.

    :param patience: seconds to wait for another process that is migrating, and for locks of one migration.
    :returns: names of the migrations applied now, in order.
    :raises MigrationFailed: names the file and the error. :raises TimeoutError: another process takes too long.
    :raises DatabaseUnfit: nothing was applied, since the database cannot hold the schema.
    """
    applied: list[str] = []
    with contextlib.closing(_connect(dsn)) as connection, _migration_lock(connection, patience):
        if pending(dsn, directory) and (reasons := _unfit(connection)):
            raise DatabaseUnfit("; ".join(reasons))
        backend = _Backend(dsn)
        try:
            files = yoyo.read_migrations(glob.escape(str(directory or folder())))
            for migration in backend.to_apply(files):
                try:
                    _apply(backend, migration, patience)
                except (psycopg2.Error, exceptions.BadMigration) as error:
                    raise MigrationFailed(f"{migration.id}: {error}") from error
                applied.append(migration.id)
        finally:
            backend.connection.close()
    return applied


def _apply(backend: _Backend, migration: Migration, patience: float) -> None:
    """Apply it, giving others their turn while a long transaction keeps it waiting for a lock."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return backend.apply_one(migration)
        except LockNotAvailable:
            if time.monotonic() > deadline:
                raise
        log.info("%s waits for a table that a long transaction uses", migration.id)
        time.sleep(_AGAIN_SECONDS)


def pending(dsn: str, directory: Path | None = None) -> list[str]:
    """Names of the migrations that the database lacks. One connection, two statements."""
    done = _applied(dsn)
    return [name for name in _names(directory) if name not in done]


def unknown(dsn: str, directory: Path | None = None) -> list[str]:
    """Names of migrations that the database has and this code does not know: it is older than the schema.

    Allowed: migrations only add, so the code of the release before runs on while a new one is rolled out.
    """
    return sorted(_applied(dsn) - set(_names(directory)))


def applied(dsn: str) -> list[str]:
    """Names of the migrations that were applied, in order."""
    return sorted(_applied(dsn))


def has_tables(dsn: str) -> bool:
    """Whether the schema ``public`` has a table."""
    with contextlib.closing(_connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select exists (select from pg_tables where schemaname = 'public')")
        return bool(cursor.fetchone()[0])


def require_fit(dsn: str) -> None:
    """:raises DatabaseUnfit: the database cannot hold the schema."""
    with contextlib.closing(_connect(dsn)) as connection:
        if reasons := _unfit(connection):
            raise DatabaseUnfit("; ".join(reasons))


def server_major(dsn: str) -> int:
    """The version of the server, such as 17."""
    with contextlib.closing(_connect(dsn)) as connection:
        return int(connection.server_version) // 10000


def require_current(dsn: str, directory: Path | None = None) -> None:
    """:raises SchemaBehind: migrations are missing. Unknown migrations are logged only."""
    if missing := pending(dsn, directory):
        raise SchemaBehind(missing)
    if newer := unknown(dsn, directory):
        log.warning("The schema is newer than this code: it has %s", ", ".join(newer))


def problems(dsn: str) -> list[str]:
    """What is wrong with the server and the schema, in sentences for the operator."""
    try:
        with contextlib.closing(_connect(dsn)) as connection, connection.cursor() as cursor:
            major = connection.server_version // 10000
            found = _unfit_text(cursor)
    except psycopg2.Error as error:
        return [f"The database does not answer: {str(error).strip()}"]
    if not _OLDEST <= major <= _NEWEST:
        found.append(f"PostgreSQL {major} is not supported, only {_OLDEST} to {_NEWEST}")
    if missing := pending(dsn):
        found.append(str(SchemaBehind(missing)))
    return found


def _unfit(connection: Any) -> list[str]:
    """Why the schema cannot be created in this database."""
    with connection.cursor() as cursor:
        # Extensions are created in the database, tables in its schema.
        cursor.execute("""
            select current_user, has_schema_privilege(current_schema(), 'create')
                and has_database_privilege(current_database(), 'create')""")
        role, may_create = cursor.fetchone()
        found = _unfit_text(cursor)
    return (
        found if may_create else [*found, f'The role "{role}" may not create tables: make it the owner of the database']
    )


def _unfit_text(cursor: Any) -> list[str]:
    """Why texts cannot be stored and searched in this database."""
    cursor.execute("select getdatabaseencoding()")
    (encoding,) = cursor.fetchone()
    if encoding != "UTF8":
        return [f"The encoding of the database is {encoding}; it must be UTF8: create it with {_CREATE}"]
    cursor.execute("select lower('ПРИВЕТ') = 'привет'")
    if cursor.fetchone() != (True,):
        return [f"The locale of the database does not fold Cyrillic letters: create it with {_CREATE}"]
    return []


class _Backend(PostgresqlBackend):  # type: ignore[misc]
    """yoyo's, except that a migration and its record are one transaction, and that the lock is an advisory one."""

    def __init__(self, dsn: str) -> None:
        known = _bounded(dsn)
        database = known.pop("dbname", None)
        super().__init__(DatabaseURI("postgresql", None, None, None, None, database, known), default_migration_table)

    @contextlib.contextmanager
    def lock(self, timeout: float = 0) -> Iterator[None]:
        """None: yoyo's lock is a row, which a killed process leaves behind. An advisory lock ends with its session."""
        yield

    def ensure_internal_schema_updated(self) -> None:
        """Without the row that yoyo locks: see `lock`."""
        if internalmigrations.needs_upgrading(self):
            internalmigrations.upgrade(self)

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:
        """In one transaction. yoyo uses two: after a kill between them the migration could never be applied again.

        :raises LockNotAvailable: a table was used by others for too long; nothing was done.
        """
        migration.load()
        with self.transaction() if migration.use_transactions else contextlib.nullcontext():
            if migration.use_transactions:
                self.execute(f"set local lock_timeout = '{_LOCK_SECONDS}s'")
            migration.process_steps(self, "apply", force=force)
            self.log_migration(migration, "apply")
            self.mark_one(migration, log=False)

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        """yoyo's own looks the host's name up, and fails in a container whose user has no name."""
        return {
            "id": str(uuid.uuid1()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": _user(),
            "hostname": os.uname().nodename,
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def folder() -> Path:
    """Of the migrations."""
    return resources.project_folder("sql") / "migrations"


def _names(directory: Path | None) -> list[str]:
    return sorted(file.stem for file in (directory or folder()).glob("*.sql"))


def _bounded(dsn: str) -> dict[str, str]:
    """The parameters with limits, in which a host that swallows packets is given up for the next one."""
    return {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _SILENCE_MS, **parameters(dsn)}


def _connect(dsn: str) -> Any:
    connection = psycopg2.connect(**_bounded(dsn))
    connection.autocommit = True
    return connection


def _applied(dsn: str) -> set[str]:
    with contextlib.closing(_connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s)", (default_migration_table,))
        if cursor.fetchone() == (None,):
            return set()
        cursor.execute(f"select migration_id from {default_migration_table}")
        return {name for (name,) in cursor}


@contextlib.contextmanager
def _migration_lock(connection: Any, patience: float) -> Iterator[None]:
    deadline = time.monotonic() + patience
    with connection.cursor() as cursor:
        while True:
            cursor.execute("select pg_try_advisory_lock(%s)", (LOCK,))
            if cursor.fetchone() == (True,):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"Another process has been migrating this database for {patience:.0f} s")
            time.sleep(0.1)
    # Released by closing the connection.
    yield
