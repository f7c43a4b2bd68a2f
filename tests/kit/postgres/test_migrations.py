"""Migrations: applied once each, in order, by concurrent processes and after kills."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from mystar.kit.postgres import migrations
from mystar.kit.postgres.migration_plan import plan, read
from mystar.kit.postgres.migrations import (
    DatabaseUnfit,
    MigrationFailed,
    SchemaBehind,
    migrate,
    pending,
    problems,
    require_current,
    unknown,
)
from tests.database import Server
from tests.schema.__main__ import EARLIER


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three migrations; the last builds an index concurrently, which a blocked waiter would deadlock with."""
    tmp_path = tmp_path / "[a]"
    tmp_path.mkdir()
    (tmp_path / "0001_words.sql").write_text("create table words (word text);\ninsert into words values ('ё; -- ж');\n")
    (tmp_path / "0002_trigger.sql").write_text("""-- A body with semicolons.
create function shout() returns trigger language plpgsql as $$
begin
    new.word := upper(new.word);
    return new;
end;
$$;
create trigger shout before insert on words for each row execute function shout();
""")
    (tmp_path / "0003_index.sql").write_text(
        "-- transactional: false\ncreate index concurrently words_word_idx on words (word);\n"
    )
    return tmp_path


ALL = ["0001_words", "0002_trigger", "0003_index"]


def ask(dsn: str, statement: str) -> Any:
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def starter(dsn: str, files: Path) -> subprocess.Popen[bytes]:
    """Another process that migrates."""
    program = (
        "import sys, pathlib, mystar.kit.postgres.migrations as m; m.migrate(sys.argv[1], pathlib.Path(sys.argv[2]))"
    )
    return subprocess.Popen([sys.executable, "-W", "error", "-c", program, dsn, str(files)])


def test_files_are_applied_once_in_the_order_of_their_names(empty_dsn: str, files: Path) -> None:
    assert pending(empty_dsn, files) == ALL
    assert migrate(empty_dsn, files) == ALL
    assert migrate(empty_dsn, files) == []
    assert pending(empty_dsn, files) == []
    assert ask(empty_dsn, "insert into words values ('привет') returning word") == [("ПРИВЕТ",)]
    assert ask(empty_dsn, "select indisvalid from pg_index where indexrelid = 'words_word_idx'::regclass") == [(True,)]

    (files / "0004_more.sql").write_text("create table more (id int);")
    assert migrate(empty_dsn, files) == ["0004_more"]


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("no user name")])
def test_a_container_whose_user_has_no_name_can_migrate(
    empty_dsn: str, files: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nobody)
    assert migrate(empty_dsn, files) == ALL
    assert ask(empty_dsn, "select distinct username from _yoyo_log") == [(str(os.getuid()),)]


def test_the_order_is_that_of_the_names_even_for_many_files(empty_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "0001_start.sql").write_text("create table steps (step int);")
    for number in range(2, 30):
        # Each fails unless it comes directly after the one before.
        check = f"do $$ begin assert (select count(*) from steps) = {number - 2}; end $$;"
        (tmp_path / f"{number:04}_step.sql").write_text(f"{check}\ninsert into steps values ({number});")
    assert len(migrate(empty_dsn, tmp_path)) == 29


def test_a_schema_that_is_behind_is_refused(empty_dsn: str, files: Path) -> None:
    (files / "0003_index.sql").rename(files / "0003_index.later")
    migrate(empty_dsn, files)
    (files / "0003_index.later").rename(files / "0003_index.sql")
    with pytest.raises(SchemaBehind, match=r"0003_index.*`mystar migrate`") as caught:
        require_current(empty_dsn, files)
    assert caught.value.missing == ["0003_index"]


def test_a_newer_schema_is_allowed_and_logged(empty_dsn: str, files: Path, caplog: pytest.LogCaptureFixture) -> None:
    migrate(empty_dsn, files)
    (files / "0003_index.sql").unlink()
    require_current(empty_dsn, files)
    assert "newer than this code: it has 0003_index" in caplog.text
    assert migrate(empty_dsn, files) == []
    assert unknown(empty_dsn, files) == ["0003_index"]


