"""Runs attacks one after the other, with a normal client beside each."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.attacks.attacker import Attacker
from tests.attacks.normal_client import watching
from tests.attacks.registry import Attack

#: Seconds between two looks at the memory of the server.
_LOOK = 0.1


@dataclass
class Outcome:
    """What an attack cost, and what the normal client saw.

    :param latencies: of the normal client, in seconds. :param failures: of the normal client.
    :param memory: of the server in megabytes, before and at most.
    :param processor: seconds of the server.
    """

    attack: Attack
    seconds: float
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    memory: tuple[float, float] = (0, 0)
    processor: float = 0

    @property
    def growth(self) -> float:
        return self.memory[1] - self.memory[0]

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("inf")


@dataclass(frozen=True, slots=True)
class Target:
    """The server under attack, and an account of the attacker's."""

    port: int
    pid: int
    token: str
    login: tuple[str, str]

    @property
    def megabytes(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    @property
    def processor(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def run(target: Target, attack: Attack, seconds: float) -> Outcome:
    """The attack for so many seconds."""
    outcome, attacker = Outcome(attack, seconds), Attacker(target.port, target.token, target.login)
    async with watching(attacker.url) as seen:
        before, computed = target.megabytes, target.processor
        memory = asyncio.create_task(_watch(target))
        workers = [asyncio.create_task(_repeat(attack, attacker)) for _ in range(attack.workers)]
        await asyncio.sleep(seconds)
        for task in (*workers, memory):
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        outcome.processor = target.processor - computed
        outcome.memory = (before, max(await memory, target.megabytes))
    await attacker.close()
    outcome.latencies, outcome.failures = seen.latencies, seen.failures
    outcome.requests, outcome.answers = attacker.requests, attacker.answers
    outcome.bytes_sent, outcome.bytes_received = attacker.bytes_sent, attacker.bytes_received
    return outcome


async def _repeat(attack: Attack, attacker: Attacker) -> None:
    while True:
        await attack.act(attacker)
        await asyncio.sleep(0)


async def _watch(target: Target) -> float:
    """The most megabytes of the server until the task is cancelled."""
    most = target.megabytes
    try:
        while True:
            most = max(most, target.megabytes)
            await asyncio.sleep(_LOOK)
    except asyncio.CancelledError:
        return most


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as Markdown, for docs/promises.md."""
    rows = [
        "| attack | cost for the attacker | cost for us | what a normal client saw |",
        "| --- | --- | --- | --- |",
    ]
    for one in outcomes:
        answers = ", ".join(f"{number}× {status}" for status, number in one.answers.most_common(3)) or "no answer"
        rows.append(
            f"| {one.attack.title} | {one.requests} in {one.seconds:.0f} s, {one.bytes_sent / 1e6:.1f} MB sent |"
            f" {one.processor:.1f} s of a core, {one.growth:+.0f} MB, {one.bytes_received / 1e6:.1f} MB answered:"
            f" {answers} | p50 {one.percentile(0.5):.0f} ms, p99 {one.percentile(0.99):.0f} ms,"
            f" {one.failures} of {len(one.latencies)} failed |"
        )
    return "\n".join(rows)
