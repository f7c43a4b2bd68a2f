"""Ports for servers that a test starts later."""

from __future__ import annotations

import random
import socket

#: Kept out of every range that a kernel hands to outgoing connections: such a port may be given to a client before its
#: server binds it, and a client that tries to reach it over and over may even connect to itself. Browsers refuse 10080.
_PORTS = range(10_081, 32_000)
# Not the common source of random numbers, which some tests seed.
_random = random.SystemRandom()


def unused_port() -> int:
    """A port of 127.0.0.1 at which no process listens."""
    for port in _random.sample(_PORTS, 100):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("a hundred ports are all in use")
