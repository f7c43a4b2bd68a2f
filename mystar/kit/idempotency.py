"""``Idempotency-Key``: a POST that is repeated has its effect once, and its first answer again (contract D18).

    @docs(...)
    @signed_in
    @json_schema(OrderDraft)
    @idempotent
    async def place_order(request): ...

``@idempotent`` stands next to the function, so that who asks and what is asked are checked before. The key belongs to
the account that sends it. Its row is written in the transaction of the effect: everything that the handler does with
the database joins one shared transaction, so either both are there or neither, also after a power cut. What waits for
others (a provider, a password hash) therefore belongs behind the commit, in ``tx.after_commit``; inside it is refused.

A failure is not remembered: nothing was done, and the same key may try again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps

from aiohttp import web
from aiohttp_apispec import docs

from mystar.errors import Conflict, Invalid, Text
from mystar.kit import queries
from mystar.kit.clock import Clock
from mystar.kit.db import Database, Row, Tx

QUERIES = queries.load(__package__)
HEADER = "Idempotency-Key"
#: Longer than any client repeats a request, shorter than keys pile up (promise M3 asks for a day).
KEEP = timedelta(hours=48)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KeyMalformed(Invalid):
    code = "idempotency_key_malformed"
    text = Text(
        "Idempotency-Key: от 1 до 255 видимых символов ASCII.",
        "Idempotency-Key: 1 to 255 visible ASCII characters.",
    )


class KeyReused(Invalid):
    """422 in every dialect."""

    code = "idempotency_key_reused"
    text = Text(
        "Этот Idempotency-Key уже использован для другого запроса.",
        "This Idempotency-Key has been used for a different request.",
    )


class StillRunning(Conflict):
    code = "idempotency_key_busy"
    text = Text("Первый запрос с этим ключом ещё выполняется.", "The first request with this key is still running.")


class Idempotency:
    """The keys and their answers.

    :param account_of: whose request it is; None for a guest, whose key is ignored.
    """

    def __init__(self, db: Database, clock: Clock, account_of: Callable[[web.Request], int | None]) -> None:
        self._db, self._clock, self._account_of = db, clock, account_of

    async def once(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The handler's answer, or the one it gave to this key before.

        :raises KeyMalformed: :raises KeyReused: for another body, method or address. :raises StillRunning:
        """
        key, account_id = request.headers.get(HEADER), self._account_of(request)
        if key is None or account_id is None:
            return await handler(request)
        if not _KEY.fullmatch(key):
            raise KeyMalformed
        fingerprint = await _fingerprint(request)
        try:
            async with self._db.shared() as tx:
                if not await tx.value(QUERIES.lock_key, account_id=account_id, key=key):
                    raise StillRunning
                known = await tx.maybe(QUERIES.find_answer, account_id=account_id, key=key)
                if known is not None:
                    return _replayed(known, fingerprint)
                response = await handler(request)
                if response.status >= 400:
                    raise _Failed(response)
                await self._remember(tx, account_id, key, fingerprint, response)
                return response
        except _Failed as failure:
            return failure.response

    async def _remember(
        self, tx: Tx, account_id: int, key: str, fingerprint: bytes, response: web.StreamResponse
    ) -> None:
        assert isinstance(response, web.Response), "a streamed answer cannot be kept"
        await tx.execute(
            QUERIES.remember_answer,
            account_id=account_id,
            key=key,
            fingerprint=fingerprint,
            status=response.status,
            body=bytes(response.body) if isinstance(response.body, bytes | bytearray) else b"",
            content_type=response.content_type,
            now=self._clock.now(),
        )

    async def purge(self) -> int:
        """Forget up to a thousand keys older than ``KEEP``; answer how many."""
        return await self._db.execute(QUERIES.purge_answers, before=self._clock.now() - KEEP)


class _Failed(Exception):
    """Carries a refusal out of the transaction, which it undoes."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__(response.status)
        self.response = response


IDEMPOTENCY: web.AppKey[Idempotency] = web.AppKey("idempotency", Idempotency)


def idempotent(handler: Handler) -> Handler:
    """Honour the key in front of this handler; the innermost decorator."""

    @wraps(handler)
    async def once(request: web.Request) -> web.StreamResponse:
        return await request.app[IDEMPOTENCY].once(request, handler)

    header = {"in": "header", "name": HEADER, "required": False, "schema": {"type": "string", "maxLength": 255}}
    documented: Handler = docs(parameters=[header])(once)
    return documented


def _replayed(known: Row, fingerprint: bytes) -> web.Response:
    if known["fingerprint"] != fingerprint:
        raise KeyReused
    return web.Response(
        body=known["body"],
        status=known["status"],
        content_type=known["content_type"],
        headers={"Idempotent-Replayed": "true"},
    )


async def _fingerprint(request: web.Request) -> bytes:
    """What makes two requests the same: method, address and body; of a form in parts, their values, as borders vary."""
    digest = hashlib.sha256()
    path = request.path.rstrip("/") + "?" + request.query_string
    if request.content_type == "multipart/form-data":
        parts = [f"{name}={value}" for name, value in (await request.post()).items() if isinstance(value, str)]
        body = "\x1e".join(parts).encode()
    else:
        body = await request.read()
    for part in (request.method.encode(), path.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
