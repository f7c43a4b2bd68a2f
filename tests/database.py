"""Fixtures: a server for the session, a migrated template, and a clone of it for every test."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions, sql

from mystar.kit.postgres.database import Database
from mystar.kit.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from mystar.kit.postgres.migrations import migrate
from tests.databases import ReusedDatabase, Template
from tests.warm_connections import used_by_the_service

#: A crash of the machine may cost a test its database.
_CARELESS = {
    # Plans depend on no statistics that come at a moment of their own.
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "max_connections": "200",
}


class Server:
    """A server on which databases are made and dropped. Names begin with a token of this session."""

    def __init__(self, dsn: str, *, careless: bool) -> None:
        self.address = dsn
        # Copying files instead of rows wants checkpoints, which cost nothing on a server that never syncs.
        self._strategy = " strategy file_copy" if careless else ""
        self._token = f"mystar_test_{uuid.uuid4().hex[:8]}"
        self._numbers = itertools.count(1)
        # PostgreSQL may wait for another session for ever; the test then fails.
        self._connection = psycopg2.connect(dsn, options="-c statement_timeout=60000")
        self._connection.autocommit = True

    def dsn(self, database: str) -> str:
        return extensions.make_dsn(self.address, dbname=database)

    def create(self, template: str | None = None, locale: str = "C.UTF-8", encoding: str = "UTF8") -> str:
        """A new database: a copy of ``template``, or an empty one that knows Cyrillic whatever the server's locale."""
        name = f"{self._token}_{next(self._numbers)}"
        if template is None:
            provider = f" locale_provider builtin builtin_locale '{locale}'" if self.version >= 17 else ""
            self._do(f"create database {{}} template template0 encoding '{encoding}' locale '{locale}'{provider}", name)
        else:
            self._do("create database {} template {}" + self._strategy, name, template)
        return name

    def drop(self, name: str) -> None:
        self.is_idle(name)
        self._do("drop database if exists {} with (force)", name)

    def is_idle(self, name: str, *, but: Sequence[int] = ()) -> bool:
        """Wait until the closed connections' processes have ended, for a second at most. :return: whether they have.

        A backend ends a few milliseconds after its client. PostgreSQL, finding one when it drops a database, looks
        again after 100 ms.

        :param but: the processes of connections that stay.
        """
        deadline = time.monotonic() + 1
        with self._connection.cursor() as cursor:
            while time.monotonic() < deadline:
                cursor.execute(
                    "select count(*) from pg_stat_activity where datname = %s and pid <> all(%s)", (name, list(but))
                )
                if cursor.fetchone() == (0,):
                    return True
                time.sleep(0.002)
        return False

    def transaction(self) -> str:
        """The number of the transaction that has just been made for this question."""
        with self._connection.cursor() as cursor:
            cursor.execute("select pg_current_xact_id()::xid::text")
            return str(cursor.fetchone()[0])

    @property
    def version(self) -> int:
        return self._connection.server_version // 10000

    def closed_connection(self) -> extensions.connection:
        connection = psycopg2.connect(self.address)
        connection.close()
        return connection

    def close(self) -> None:
        self._connection.close()

    def _do(self, statement: str, *names: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """The server in MYSTAR_DATABASE__URL, else one of our own in a temporary directory."""
    with contextlib.ExitStack() as stack:
        theirs = os.environ.get("MYSTAR_DATABASE__URL")
        server = Server(theirs or stack.enter_context(_own_server()), careless=not theirs)
        stack.callback(server.close)
        yield server


@contextlib.contextmanager
def _own_server() -> Iterator[str]:
    _sweep()
    with reachable_directory("mystar-test-") as directory:
        embedded = EmbeddedPostgres(directory, _CARELESS).start()
        try:
            yield embedded.dsn("postgres")
        finally:
            embedded.stop()


@contextlib.contextmanager
def reachable_directory(prefix: str) -> Iterator[Path]:
    """A directory for a cluster: in memory, where cloning a database is ten times faster, if there is room for it."""
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=_place()))
    # Under root the server runs as another account, which cannot enter pytest's own directories.
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _place() -> Path:
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30:
        return memory
    return Path(tempfile.gettempdir())


def _sweep() -> None:
    """Stop and remove the servers of sessions that were killed. A living session holds the lock on its own."""
    for directory in _place().glob("mystar-test-*"):
        with contextlib.suppress(OSError, EmbeddedPostgresError):
            with (directory / "users.lock").open("rb") as users:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            EmbeddedPostgres(directory, _CARELESS).start().stop()
            shutil.rmtree(directory)


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[str]:
    """A database with the whole schema and no rows, migrated once."""
    name = postgres.create()
    migrate(postgres.dsn(name))
    yield name
    postgres.drop(name)


@pytest.fixture(scope="session")
def reused_database(postgres: Server, template: str) -> Iterator[ReusedDatabase]:
    database = ReusedDatabase(postgres, Template.of(postgres, template))
    with used_by_the_service(database.warm, postgres.closed_connection()):
        yield database
    database.drop()


@pytest.fixture
def dsn(postgres: Server, reused_database: ReusedDatabase) -> Iterator[str]:
    """The address of a database with the schema and no rows, for this test alone."""
    yield postgres.dsn(reused_database.take())
    reused_database.give_back()


@pytest.fixture
async def unused_db(postgres: Server, template: str) -> AsyncIterator[Database]:
    """A database with the schema that no test has used before, for plans: they depend on the sizes of indexes."""
    name = postgres.create(template)
    database = await Database.connect(postgres.dsn(name), max_size=1)
    yield database
    await database.close()
    postgres.drop(name)


@pytest.fixture
def empty_dsn(postgres: Server) -> Iterator[str]:
    """The address of a fresh database without anything in it."""
    name = postgres.create()
    yield postgres.dsn(name)
    postgres.drop(name)


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Any]:
    database = await Database.connect(dsn, max_size=5)
    yield database
    await database.close()
