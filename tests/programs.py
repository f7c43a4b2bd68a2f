"""Programs of the project, each in a process of its own, without the second that importing the project takes.

A fork server, started with the first program, imports what the program needs; those of a run's workers are forks of
one, which does it once (`tests/workers.py`). Every program is a fork of it that runs
the module as ``python -m`` does, with an environment, a directory, streams and, if asked, a session of its own. To
others it is a process like any: it can be signalled, killed and waited for.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Self

import orjson

ROOT = Path(__file__).resolve().parents[1]
#: What is imported before the first fork of a module: all that a program of it always needs.
_IMPORTED = {
    "mystar": ("mystar.cli.commands", "mystar.server"),
    "mystar.sandbox": ("mystar.sandbox.process",),
    "tests.moved_clock": ("mystar.cli.commands", "mystar.server", "mystar.sandbox.process"),
}
#: In the environment of a run's workers: the socket at which each is given a fork server.
SHARED = "TESTS_FORK_SERVER"
_STATUS = struct.Struct("i")
_PR_SET_PDEATHSIG = 1


class Program:
    """A running program, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, channel: socket.socket, stdout: IO[bytes] | None) -> None:
        self._channel = channel
        (self.pid,) = _STATUS.unpack(_received(channel))
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code once it has ended; minus the signal's number when a signal ended it."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """:raises subprocess.TimeoutExpired: it has not ended after so many seconds."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def kill_group(self) -> None:
        """Kill it with the processes that it has started; it must have a session of its own."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.stdout is not None:
            self.stdout.close()
        self.wait()

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            ready, _, _ = select.select([self._channel], [], [], timeout)
            if ready:
                (self.returncode,) = _STATUS.unpack(_received(self._channel))
                self._channel.close()
        return self.returncode


def at(hours_ahead: int, module: str) -> tuple[str, ...]:
    """The module with its first arguments that runs this one with a clock that is so far ahead."""
    return ("tests.moved_clock", str(hours_ahead), module) if hours_ahead else (module,)


def start(
    module: str,
    *arguments: str,
    directory: Path,
    environment: Mapping[str, str],
    stdin: IO[Any] | None = None,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | None = None,
    new_session: bool = False,
    die_with_parent: bool = False,
) -> Program:
    """`python -m module …`, running.

    :param stdout: a file, or `subprocess.PIPE`. A stream that is not given is this process's, standard input is empty.
    :param die_with_parent: the kernel kills it when the fork server ends, which ends with this process; on Linux only.
    """
    reader, writer = os.pipe() if stdout == subprocess.PIPE else (None, None)
    ours, theirs = socket.socketpair()
    with theirs, open(os.devnull, "rb") as nothing:
        output = stdout.fileno() if stdout is not None and not isinstance(stdout, int) else writer
        streams = [(stdin or nothing).fileno(), 1 if output is None else output, stderr.fileno() if stderr else 2]
        socket.send_fds(_fork_server(), [module.encode()], [theirs.fileno(), *streams])
    if writer is not None:
        os.close(writer)
    options = (str(directory), dict(environment), new_session, die_with_parent)
    ours.sendall(orjson.dumps([arguments, *options]))
    ours.shutdown(socket.SHUT_WR)
    return Program(ours, None if reader is None else open(reader, "rb"))


def run(
    module: str, *arguments: str, directory: Path, environment: Mapping[str, str], stdin: str = "", timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """`python -m module …` until it ends by itself. :raises subprocess.TimeoutExpired: it was killed."""
    with tempfile.TemporaryFile("w+") as given, _captured() as output, _captured() as errors:
        given.write(stdin)
        given.seek(0)
        streams = {"stdin": given, "stdout": output, "stderr": errors}
        with start(module, *arguments, directory=directory, environment=environment, **streams) as program:
            try:
                code = program.wait(timeout)
            finally:
                program.kill()
        return subprocess.CompletedProcess([module, *arguments], code, _text(output), _text(errors))


@contextmanager
def _captured() -> Iterator[IO[str]]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        yield file


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


@cache
def _fork_server() -> socket.socket:
    """The connection to it. It ends, and its programs with it, when this process does."""
    if address := os.environ.get(SHARED):
        shared = socket.socket(socket.AF_UNIX)
        shared.connect(address)
        atexit.register(_end, shared)
        return shared
    ours, theirs = socket.socketpair()
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.programs", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def _end(server: socket.socket) -> None:
    with server, suppress(OSError):
        server.shutdown(socket.SHUT_WR)
        server.recv(1)


@contextmanager
def shared_fork_server(address: Path) -> Iterator[None]:
    """Meanwhile processes that have its address in their environment are given a fork of it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(64)
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.programs", str(listener.fileno()), "shared"],
            cwd=ROOT,
            pass_fds=[listener.fileno()],
            # Its end is that of the server.
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
    with server:
        yield


