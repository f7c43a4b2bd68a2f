"""Runs checks with a fault planted: each fault must make one of its checks fail, or the check proves nothing."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.promises.origin import commit, load, origin
from tests.promises.outcomes import OUTCOMES, read
from tests.promises.planting import Fault, planted_environment
from tests.promises.runner import run_child
from tests.size import SEED

#: Seconds for all that must notice one fault, and for one test: that it waits for what never comes is a failure of it.
_LIMIT, _TEST_LIMIT = 900.0, 300
_NOT_OF_THE_FAULT = ("pytest.PytestUnraisableExceptionWarning", "subprocess.TimeoutExpired")
#: A whole run of every scenario, with and without lost answers, is enough for each fault that the harness must notice.
_HARNESS = ("tests.harness", "--orders", "13", "--kills", "0", "--calm", "--seed")


class Verdict(NamedTuple):
    fault: Fault
    noticed: bool
    text: str
    #: Of the row in the table.
    origin: str = ""

    def cells(self, seed: int) -> tuple[str, ...]:
        text = self.text if self.noticed else f"UNNOTICED: {self.text}"
        return self.fault.name, self.fault.promise, text, str(seed), self.origin


async def run_mutants(
    faults: Sequence[Fault], seed: int, *, jobs: int, say: Callable[[str], None], keep: Callable[[Verdict], None]
) -> list[Verdict]:
    """:param keep: given each verdict as soon as it is known."""
    logs, turns = Path(tempfile.mkdtemp(prefix="mystar-mutants-")), asyncio.Semaphore(jobs)
    revision = commit()
    say(f"logs are in {logs}")

    async def one(fault: Fault) -> Verdict:
        async with turns:
            verdict = await notice(fault, seed, logs)
        verdict = verdict._replace(origin=origin(revision, load()))
        say(f"{'noticed' if verdict.noticed else 'UNNOTICED'}: {fault.promise} {fault.name}: {verdict.text}")
        keep(verdict)
        return verdict

    return list(await asyncio.gather(*map(one, faults)))


async def notice(fault: Fault, seed: int, logs: Path) -> Verdict:
    """Plant one fault and run what must notice it."""
    run = _by_tests if fault.by_tests else _by_command if fault.by_command else _by_harness
    return await run(fault, seed, logs)


async def _by_command(fault: Fault, seed: int, logs: Path) -> Verdict:
    log, command = logs / f"{fault.name}.log", fault.notices[0].removeprefix("python ").split()
    ended = await run_child([*command, "--seed", str(seed)], _LIMIT, planted_environment(fault.name), log)
    said = ended.output.strip().rpartition("\n")[2][:120]
    return Verdict(
        fault, ended.code == 1, f"`{fault.notices[0]}`: {said}" if ended.code == 1 else f"{ended.code}: {log}"
    )


async def _by_tests(fault: Fault, seed: int, logs: Path) -> Verdict:
    file, log = logs / f"{fault.name}.jsonl", logs / f"{fault.name}.log"
    environment = planted_environment(fault.name) | {OUTCOMES: str(file), SEED: str(seed)}
    options = [
        "-q",
        "-x",
        "-n",
        "0",
        "--timeout",
        str(_TEST_LIMIT),
        "-p",
        "tests.promises.outcomes",
        "-p",
        "no:cacheprovider",
    ]
    ended = await run_child(["-m", "pytest", *options, *fault.notices], _LIMIT, environment, log)
    lines = read(file)
    failed = [line for line in lines if line["outcome"] == "failed" and line["when"] == "call"]
    # What a test leaves open because the machine was late says nothing of the fault.
    told = [line for line in failed if not line["reason"].startswith(_NOT_OF_THE_FAULT)]
    if told:
        test, reason = told[0]["test"].removeprefix("tests/"), told[0]["reason"][:120].replace("`", "'")
        return Verdict(fault, True, f"`{test}`: `{reason}`")
    return Verdict(fault, False, f"exit code {ended.code}, {len(lines)} tests: {log}")


async def _by_harness(fault: Fault, seed: int, logs: Path) -> Verdict:
    log = logs / f"{fault.name}.log"
    arguments = ["-m", *_HARNESS, str(seed)]
    ended = await run_child(arguments, _LIMIT, planted_environment(fault.name), log)
    found = set(re.findall(r"^  (\w+): ", ended.output, re.MULTILINE))
    if ended.code == 1 and found & set(fault.notices):
        return Verdict(fault, True, f"the books: {', '.join(sorted(found & set(fault.notices)))}")
    return Verdict(fault, False, f"exit code {ended.code}, differences: {sorted(found)}: {log}")
