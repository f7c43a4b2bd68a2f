"""Who subscribes to a topic while messages of the bus may be lost reads its log once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from mystar.kit.realtime.connection import Connection
from mystar.kit.realtime.hub import Hub
from mystar.kit.realtime.pubsub import Bus
from mystar.kit.realtime.topic_reader import Entry


@dataclass(frozen=True)
class Line:
    position: int


@dataclass
class Log:
    """``reads``: how often it was asked what follows a position."""

    lines: list[Entry] = field(default_factory=list)
    reads: int = 0

    async def after(self, key: int, position: int, limit: int) -> Sequence[Entry]:
        self.reads += 1
        return [line for line in self.lines if line.position > position][:limit]

    async def ends(self, keys: Sequence[int]) -> Mapping[int, int]:
        return {key: len(self.lines) for key in keys}


@dataclass(eq=False)
class Client:
    """What the hub needs of a connection."""

    sent: list[bytes] = field(default_factory=list)
    position: int = 0
    is_open: bool = True

    @staticmethod
    def encoder(entry: Any) -> bytes:
        return str(entry.position).encode()

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    async def drained(self) -> None:
        pass


@pytest.mark.parametrize("is_gap", [True, False])
async def test_a_subscriber_misses_nothing_that_was_announced_in_a_gap(is_gap: bool) -> None:
    hub, log, client = Hub(Bus(), CollectorRegistry(), sweep_seconds=60), Log(), Client()
    hub.register_topic("topic", log)
    announced, end = hub.announced("topic", 1), len(log.lines)
    if is_gap:
        # Another process writes, and its message does not arrive.
        log.lines.append(Line(1))
        hub.bus._report_gap()
    async with hub.subscribe(cast(Connection, client), "topic", 1, end, announced):
        assert client.sent == [b"1"] * is_gap
        assert log.reads == is_gap, "without a gap there is nothing to read"
