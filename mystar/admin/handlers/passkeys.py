"""Codes and answers of passkeys in forms, and what the script `passkeys.js` asks authenticators for."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from mystar.accounts.factors.model import PasskeyOptions, Proof, ProofMissing
from mystar.admin.handlers.forms import text_field
from mystar.admin.handlers.render import data

_MAX_LENGTH = 16_384


async def proof_fields(request: web.Request) -> Proof:
    """The fields ``code`` and ``credential``, of which one is filled in."""
    if await text_field(request, "credential", max_length=_MAX_LENGTH):
        return Proof(credential=await credential_field(request))
    return Proof(code=await text_field(request, "code", max_length=40))


async def credential_field(request: web.Request) -> dict[str, Any]:
    """The answer of the passkey, which the script puts into the form. :raises ProofMissing: it is no JSON object."""
    try:
        answer = orjson.loads(await text_field(request, "credential", max_length=_MAX_LENGTH))
    except orjson.JSONDecodeError:
        raise ProofMissing from None
    if not isinstance(answer, dict) or not answer:
        raise ProofMissing
    return answer


def options_data(options: PasskeyOptions) -> web.Response:
    return data({"challenge": options.challenge, "public_key": options.public_key})