def test_four_processes_can_migrate_at_once(empty_dsn: str, files: Path) -> None:
    (files / "0001_slow.sql").write_text("create table slow ();\ndo $$ begin perform pg_sleep(1); end $$;")
    starters = [starter(empty_dsn, files) for _ in range(4)]
    assert [process.wait(60) for process in starters] == [0, 0, 0, 0]
    assert ask(empty_dsn, "select count(*), count(distinct migration_id) from _yoyo_migration") == [(4, 4)]
    assert ask(empty_dsn, "select count(*) from words") == [(1,)]


def test_another_process_continues_after_a_kill(empty_dsn: str, files: Path) -> None:
    (files / "0002_slow.sql").write_text("create table slow ();\nselect pg_sleep(30);")
    process = starter(empty_dsn, files)
    deadline = time.monotonic() + 30
    while not ask(empty_dsn, "select 1 from pg_stat_activity where query like 'select pg_sleep%'"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait(10)

    (files / "0002_slow.sql").write_text("create table slow ();")
    # The server notices only at the end of the statement that its client has gone.
    ask(empty_dsn, "select pg_terminate_backend(pid, 5000) from pg_stat_activity where query like 'select pg_sleep%'")
    assert migrate(empty_dsn, files, patience=30) == ["0002_slow", "0002_trigger", "0003_index"]


def test_a_migration_and_its_record_are_one_transaction(empty_dsn: str, files: Path) -> None:
    """Otherwise a kill between the two would leave a schema that no later run can migrate."""
    (files / "0002_unnoted.sql").write_text(
        "create table unnoted ();\nalter table _yoyo_migration add check (migration_id <> '0002_unnoted');"
    )
    with pytest.raises(MigrationFailed, match="0002_unnoted"):
        migrate(empty_dsn, files)
    assert ask(empty_dsn, "select to_regclass('unnoted')") == [(None,)]


@pytest.mark.parametrize("statement", ["create table words ();", "create tabel x ();", "select $$"])
def test_a_failing_migration_is_named_and_rolled_back(empty_dsn: str, files: Path, statement: str) -> None:
    (files / "0002_bad.sql").write_text(f"create table half ();\n{statement}\n")
    with pytest.raises(MigrationFailed, match="0002_bad"):
        migrate(empty_dsn, files)
    assert ask(empty_dsn, "select to_regclass('half')") == [(None,)]
    assert pending(empty_dsn, files) == ["0002_bad", "0002_trigger", "0003_index"]

    (files / "0002_bad.sql").write_text("create table half ();")
    assert migrate(empty_dsn, files) == ["0002_bad", "0002_trigger", "0003_index"]


def test_a_migration_that_waits_for_a_table_lets_others_use_it(
    empty_dsn: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers queue behind a waiting ALTER TABLE, which in turn waits for the longest transaction."""
    monkeypatch.setattr(migrations, "_LOCK_SECONDS", 0.05)
    monkeypatch.setattr(migrations, "_AGAIN_SECONDS", 0.05)
    migrate(empty_dsn, files)
    (files / "0004_length.sql").write_text("alter table words add column length int;")
    with contextlib.closing(psycopg2.connect(empty_dsn)) as long, ThreadPoolExecutor(1) as thread:
        long.cursor().execute("select from words")
        with pytest.raises(MigrationFailed, match="0004_length: canceling statement due to lock timeout"):
            migrate(empty_dsn, files, patience=0.2)
        migrating = thread.submit(migrate, empty_dsn, files)
        for _ in range(10):
            assert ask(empty_dsn, "set statement_timeout = '5s'; select count(*) from words") == [(1,)]
        assert not migrating.done()
        long.rollback()
        assert migrating.result() == ["0004_length"]


def test_waiting_for_another_process_times_out(empty_dsn: str, files: Path) -> None:
    with contextlib.closing(psycopg2.connect(empty_dsn)) as other, other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [migrations.LOCK])
        with pytest.raises(TimeoutError, match="Another process"):
            migrate(empty_dsn, files, patience=0.3)


def test_both_forms_of_dsn_work_and_no_password_is_shown(
    empty_dsn: str, files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = extensions.parse_dsn(empty_dsn) | {"password": "s3cret"}
    host = {"host": parts.pop("host")} if "host" in parts else {}
    name, user = parts.pop("dbname"), parts.pop("user", "")
    query = "&".join(f"{key}={value}" for key, value in {**host, **parts}.items())
    url = f"postgresql://{user}@/{name}?{query}"
    (files / "0003_index.sql").write_text("select nonsense;")
    with caplog.at_level(logging.DEBUG), pytest.raises(MigrationFailed) as caught:
        migrate(url, files)
    assert pending(url, files) == ["0003_index"]
    assert "s3cret" not in caplog.text + str(caught.value) + repr(caught.value.__cause__)


def test_problems_of_server_and_schema_are_named(postgres: Server, empty_dsn: str, dsn: str) -> None:
    assert problems(dsn) == []
    (missing,) = problems(empty_dsn)
    assert "0001_accounts" in missing
    (silent,) = problems("host=127.0.0.1 port=1 password=s3cret")
    assert "does not answer" in silent
    assert "s3cret" not in silent


def test_a_locale_that_does_not_fold_cyrillic_is_a_problem(postgres: Server) -> None:
    name = postgres.create(locale="C")
    try:
        assert any("Cyrillic" in problem for problem in problems(postgres.dsn(name)))
        with pytest.raises(DatabaseUnfit, match="Cyrillic"):
            migrate(postgres.dsn(name))
        assert ask(postgres.dsn(name), "select to_regclass('accounts')") == [(None,)]
    finally:
        postgres.drop(name)


def test_a_database_that_does_not_know_its_encoding_is_refused(postgres: Server) -> None:
    name = postgres.create(locale="C", encoding="SQL_ASCII")
    try:
        with pytest.raises(DatabaseUnfit, match="encoding of the database is SQL_ASCII"):
            migrate(postgres.dsn(name))
    finally:
        postgres.drop(name)


def test_a_role_without_rights_is_refused_before_anything_is_applied(empty_dsn: str, files: Path) -> None:
    role = f"reader_{uuid.uuid4().hex[:8]}"
    ask(empty_dsn, f"create role {role} login; commit; select 1")
    try:
        with pytest.raises(DatabaseUnfit, match=f'The role "{role}" may not create tables'):
            migrate(extensions.make_dsn(empty_dsn, user=role), files)
        assert ask(empty_dsn, "select to_regclass('words')") == [(None,)]
    finally:
        ask(empty_dsn, f"drop role {role}; commit; select 1")


def test_a_plan_says_what_would_run_and_changes_nothing(empty_dsn: str, files: Path) -> None:
    (files / "0004_narrow.sql").write_text(
        "alter table words alter column word set not null; -- drop table a\n"
        "comment on table words is 'drop table b';\nalter table words rename to terms;\n"
    )
    assert [one.name for one in plan(empty_dsn, files)] == [*ALL, "0004_narrow"]
    assert pending(empty_dsn, files) == [*ALL, "0004_narrow"]
    words, trigger, index, narrow = plan(empty_dsn, files)
    assert words.kinds == {"create table": 1, "insert": 1}
    assert trigger.kinds == {"create function": 1, "create trigger": 1}
    assert (index.kinds, index.is_transactional) == ({"create index": 1}, False)
    assert not words.takes_away + trigger.takes_away + index.takes_away
    assert narrow.takes_away == (
        "alter table words alter column word set not null",
        "alter table words rename to terms",
    )


@pytest.mark.parametrize("file", sorted(migrations.folder().glob("*.sql")), ids=lambda file: file.stem)
def test_each_migration_says_whether_it_expands_or_contracts(file: Path) -> None:
    """And none after `EARLIER` goes through a table while others wait for it."""
    found = read(file)
    assert found.phase in ("expand", "contract"), "begin the file with -- expand, or -- contract"
    assert found.phase == "contract" or not found.takes_away
    assert not found.scans or found.name <= EARLIER


LONG = {
    "create index words_idx on words (word)",
    "create unique index words_idx on only words (word)",
    "update words set word = ''",
    "delete from words",
    "alter table words add constraint words_check check (word <> '')",
    "alter table words add foreign key (word) references terms",
    "alter table words alter column word set not null",
    "alter table words alter column word type varchar",
}
SHORT = {
    "create index concurrently words_idx on words (word)",
    "create index terms_idx on terms (term)",
    "alter table words add constraint words_check check (word <> '') not valid",
    "alter table words add column length int not null default 0",
    "alter table words add constraint words_key unique using index words_idx",
    "alter table words validate constraint words_check",
    "insert into words values ('update words set word = 1')",
}


def test_a_plan_names_what_goes_through_a_table_while_others_wait(tmp_path: Path) -> None:
    file = tmp_path / "0001_long.sql"
    file.write_text("-- expand\ncreate table terms (term text);\n" + ";\n".join(sorted(LONG | SHORT)))
    assert set(read(file).scans) == LONG
