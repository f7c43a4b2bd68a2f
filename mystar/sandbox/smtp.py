"""The SMTP sink: accepts every mail, delivers none, and refuses, disconnects or delays when told to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from mystar.sandbox.faults import Faults

LARGEST_MAIL = 10 * 1024 * 1024

Store = Callable[[Envelope], None]


class _Sink:
    """aiosmtpd's hooks. The answers' codes are RFC 5321's, the dotted ones RFC 3463's."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store, self._faults = store, faults

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._faults.strikes("smtp.permanent"):
            return "550 5.1.1 The sandbox is told to refuse this mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self._faults["smtp.delay_seconds"])
        if self._faults.strikes("smtp.temporary"):
            return "451 4.3.0 The sandbox is told to be busy, try again later"
        self._store(envelope)
        if self._faults.strikes("smtp.lost_answer"):
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            # The lost connection cancels this session; an answer could not be sent.
            await asyncio.Event().wait()
        return "250 OK"


class _Session(SMTP):
    """One connection. Any name and password are accepted."""

    def __init__(self, sink: _Sink, faults: Faults, transports: set[asyncio.Transport]) -> None:
        super().__init__(
            sink,
            hostname="sandbox",
            ident="mystar sandbox",
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=lambda *_: AuthResult(success=True),
            loop=asyncio.get_running_loop(),
        )
        self._faults, self._transports = faults, transports

    def connection_made(self, transport: Any) -> None:
        self._transports.add(transport)
        super().connection_made(transport)
        if self._faults["smtp.down"]:
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._transports.discard(self.transport)
        super().connection_lost(error)


@asynccontextmanager
async def smtp_sink(listening: socket.socket, store: Store, faults: Faults) -> AsyncIterator[None]:
    """Accept mails on this socket until the block ends; then every connection is aborted."""
    sink, transports = _Sink(store, faults), set[asyncio.Transport]()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Session(sink, faults, transports), sock=listening)
    try:
        yield
    finally:
        server.close()
        for transport in list(transports):
            transport.abort()
        await server.wait_closed()
