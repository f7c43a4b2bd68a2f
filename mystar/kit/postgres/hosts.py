"""The hosts of a database address, tried one by one.

libpq does the same, but on an asynchronous connection without any limit of time, so that a host which swallows packets
is waited for until the kernel gives up; and it resolves names in the event loop.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

#: Seconds for which a host that failed is tried after the others.
_AVOID_SECONDS = 30.0

_Host = tuple[str, str, str]


@dataclass(frozen=True)
class Attempt:
    """Parameters that name a single host, and the seconds that connecting may take."""

    parameters: dict[str, str]
    seconds: float


class Hosts:
    """The hosts of an address, and which of them have failed lately.

    :param known: libpq's parameters; ``host``, ``hostaddr`` and ``port`` may be lists.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = dict(known)
        self._failed_at: dict[_Host, float] = {}

    async def attempts(self, seconds: float) -> AsyncGenerator[Attempt, None]:
        """One attempt after another; each has an equal share of the time that is left, ``connect_timeout`` at most.

        As in libpq, ``target_session_attrs`` decides whether a host will do: its connection fails otherwise.
        :raises OSError: no host has an address.
        """
        began = time.monotonic()
        hosts = await self._ordered()
        rounds = [(host, attributes) for attributes in self._attributes(len(hosts)) for host in hosts]
        for number, (host, attributes) in enumerate(rounds):
            left = seconds - (time.monotonic() - began)
            share = min(max(left, 0) / (len(rounds) - number), self._connect_timeout())
            given = dict(zip(("host", "hostaddr", "port"), host, strict=True)) | attributes
            yield Attempt(self._known | {name: value for name, value in given.items() if value}, share)
            # Came back for more: this one has failed.
            self._failed_at[host] = time.monotonic()

    def _attributes(self, hosts: int) -> list[dict[str, str]]:
        """What is asked of all hosts, round by round."""
        if hosts > 1 and self._known.get("target_session_attrs") == "prefer-standby":
            return [{"target_session_attrs": "standby"}, {"target_session_attrs": "any"}]
        return [{}]

    def _connect_timeout(self) -> float:
        given = self._known.get("connect_timeout", "")
        limit = float(given) if given.lstrip("-").isdigit() else 0.0
        return limit if limit > 0 else float("inf")

    async def _ordered(self) -> list[_Host]:
        hosts = [resolved for host in self._listed() for resolved in await _resolved(host)]
        if not hosts:
            raise OSError(f"No address is known of {self._known['host']}")
        if self._known.get("load_balance_hosts") == "random":
            random.shuffle(hosts)
        recent = time.monotonic() - _AVOID_SECONDS
        return sorted(hosts, key=lambda host: self._failed_at.get(host, 0.0) > recent)

    def _listed(self) -> list[_Host]:
        names, addresses, ports = (self._known.get(name, "").split(",") for name in ("host", "hostaddr", "port"))
        count = max(len(names), len(addresses))
        return list(zip(_spread(names, count), _spread(addresses, count), _spread(ports, count), strict=True))


def _spread(values: list[str], count: int) -> list[str]:
    """One value for all, or one for each; libpq itself refuses any other number."""
    return values * count if len(values) == 1 else [*values, *[""] * count][:count]


async def _resolved(host: _Host) -> list[_Host]:
    """The host once for each of its addresses; none if it has no address and others may have one."""
    name, address, port = host
    if not name or address or name.startswith(("/", "@")):
        return [host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [(name, one, port) for one in dict.fromkeys(str(address[0]) for *_, address in found)]
