"""Connections that are held, flooded or dropped."""

from __future__ import annotations

from tests.attacks.attacker import Attacker
from tests.attacks.registry import attack

_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
_POST = b"POST /api/auth/token/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
_FORM = (
    b"POST /api/auth/token/ HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b'Content-Length: 1000\r\n\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
)
_SOCKET = "/ws/notifications/"
_EMPTY_CONTINUATIONS = b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 200_000
_UNMASKED = b"\x81\x02{}" * 1000


@attack("A5", "300 heads, a header every half second", workers=300)
async def slow_heads(attacker: Attacker) -> None:
    await attacker.raw(_HEAD, *[b"X-A: b\r\n"] * 30, pause=0.5)


@attack("A5", "300 bodies, a byte every half second", workers=300)
async def slow_bodies(attacker: Attacker) -> None:
    await attacker.raw(_POST, *[b" "] * 30, pause=0.5)


@attack("A5", "300 forms, a byte every half second", workers=300)
async def slow_forms(attacker: Attacker) -> None:
    await attacker.raw(_FORM, *[b" "] * 30, pause=0.5)


@attack("A5", "600 silent connections", workers=600)
async def silent(attacker: Attacker) -> None:
    await attacker.raw(b"", pause=14)


@attack("A8", "unmasked frames")
async def unmasked(attacker: Attacker) -> None:
    await attacker.websocket(_SOCKET, _UNMASKED)


@attack("A8", "200,000 empty continuation frames")
async def continuations(attacker: Attacker) -> None:
    await attacker.websocket(_SOCKET, _EMPTY_CONTINUATIONS)


@attack("A10", "disconnects in the middle of a body", workers=8)
async def disconnects(attacker: Attacker) -> None:
    await attacker.raw(_POST + b"{", hang_up=True)


@attack("A10", "heads that are no HTTP", workers=8)
async def malformed(attacker: Attacker) -> None:
    await attacker.raw(b"GET /api/login/ HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n")
