"""Runs the proofs of promises in processes of their own, and says of each promise what came out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.programs import ROOT
from tests.promises.origin import commit, is_busy, load, origin
from tests.promises.outcomes import OUTCOMES, read
from tests.promises.proofs import Command, Promise, Tests
from tests.promises.results import Ended, Outcome, Row, outcome_of, outcome_of_tests, result_of
from tests.size import FULL, SEED

#: Seconds for all tests, in the short and in the full form.
_TESTS_LIMIT = {False: 2400.0, True: 6 * 3600.0}
#: Seconds that an interrupted process has to clean up.
_ENDED_WITHIN = 20.0
#: Seconds to wait at most for a quieter machine before a time is measured.
_QUIET_WITHIN = 120


async def run_child(arguments: Sequence[str], limit: float, environment: Mapping[str, str], log: Path) -> Ended:
    """A Python process with children of its own, interrupted together at the limit, and killed a while later."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            # A run in the background ignores it, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        code: int | None = None
        try:
            async with asyncio.timeout(limit):
                code = await process.wait()
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                await _end(process)
    said = await asyncio.to_thread(log.read_text, errors="replace")
    return Ended(code, said, time.monotonic() - began, load())


async def _end(process: asyncio.subprocess.Process) -> None:
    """Interrupted, it stops its servers, which are no children of it; killed, it leaves them."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            os.killpg(process.pid, number)
            async with asyncio.timeout(_ENDED_WITHIN):
                await process.wait()


class _Reports(NamedTuple):
    """Of all tests: see `outcomes.read`."""

    lines: Sequence[Mapping[str, Any]]
    load: float


class Runner:
    """:param jobs: processes at a time. :param say: told of each proof that has ended.

    :param keep: given the row of each promise as soon as its last proof has ended.
    """

    def __init__(
        self, seed: int, *, full: bool, jobs: int, say: Callable[[str], None], keep: Callable[[Row], None]
    ) -> None:
        self._seed, self._full, self._jobs, self._say, self._keep = seed, full, jobs, say, keep
        self._turns, self._alone = asyncio.Semaphore(jobs), asyncio.Lock()
        self._commit = commit()
        self.logs = Path(tempfile.mkdtemp(prefix="mystar-promises-"))

    async def run(self, promises: Sequence[Promise]) -> list[Row]:
        """First all tests, then the commands; at last, one by one, those that measure times."""
        proofs = [proof for promise in promises for proof in promise.proofs(full=self._full)]
        nodes = dict.fromkeys(node for proof in proofs if isinstance(proof, Tests) for node in proof.nodes)
        commands = dict.fromkeys(proof for proof in proofs if isinstance(proof, Command))
        async with asyncio.TaskGroup() as group:
            tests = group.create_task(self._run_tests(list(nodes)))
            together = {one: group.create_task(self._run_command(one, [tests])) for one in commands if not one.alone}
            before = [tests, *together.values()]
            alone = {one: group.create_task(self._run_command(one, before)) for one in commands if one.alone}
            rows = [group.create_task(self._row(promise, tests, together | alone)) for promise in promises]
        return [row.result() for row in rows]

    async def _run_tests(self, nodes: Sequence[str]) -> _Reports:
        if not nodes:
            return _Reports((), 0.0)
        file = self.logs / "outcomes.jsonl"
        environment = {OUTCOMES: str(file), SEED: str(self._seed), FULL: "1" if self._full else ""}
        options = ["-q", "-p", "tests.promises.outcomes", "-n", str(self._jobs), *(["-m", ""] if self._full else [])]
        if self._full:
            options += ["--timeout", "7200"]
        limit, log = _TESTS_LIMIT[self._full], self.logs / "tests.log"
        ended = await run_child(["-m", "pytest", *options, *nodes], limit, environment, log)
        lines = read(file)
        self._say(f"{len(lines)} tests in {ended.seconds:.0f} s, exit code {ended.code}: {log}")
        return _Reports(lines, ended.load)

    async def _run_command(self, proof: Command, before: Sequence[asyncio.Task[Any]]) -> Outcome:
        await asyncio.wait(before)
        async with self._alone if proof.alone else self._turns:
            if proof.alone:
                await _quiet()
            log = self.logs / ("-".join(proof.arguments[:2]).replace("{", "").replace("}", "") + ".log")
            ended = await run_child(["-m", *proof.command(self._seed)], proof.limit, {}, log)
        outcome = outcome_of(proof, ended)
        self._say(f"{outcome.failure or outcome.missing or outcome.figure} ({ended.seconds:.0f} s): {log}")
        return outcome

    async def _row(
        self, promise: Promise, tests: asyncio.Task[_Reports], commands: Mapping[Command, asyncio.Task[Outcome]]
    ) -> Row:
        reports = await tests
        outcomes = [
            await commands[proof]
            if isinstance(proof, Command)
            else outcome_of_tests(proof, reports.lines, reports.load)
            for proof in promise.proofs(full=self._full)
        ]
        row = Row(
            promise.number,
            "full" if self._full else "short",
            "; ".join(one.what for one in outcomes),
            "; ".join(one.figure for one in outcomes if one.figure),
            self._seed,
            origin(self._commit, max(one.load for one in outcomes)),
            result_of(promise, outcomes, full=self._full),
        )
        self._keep(row)
        return row


async def _quiet() -> None:
    """Wait a while for what went on before to be forgotten by the load average."""
    for _ in range(_QUIET_WITHIN // 2):
        if not is_busy():
            return
        await asyncio.sleep(2)


def wanted(promises: Mapping[str, Promise], only: str) -> list[Promise]:
    """:raises KeyError: there is no such promise."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    return [promises[name] for name in names] if names else list(promises.values())
