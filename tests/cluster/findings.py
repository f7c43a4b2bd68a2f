"""What `scripts/cluster shared` has seen, judged: no clients and no processes here."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

_GRANTED, _REFUSED, _RUNNING = (200, 201), 429, 409


@dataclass(frozen=True)
class Finding:
    """One line. ``wrong``: what must not be; ``late``: what took too long, which a busy machine does not decide."""

    what: str
    figure: str
    wrong: Sequence[str] = field(default=())
    late: Sequence[str] = field(default=())

    def __str__(self) -> str:
        result = "; ".join([*self.wrong, *self.late]) or "holds"
        return f"| {self.what} | {self.figure} | {result} |"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and which service gave it."""

    service: int
    status: int
    body: bytes = b""


def counted_together(replies: Sequence[Reply], allowed: int) -> Finding:
    """Requests of one account that were sent to all services at once; so many are allowed."""
    granted = Counter(one.service for one in replies if one.status in _GRANTED)
    others = Counter(one.status for one in replies if one.status not in (*_GRANTED, _REFUSED))
    wrong = [f"{granted.total()} of {allowed} were granted"] if granted.total() != allowed else []
    wrong += [f"{count} were answered {status}" for status, count in others.items()]
    shares = " + ".join(str(granted[service]) for service in sorted({one.service for one in replies}))
    return Finding("a limit", f"{allowed} allowed, {len(replies)} sent: {shares} granted", wrong)


def one_effect(rounds: Sequence[Sequence[Reply]], effects: Sequence[int]) -> Finding:
    """:param rounds: the replies to one key. :param effects: how many orders each key has made."""
    wrong = []
    for number, (replies, effect) in enumerate(zip(rounds, effects, strict=True), 1):
        statuses = [one.status for one in replies]
        first = {one.body for one in replies if one.status in _GRANTED}
        if effect != 1 or len(first) != 1 or not set(statuses) <= {*_GRANTED, _RUNNING}:
            wrong.append(f"key {number}: {effect} orders, {len(first)} different answers, statuses {statuses}")
    running = sum(one.status == _RUNNING for replies in rounds for one in replies)
    sent = sum(len(replies) for replies in rounds)
    figure = f"{len(rounds)} keys, {sent} requests, {sum(effects)} orders; {running} were told to wait"
    return Finding("an Idempotency-Key", figure, wrong)


def never_stale(what: str, reads: int, writes: int, stale: Sequence[str]) -> Finding:
    figure = f"{writes} writes, {reads} reads elsewhere right after them, {len(stale)} out of date"
    wrong = [*stale[:3], *(["nothing was read"] if not reads else [])]
    return Finding(what, figure, wrong)


def in_time(what: str, seconds: Sequence[float], limit: float) -> Finding:
    """:param seconds: from the fact to what was seen of it."""
    if not seconds:
        return Finding(what, "none", ["nothing was measured"])
    median, longest = statistics.median(seconds), max(seconds)
    late = [f"longer than {limit:.1f} s"] if longest > limit else []
    return Finding(what, f"median {1000 * median:.0f} ms, longest {1000 * longest:.0f} ms of {len(seconds)}", (), late)


def ran_once(what: str, due: Sequence[Hashable], done: Mapping[Hashable, int], idle: Sequence[str] = ()) -> Finding:
    """:param due: what had to be done once. :param done: how often it was. :param idle: services that never tried."""
    other = {one: done.get(one, 0) for one in due if done.get(one, 0) != 1}
    wrong = [f"{one}: {times} times" for one, times in list(other.items())[:3]]
    wrong += [f"{service} never ran the job" for service in idle]
    if not due:
        wrong.append("nothing was due")
    return Finding(what, f"{len(due)} due, {sum(done.get(one, 0) for one in due)} done", wrong)
