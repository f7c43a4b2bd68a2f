"""A worker: reads jobs from standard input, one a line, and runs each in a forked child that has limits.

A hostile file ends its child, not the worker, and never the service. The worker itself ends when its input does, as
when the service was killed, and when it had nothing to do for a minute.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, cast

from mystar.files.decoder.job import Job, Refusal, Refused, Result

_IDLE_SECONDS = 60.0
#: Of a child: bytes of address space beside what the worker has (25 megapixels take 360 MB at most), seconds of
#: processor and of wall time, and bytes of a file that it writes.
_MEMORY = 384 * 2**20
_CPU_SECONDS = 10
_WALL_SECONDS = 20.0
_FILE_SIZE = 64 * 2**20
_NICE = 10
_MAX_ANSWER_BYTES = 16 * 1024
#: How a child ends that a parser crashed; any other violent end is a limit.
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE}


def main() -> None:
    os.nice(_NICE)
    while line := _next_line():
        fields = json.loads(line)
        job = Job(**{**fields, "sides": tuple(fields["sides"])})
        # Imported here for all children, which share its pages.
        _parser(job)
        answer = json.dumps(asdict(_in_child(job))).encode() + b"\n"
        # The service that asked may have been killed meanwhile.
        with suppress(BrokenPipeError):
            os.write(1, answer)


def _next_line() -> bytes:
    """Empty at the end of the input, and after a minute without any."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([0], [], [], _IDLE_SECONDS)
        chunk = os.read(0, 65_536) if ready else b""
        if not chunk:
            return b""
        line += chunk
    return line


def _parser(job: Job) -> Callable[[Job], Result]:
    module = importlib.import_module(f"mystar.files.decoder.{'videos' if job.is_video else 'pictures'}")
    return cast(Callable[[Job], Result], module.work)


def _in_child(job: Job) -> Result:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(job, writing)
    os.close(writing)
    answer = _answer_of(child, reading)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if status != 0:
        refusal: Refusal = "broken" if os.WTERMSIG(status) in _CRASHES else "too_costly"
        return Result(refusal)
    fields = json.loads(answer)
    return Result(**{**fields, "outputs": tuple(fields["outputs"])})


def _answer_of(child: int, reading: int) -> bytes:
    """What the child writes until it ends. It is killed when it takes too long, or answers too much."""
    answer, deadline = b"", time.monotonic() + _WALL_SECONDS
    while len(answer) < _MAX_ANSWER_BYTES:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            break
        chunk = os.read(reading, _MAX_ANSWER_BYTES)
        if not chunk:
            return answer
        answer += chunk
    os.kill(child, signal.SIGKILL)
    return answer


def _run(job: Job, writing: int) -> NoReturn:
    """The child. It leaves without the clean-up of Python, which belongs to the worker."""
    try:
        _restrict()
        os.write(writing, json.dumps(asdict(_worked(job))).encode())
        os._exit(0)
    finally:
        os._exit(1)


def _restrict() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_SIZE, _FILE_SIZE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A short machine takes the child first.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    # Parsers write their complaints about hostile files there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _worked(job: Job) -> Result:
    try:
        return _parser(job)(job)
    except Refused as error:
        return Result(error.refusal)
    except MemoryError:
        return Result("too_costly")
    except Exception:
        # Parsers fail in a dozen ways on hostile bytes: OSError, SyntaxError, ValueError, struct.error …
        return Result("broken")


if __name__ == "__main__":
    main()
