"""Runs the proofs of promises in processes of their own, and says of each promise what came out."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.promises.outcomes import OUTCOMES
from tests.promises.proofs import NOT_HERE, Command, Promise, Tests
from tests.size import FULL, SEED

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for all tests, in the short and in the full form.
_TESTS_LIMIT = {False: 1800.0, True: 6 * 3600.0}


class Ended(NamedTuple):
    """How a process ended; ``code`` None: it was killed at its time limit."""

    code: int | None
    output: str
    seconds: float


class Outcome(NamedTuple):
    """Of one proof. ``failure`` and ``missing``: why it failed, or cannot be run here."""

    what: str
    figure: str
    failure: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Row:
    """Of one promise, as the table shows it."""

    number: str
    form: str
    done: str
    figure: str
    seed: int
    result: str

    @property
    def has_failed(self) -> bool:
        return self.result.startswith("FAILED")


async def run_child(arguments: Sequence[str], limit: float, environment: Mapping[str, str], log: Path) -> Ended:
    """A Python process with children of its own, all of which are killed at the limit."""
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
        )
        code: int | None = None
        try:
            async with asyncio.timeout(limit):
                code = await process.wait()
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
    said = await asyncio.to_thread(log.read_text, errors="replace")
    return Ended(code, said, time.monotonic() - began)


class Runner:
    """:param jobs: processes at a time. :param say: told of each proof that has ended."""

    def __init__(self, seed: int, *, full: bool, jobs: int, say: Callable[[str], None]) -> None:
        self._seed, self._full, self._jobs, self._say = seed, full, jobs, say
        self._turns = asyncio.Semaphore(jobs)
        self.logs = Path(tempfile.mkdtemp(prefix="mystar-promises-"))

    async def run(self, promises: Sequence[Promise]) -> list[Row]:
        proofs = [proof for promise in promises for proof in promise.proofs(full=self._full)]
        nodes = dict.fromkeys(node for proof in proofs if isinstance(proof, Tests) for node in proof.nodes)
        reports = await self._run_tests(list(nodes)) if nodes else []
        commands = dict.fromkeys(proof for proof in proofs if isinstance(proof, Command))
        ended = await asyncio.gather(*(self._run_command(command) for command in commands))
        by_command = dict(zip(commands, ended, strict=True))
        return [self._row(promise, reports, by_command) for promise in promises]

    async def _run_tests(self, nodes: Sequence[str]) -> list[dict[str, Any]]:
        """One line of `outcomes.py` for each test."""
        file = self.logs / "outcomes.jsonl"
        environment = {OUTCOMES: str(file), SEED: str(self._seed), FULL: "1" if self._full else ""}
        options = ["-q", "-p", "tests.promises.outcomes", "-n", str(self._jobs), *(["-m", ""] if self._full else [])]
        if self._full:
            options += ["--timeout", "7200"]
        limit, log = _TESTS_LIMIT[self._full], self.logs / "tests.log"
        ended = await run_child(["-m", "pytest", *options, *nodes], limit, environment, log)
        lines = file.read_text().splitlines() if file.exists() else []
        self._say(f"{len(lines)} tests in {ended.seconds:.0f} s, exit code {ended.code}: {log}")
        return [json.loads(line) for line in lines]

    async def _run_command(self, proof: Command) -> Outcome:
        async with self._turns:
            log = self.logs / ("-".join(proof.arguments[:2]).replace("{", "").replace("}", "") + ".log")
            ended = await run_child(["-m", *proof.command(self._seed)], proof.limit, {}, log)
        outcome = outcome_of(proof, ended)
        self._say(f"{outcome.failure or outcome.missing or outcome.figure} ({ended.seconds:.0f} s): {log}")
        return outcome

    def _row(self, promise: Promise, reports: Sequence[Mapping[str, Any]], commands: Mapping[Command, Outcome]) -> Row:
        proofs = promise.proofs(full=self._full)
        outcomes = [commands[one] if isinstance(one, Command) else tests_outcome(one, reports) for one in proofs]
        return Row(
            promise.number,
            "full" if self._full else "short",
            "; ".join(one.what for one in outcomes),
            "; ".join(one.figure for one in outcomes if one.figure),
            self._seed,
            result_of(promise, outcomes, full=self._full),
        )


def outcome_of(proof: Command, ended: Ended) -> Outcome:
    figure = proof.figure_in(ended.output)
    if ended.code is None:
        return Outcome(proof.what, "", failure=f"not ended after {proof.limit:.0f} s")
    if ended.code == NOT_HERE:
        return Outcome(proof.what, "", missing=figure)
    if ended.code:
        return Outcome(proof.what, "", failure=figure or f"exit code {ended.code}")
    return Outcome(proof.what, figure)


def tests_outcome(proof: Tests, reports: Sequence[Mapping[str, Any]]) -> Outcome:
    """Every node must have run a test, and no test may have failed or been skipped."""
    ours = [report for report in reports if proof.covers(report["test"])]
    failed = list(dict.fromkeys(report["test"] for report in ours if report["outcome"] == "failed"))
    silent = [node for node in proof.nodes if not any(Tests((node,)).covers(report["test"]) for report in ours)]
    skipped = [report["test"] for report in ours if report["outcome"] == "skipped"]
    passed = len({report["test"] for report in ours if report["outcome"] == "passed"})
    seconds = sum(report["seconds"] for report in ours)
    what = ", ".join(dict.fromkeys(node.partition("::")[0].removeprefix("tests/") for node in proof.nodes))
    figure = f"{passed} tests in {seconds:.0f} s"
    if failed or silent:
        problem = f"{len(failed)} failed: {failed[0]}" if failed else f"no test ran of {silent[0]}"
        return Outcome(what, figure, failure=problem)
    return Outcome(what, figure, missing=f"{len(skipped)} tests skipped" if skipped else "")


def result_of(promise: Promise, outcomes: Sequence[Outcome], *, full: bool) -> str:
    failures = [one.failure for one in outcomes if one.failure]
    if failures:
        return f"FAILED: {'; '.join(failures)}"
    missing = [one.missing for one in outcomes if one.missing]
    if missing and len(missing) == len(outcomes):
        return f"not shown: {'; '.join(missing)}"
    remarks = [*missing, *([promise.not_shown] if promise.not_shown else [])]
    if promise.only_full and not full:
        remarks.append(f"only by `--full`: {promise.only_full}")
    return "holds" + (f"; not shown: {'; '.join(remarks)}" if remarks else "")


def wanted(promises: Mapping[str, Promise], only: str) -> list[Promise]:
    """:raises KeyError: there is no such promise."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    return [promises[name] for name in names] if names else list(promises.values())
