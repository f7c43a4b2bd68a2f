"""``Idempotency-Key``: a POST that is repeated has its effect once, and its first answer again (D18).

    @docs(...)
    @login_required
    @json_schema(OrderDraft)
    @idempotent
    async def place_order(request): ...

``@idempotent`` is the innermost decorator, so that authentication and validation come first. The key's row is written
in the transaction of the effect: everything that the handler does with the database joins one transaction, so either
both exist or neither, also after a power cut. That transaction begins with the handler's first change. Waiting for
others (limits, a password hash, the bytes of an upload) belongs before it or, by ``tx.after_commit``, after it; inside
it is refused. Files and fields of a streamed form have to be read before the first change.

The key belongs to the account that sends it. A guest's key belongs to every guest who sends it, so it should be random.
A failure is not stored: nothing was changed, and the same key can be tried again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps

from aiohttp import web
from aiohttp_apispec import docs

from mystar.errors import Conflict, Invalid, Text
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.tokens import Signer
from mystar.kit.web.idempotency_repository import IdempotencyRepository, Key, StoredAnswer
from mystar.kit.web.multipart import REQUEST_FINGERPRINT, RequestFingerprint, body, drain, form

HEADER = "Idempotency-Key"
#: How long answers are kept (promise M3 asks for a day).
KEEP = timedelta(hours=48)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PURPOSE = "idempotency"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KeyMalformed(Invalid):
    """``Idempotency-Key`` is empty, too long or has other characters than visible ASCII."""

    code = "idempotency_key_malformed"
    text = Text(
        "Idempotency-Key: от 1 до 255 видимых символов ASCII.",
        "Idempotency-Key: 1 to 255 visible ASCII characters.",
    )


class KeyReused(Invalid):
    """``Idempotency-Key`` was used for another request (D18). 422 in every dialect."""

    code = "idempotency_key_reused"
    text = Text(
        "Этот Idempotency-Key уже использован для другого запроса.",
        "This Idempotency-Key has been used for a different request.",
    )


class StillRunning(Conflict):
    """A request with the same ``Idempotency-Key`` is still running (D18)."""

    code = "idempotency_key_busy"
    text = Text("Первый запрос с этим ключом ещё выполняется.", "The first request with this key is still running.")


class Idempotency:
    """Keys and their answers.

    :param signer: makes the stored fingerprint of a request, which may hold a password, irreversible.
    :param account_of: the account that sends a request; None for a guest.
    """

    def __init__(
        self, db: Database, clock: Clock, signer: Signer, account_of: Callable[[web.Request], int | None]
    ) -> None:
        self._db, self._clock, self._signer, self._account_of = db, clock, signer, account_of
        #: Keys of requests that run in this process. Other processes find out by a lock, at their first change.
        self._running: set[Key] = set()

    async def once(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The handler's answer, or the stored answer of this key.

        :raises KeyMalformed: :raises KeyReused: for another body, method or address. :raises StillRunning:
        """
        name = request.headers.get(HEADER)
        if name is None:
            return await handler(request)
        if not _KEY.fullmatch(name):
            raise KeyMalformed
        key, fingerprint = Key(self._account_of(request), name), await _fingerprint_of(request)
        known = await IdempotencyRepository(self._db).find(key)
        if known is not None:
            if REQUEST_FINGERPRINT in request:
                await drain(request)
            return self._replayed(known, fingerprint)
        if key in self._running:
            raise StillRunning
        self._running.add(key)
        try:
            return await self._first(request, handler, key, fingerprint)
        finally:
            self._running.discard(key)

    async def _first(
        self, request: web.Request, handler: Handler, key: Key, fingerprint: RequestFingerprint
    ) -> web.StreamResponse:
        async def claim(tx: Tx) -> None:
            rows = IdempotencyRepository(tx)
            if not await rows.try_lock(key):
                raise StillRunning
            # The other request may have ended since the first look.
            known = await rows.find(key)
            if known is not None:
                raise _Answered(self._replayed(known, fingerprint))

        try:
            async with self._db.lazy_transaction(claim) as lazy:
                response = await handler(request)
                if response.status >= 400:
                    raise _Answered(response)
                await self._remember(await lazy.tx(), key, fingerprint, response)
                return response
        except _Answered as answered:
            return answered.response

    async def _remember(self, tx: Tx, key: Key, fingerprint: RequestFingerprint, response: web.StreamResponse) -> None:
        assert isinstance(response, web.Response), "a streamed answer cannot be kept"
        answer = StoredAnswer(
            fingerprint=self._signer.sign(_PURPOSE, fingerprint.hexdigest()).encode(),
            status=response.status,
            body=bytes(response.body) if isinstance(response.body, bytes | bytearray) else b"",
            content_type=response.content_type,
        )
        await IdempotencyRepository(tx).insert(key, answer, self._clock.now())

    def _replayed(self, known: StoredAnswer, fingerprint: RequestFingerprint) -> web.Response:
        if not self._signer.verify(known.fingerprint.decode("latin-1"), _PURPOSE, fingerprint.hexdigest()):
            raise KeyReused
        return web.Response(
            body=known.body,
            status=known.status,
            content_type=known.content_type,
            headers={"Idempotent-Replayed": "true"},
        )

    async def purge(self) -> int:
        """Delete up to a thousand keys older than ``KEEP``; how many."""
        return await IdempotencyRepository(self._db).purge(self._clock.now() - KEEP)


class _Answered(Exception):
    """Carries an answer out of the transaction, which is rolled back."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__(response.status)
        self.response = response


IDEMPOTENCY: web.AppKey[Idempotency] = web.AppKey("idempotency", Idempotency)


def idempotent(handler: Handler) -> Handler:
    """Make the handler honour ``Idempotency-Key``; the innermost decorator."""

    @wraps(handler)
    async def once(request: web.Request) -> web.StreamResponse:
        return await request.app[IDEMPOTENCY].once(request, handler)

    header = {"in": "header", "name": HEADER, "required": False, "schema": {"type": "string", "maxLength": 255}}
    documented: Handler = docs(parameters=[header])(once)
    documented.__idempotent__ = True  # type: ignore[attr-defined]
    return documented


async def _fingerprint_of(request: web.Request) -> RequestFingerprint:
    """A hash of method, address and body; of a multipart form, of its values, as boundaries vary."""
    path = request.path.rstrip("/") + "?" + request.query_string
    fingerprint = RequestFingerprint(request.method.encode(), path.encode())
    if request.content_type != "multipart/form-data":
        fingerprint.add(await body(request))
    elif any(one["location"] == "json" for one in getattr(request.match_info.handler, "__schemas__", ())):
        # A small form, which has been read before; see `mystar.kit.web.validation`.
        fields = [f"{name}={value}" for name, value in (await form(request)).items() if isinstance(value, str)]
        fingerprint.add("\x1e".join(fields).encode())
    else:
        request[REQUEST_FINGERPRINT] = fingerprint
    return fingerprint
