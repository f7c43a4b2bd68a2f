"""Runs checks with a fault planted: each fault must make one of its checks fail, or the check proves nothing."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.promises.outcomes import OUTCOMES
from tests.promises.planting import Fault, planted_environment
from tests.promises.runner import run_child
from tests.size import SEED

#: Seconds for one fault; a check that waits for what never comes has noticed it as well.
_LIMIT = 240.0
#: A whole run of every scenario, with and without lost answers, is enough for each fault that the harness must notice.
_HARNESS = ("tests.harness", "--orders", "13", "--kills", "0", "--calm", "--seed")


class Verdict(NamedTuple):
    fault: Fault
    noticed: bool
    text: str


async def run_mutants(faults: Sequence[Fault], seed: int, *, jobs: int, say: Callable[[str], None]) -> int:
    """The exit code: 1 when a fault went unnoticed."""
    logs, turns = Path(tempfile.mkdtemp(prefix="mystar-mutants-")), asyncio.Semaphore(jobs)

    async def one(fault: Fault) -> Verdict:
        async with turns:
            verdict = await notice(fault, seed, logs)
        say(f"{'noticed' if verdict.noticed else 'UNNOTICED'}: {fault.promise} {fault.name}: {verdict.text}")
        return verdict

    verdicts = await asyncio.gather(*map(one, faults))
    unnoticed = [verdict.fault.name for verdict in verdicts if not verdict.noticed]
    say("\n".join(["", "| promise | planted fault | what noticed it |", "| --- | --- | --- |"]))
    for verdict in verdicts:
        text = verdict.text if verdict.noticed else f"UNNOTICED: {verdict.text}"
        say(f"| {verdict.fault.promise} | {verdict.fault.name.replace('-', ' ')} | {text} |")
    say(f"{len(verdicts) - len(unnoticed)} of {len(verdicts)} planted faults were noticed; logs are in {logs}")
    return 1 if unnoticed else 0


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
    options = ["-q", "-x", "-n", "0", "-p", "tests.promises.outcomes", "-p", "no:cacheprovider"]
    ended = await run_child(["-m", "pytest", *options, *fault.notices], _LIMIT, environment, log)
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    failed = [line["test"] for line in lines if line["outcome"] == "failed" and line["when"] == "call"]
    if failed:
        return Verdict(fault, True, f"`{failed[0].removeprefix('tests/')}` in {ended.seconds:.0f} s")
    if ended.code is None and "passed" not in ended.output:
        return Verdict(fault, True, f"`{fault.notices[0]}` waits for ever")
    return Verdict(fault, False, f"exit code {ended.code}, {len(lines)} tests: {log}")


async def _by_harness(fault: Fault, seed: int, logs: Path) -> Verdict:
    log = logs / f"{fault.name}.log"
    arguments = ["-m", *_HARNESS, str(seed)]
    ended = await run_child(arguments, _LIMIT, planted_environment(fault.name), log)
    found = set(re.findall(r"^  (\w+): ", ended.output, re.MULTILINE))
    if ended.code == 1 and found & set(fault.notices):
        return Verdict(fault, True, f"the books: {', '.join(sorted(found & set(fault.notices)))}")
    return Verdict(fault, False, f"exit code {ended.code}, differences: {sorted(found)}: {log}")
