"""Fixtures: a server for the session, a migrated template, and a clone of it for every test."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions, sql

from mystar.kit.db import Database
from mystar.kit.embedded import EmbeddedPostgres
from mystar.kit.migrations import migrate

#: A crash of the machine may cost a test its database.
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class Server:
    """A server on which databases are made and dropped. Names begin with a token of this session."""

    def __init__(self, dsn: str) -> None:
        self.address = dsn
        self._token = f"mystar_test_{uuid.uuid4().hex[:8]}"
        self._numbers = itertools.count(1)
        self._connection = psycopg2.connect(dsn)
        self._connection.autocommit = True

    def dsn(self, database: str) -> str:
        return extensions.make_dsn(self.address, dbname=database)

    def create(self, template: str | None = None, locale: str = "C.UTF-8") -> str:
        """A new database: a copy of ``template``, or an empty one that knows Cyrillic whatever the server's locale."""
        name = f"{self._token}_{next(self._numbers)}"
        if template is None:
            provider = f" locale_provider builtin builtin_locale '{locale}'" if self.version >= 17 else ""
            self._do(f"create database {{}} template template0 encoding 'UTF8' locale '{locale}'{provider}", name)
        else:
            self._do("create database {} template {}", name, template)
        return name

    def drop(self, name: str) -> None:
        self._do("drop database if exists {} with (force)", name)

    @property
    def version(self) -> int:
        return self._connection.server_version // 10000

    def close(self) -> None:
        self._connection.close()

    def _do(self, statement: str, *names: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server in MYSTAR_DATABASE__URL, else one of our own in a temporary directory."""
    with contextlib.ExitStack() as stack:
        dsn = os.environ.get("MYSTAR_DATABASE__URL") or stack.enter_context(_own_server())
        server = Server(dsn)
        stack.callback(server.close)
        yield server


@contextlib.contextmanager
def _own_server() -> Iterator[str]:
    directory = Path(tempfile.mkdtemp(prefix="mystar-test-"))
    # When root runs the tests the server is another account's.
    directory.chmod(0o711)
    embedded = EmbeddedPostgres(directory, _CARELESS).start()
    try:
        yield embedded.dsn("postgres")
    finally:
        embedded.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[str]:
    """A database with the whole schema and no rows, migrated once."""
    name = postgres.create()
    migrate(postgres.dsn(name))
    yield name
    postgres.drop(name)


@pytest.fixture
def dsn(postgres: Server, template: str) -> Iterator[str]:
    """The address of a fresh database with the schema, for this test alone."""
    name = postgres.create(template)
    yield postgres.dsn(name)
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
