"""Bodies that cost more than they are worth."""

from __future__ import annotations

from tests.attacks.attacker import Attacker
from tests.attacks.registry import attack

_MANY_OBJECTS = b'{"options": [' + b"{}," * 40_000 + b"{}]}"
_MANY_NUMBERS = b'{"tags": [' + b"0," * 60_000 + b"0]}"
_MEGABYTE = b'{"options": [' + b"{}," * 340_000 + b"{}]}"
_NESTED = b'{"object": ' + b"[" * 1010 + b"]" * 1010 + b"}"
_JSON = "application/json"
_FORM = "multipart/form-data; boundary=xyzzy"
_PART = b'--xyzzy\r\nContent-Disposition: form-data; name="title"\r\n\r\nx\r\n'
_END = b"--xyzzy--\r\n"
_LINES = b"x\r\n" * 3_000_000


@attack("A1", "lists of 40,000 empty objects")
async def many_objects(attacker: Attacker) -> None:
    await attacker.request("POST", "/api/v1/services/", _MANY_OBJECTS, Content_Type=_JSON, **attacker.bearer)


@attack("A1", "lists of 60,000 wrong tags")
async def many_numbers(attacker: Attacker) -> None:
    await attacker.request("POST", "/api/star/create/", _MANY_NUMBERS, Content_Type=_JSON, **attacker.bearer)


@attack("A1", "a megabyte of JSON")
async def megabyte(attacker: Attacker) -> None:
    await attacker.request("POST", "/api/v1/services/", _MEGABYTE, Content_Type=_JSON, **attacker.bearer)


@attack("A3", "nine megabytes before the first boundary")
async def preamble(attacker: Attacker) -> None:
    await attacker.request("POST", "/api/auth/token/", _LINES + _PART + _END, Content_Type=_FORM)


@attack("A3", "nine megabytes after the last boundary")
async def epilogue(attacker: Attacker) -> None:
    await attacker.request("POST", "/api/auth/token/", _PART + _END + _LINES, Content_Type=_FORM)


@attack("A9", "1,010 nested lists in a payment notification")
async def nested(attacker: Attacker) -> None:
    await attacker.request("POST", "/payments/notifications/", _NESTED, Content_Type=_JSON)
