"""A pytest plugin: the workers of a run are forks of a process that has imported the tests.

Each would import the project and all tests for itself, and in a fresh clone compile them too, which takes longer than
collecting them. The process that starts the workers forks once; the fork imports, does once what every worker would do
first, and forks again for each worker that pytest-xdist starts.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import select
import shlex
import signal
import socket
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook
from aiohttp import web

from mystar.admin.handlers import render
from mystar.app import contracts
from mystar.kit.web import templates
from mystar.kit.web.routes import register
from tests import programs, refusals

if TYPE_CHECKING:
    import execnet

ROOT = Path(__file__).resolve().parents[1]
#: What execnet starts as if it were a Python: it asks the fork for a worker, which takes over its streams.
_STAND_IN = Path(__file__).with_name("worker_stand_in.py")


def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[execnet.XSpec]) -> None:
    """Before the first worker is started, when this process has no thread yet."""
    ours = [spec for spec in specs if spec.popen and not spec.python]
    if sys.platform != "linux" or threading.active_count() > 1 or not ours:
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mystar-workers-")))
    os.environ[programs.SHARED] = str(directory / "programs")
    stack.enter_context(programs.shared_fork_server(directory / "programs"))
    listener = stack.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(str(directory / "workers"))
    listener.listen(64)
    parent_is_gone, parent = os.pipe()
    # Without pytest's capture, so that what the fork says of its end is seen.
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        if not os.fork():
            os.close(parent)
            _serve(listener, parent_is_gone, [Path(one.partition("::")[0]) for one in config.args])
    os.close(parent_is_gone)
    stack.callback(os.close, parent)
    listener.close()
    for spec in ours:
        spec.python = shlex.join([sys.executable, "-IS", str(_STAND_IN), str(directory / "workers")])


def _serve(listener: socket.socket, parent_is_gone: int, paths: Sequence[Path]) -> NoReturn:
    """Fork a worker for each connection, until the process that starts workers has ended."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Nothing waits for a worker: its stand-in sees that its connection is closed.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        atexit._clear()
        _import_tests(paths)
        _prepare()
        if len(os.listdir("/proc/self/task")) > 1:
            raise RuntimeError("a thread was started by an import, and would be missing in the workers")
        while listener in select.select([listener, parent_is_gone], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                _, streams, _, _ = socket.recv_fds(connection, 1, 3)
                if not os.fork():
                    listener.close()
                    os.close(parent_is_gone)
                    _become_a_worker(streams)
                for stream in streams:
                    os.close(stream)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _import_tests(paths: Sequence[Path]) -> None:
    """As collecting does. What cannot be imported is left to the workers, whose reports say why."""
    for name in _modules(paths):
        with warnings.catch_warnings(), suppress(BaseException):
            warnings.simplefilter("error")
            importlib.import_module(name)


def _modules(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        files = [*path.rglob("conftest.py"), *path.rglob("test_*.py")] if path.is_dir() else [path]
        for file in files:
            place = file.resolve()
            if place.is_relative_to(ROOT / "tests"):
                yield ".".join(place.relative_to(ROOT).with_suffix("").parts)


def _prepare() -> None:
    """What most workers would do sooner or later, and keep."""
    import hypothesis

    refusals.declared_codes()
    register(web.Application(), [route for contract in contracts() for route in contract.routes])
    for environment in (templates.environment(), render.environment()):
        for name in environment.list_templates(extensions=["html", "txt"]):
            environment.get_template(name)
    # Hypothesis reads all modules for constants before it draws the first value.
    hypothesis.find(hypothesis.strategies.none(), lambda _: True, settings=hypothesis.settings(database=None))
    # Neither this process nor a fork needs to visit what has been made, and memory that it does not touch is shared.
    gc.collect()
    gc.freeze()


def _become_a_worker(streams: Sequence[int]) -> NoReturn:
    """What ``python -u -c`` with execnet's line does. The fork's connection is closed when it ends."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, closefd=False)
    # The worker's pytest has one of its own.
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, AssertionRewritingHook)]
    exec(eval(sys.stdin.readline()), {"__name__": "__main__"})
    # As `tests.programs` ends a fork.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for output in (sys.stdout, sys.stderr):
        output.flush()
    os._exit(0)
