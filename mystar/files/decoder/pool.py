"""The service's side of the decoder: a few workers of the process, and fair turns for them.

Nothing here is bound to an event loop: pipes are read in threads of the pool. Workers start at their first job and end
by themselves when they are idle, or when the service is gone.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from time import monotonic

from mystar.errors import Unavailable
from mystar.files.decoder.job import Job, Result
from mystar.kit.postgres.database import assert_no_transaction

_SIZE = 2
#: Files that wait at once, and seconds that one of them may wait.
_MAX_WAITING = 100
_PATIENCE = 60.0
_COMMAND = (sys.executable, "-m", "mystar.files.decoder")


class _WorkerEnded(Exception):
    """The worker ended before it answered."""


class _Worker:
    """One process of the program, started when it is needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, job: Job) -> Result:
        """:raises Unavailable: no worker could be started, or two in turn did not answer."""
        for _ in range(2):
            try:
                return self._asked(job)
            except _WorkerEnded:
                # An idle worker ends at any moment, also at this one.
                self.close()
        raise Unavailable

    def _asked(self, job: Job) -> Result:
        if self._process is None:
            self._process = _started()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError as error:
            raise _WorkerEnded from error
        if not line:
            raise _WorkerEnded
        fields = json.loads(line)
        return Result(**{**fields, "outputs": tuple(fields["outputs"])})

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                # What was not written yet cannot be any more.
                with suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()


def _started() -> subprocess.Popen[bytes]:
    """A worker with an environment of its own: it opens hostile files and needs no secrets."""
    environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}
    # Address space is limited: one arena instead of one for each processor.
    environment["MALLOC_ARENA_MAX"] = "1"
    try:
        return subprocess.Popen(
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
    except OSError as error:
        raise Unavailable from error


@dataclass(slots=True, eq=False)
class _Waiting:
    person: str
    job: Job
    result: Future[Result] = field(default_factory=Future)


class DecoderPool:
    """Runs jobs in at most two workers, at most one at a time for each person.

    The next is always the person who has had the least of the workers' time since the pool was idle, so that one
    file never waits behind all files of another person.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._busy: set[str] = set()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._idle = [_Worker() for _ in range(_SIZE)]
        self._workers = tuple(self._idle)
        self._threads = ThreadPoolExecutor(_SIZE, "decoder")

    async def run(self, person: str, job: Job) -> Result:
        """The result of a job, after its turn. When cancelled, it waits for the end: the caller deletes the files.

        :param person: whose file it is. :raises Unavailable: too many wait, or no worker answers.
        """
        assert_no_transaction("opening a file")
        waiting = _Waiting(person, job)
        with self._lock:
            if len(self._waiting) >= _MAX_WAITING:
                raise Unavailable(retry_after=30)
            self._waiting.append(waiting)
            self._start()
        result = asyncio.wrap_future(waiting.result)
        try:
            done, _ = await asyncio.wait([result], timeout=_PATIENCE)
        except asyncio.CancelledError:
            if not self._withdraw(waiting):
                await asyncio.wait([result])
                result.exception()
            raise
        if not done and self._withdraw(waiting):
            result.cancel()
            raise Unavailable(retry_after=30)
        return await result

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.close()

    def _withdraw(self, waiting: _Waiting) -> bool:
        """Whether the job had not begun; it will not any more."""
        with self._lock:
            if waiting not in self._waiting:
                return False
            self._waiting.remove(waiting)
            return True

    def _start(self) -> None:
        """Give idle workers their next jobs; the lock is held."""
        while self._idle:
            ready = [one for one in self._waiting if one.person not in self._busy]
            if not ready:
                return
            chosen = min(ready, key=lambda one: self._seconds[one.person])
            self._waiting.remove(chosen)
            self._busy.add(chosen.person)
            chosen.result.set_running_or_notify_cancel()
            self._threads.submit(self._run, chosen, self._idle.pop())

    def _run(self, waiting: _Waiting, worker: _Worker) -> None:
        begun = monotonic()
        try:
            waiting.result.set_result(worker.run(waiting.job))
        except BaseException as error:
            waiting.result.set_exception(error)
        finally:
            with self._lock:
                self._idle.append(worker)
                self._busy.remove(waiting.person)
                self._seconds[waiting.person] += monotonic() - begun
                if not self._busy and not self._waiting:
                    self._seconds.clear()
                self._start()


#: Shared by all applications of the process.
POOL = DecoderPool()
atexit.register(POOL.close)