def _received(channel: socket.socket) -> bytes:
    found = channel.recv(_STATUS.size, socket.MSG_WAITALL)
    if len(found) != _STATUS.size:
        raise RuntimeError("the fork server has ended")
    return found


# The fork server


@dataclass(slots=True)
class _Request:
    """What a fork is to become. The channel tells it the rest, and its starter the exit code."""

    module: str
    channel: socket.socket
    streams: list[int]


class _ForkServer:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, socket.socket] = {}
        self._woken, self._wake = socket.socketpair()
        for one in (self._woken, self._wake):
            one.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake.fileno())

    def serve(self) -> _Request | None:
        """In a fork what it is to become; None once the connection is closed."""
        while True:
            ready, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(4096)
                self._report()
            if self._control in ready:
                message, descriptors, _, _ = socket.recv_fds(self._control, 100, 4)
                if not message:
                    self._kill_all()
                    return None
                if (request := self._fork(message.decode(), *descriptors)) is not None:
                    return request

    def _fork(self, module: str, descriptor: int, *streams: int) -> _Request | None:
        _import(module)
        channel = socket.socket(fileno=descriptor)
        child = os.fork()
        if not child:
            self._forget()
            return _Request(module, channel, list(streams))
        self._running[child] = channel
        for stream in streams:
            os.close(stream)
        with suppress(OSError):
            channel.sendall(_STATUS.pack(child))
        return None

    def _forget(self) -> None:
        """In the fork: nothing of the server's is left open."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (self._control, self._woken, self._wake, *self._running.values()):
            one.close()

    def _report(self) -> None:
        for child, channel in list(self._running.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                del self._running[child]
                with channel, suppress(OSError):
                    channel.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))

    def _kill_all(self) -> None:
        for child in self._running:
            os.kill(child, signal.SIGKILL)


@cache
def _import(module: str) -> None:
    for name in _IMPORTED[module]:
        importlib.import_module(name)
    # Neither the server nor a fork needs to visit what has been imported, and memory that it does not touch is shared.
    gc.collect()
    gc.freeze()


def _become(request: _Request) -> None:
    """Run the module as ``python -m`` does; the process then ends as any other."""
    with request.channel as channel:
        said = b"".join(iter(lambda: channel.recv(65536), b""))
    arguments, directory, environment, new_session, die_with_parent = orjson.loads(said)
    if die_with_parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if new_session:
        os.setsid()
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [request.module, *arguments]
    runpy.run_module(request.module, run_name="__main__", alter_sys=True)


def _code_of(request: _Request) -> int:
    """What the interpreter would exit with."""
    try:
        _become(request)
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _shared(listener: socket.socket) -> socket.socket | None:
    """In a fork the connection that it is to serve; None once standard input is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        for module in _IMPORTED:
            _import(module)
        if not os.fork():
            listener.close()
            return connection
        connection.close()
    return None


def main() -> None:
    control: socket.socket | None = socket.socket(fileno=int(sys.argv[1]))
    if sys.argv[2:] == ["shared"]:
        control = _shared(control)
    request = _ForkServer(control).serve() if control is not None else None
    if request is not None:
        code = _code_of(request)
        # Without the teardown of the interpreter, which would copy all that the fork still shares with the server.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
