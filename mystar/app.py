"""The composition root: what is built from what, in which order. Read it from top to bottom."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp_cors
from aiohttp import web

from mystar.accounts.access import know_the_actor
from mystar.contracts import system
from mystar.contracts.base import CONTRACTS, Contract, speak_the_contract
from mystar.contracts.greetings.contract import CONTRACT as GREETINGS
from mystar.contracts.house import house_contract
from mystar.contracts.identity.contract import CONTRACT as IDENTITY
from mystar.contracts.messenger.contract import CONTRACT as MESSENGER
from mystar.contracts.openapi import openapi
from mystar.contracts.studio.contract import CONTRACT as STUDIO
from mystar.kit.background import every
from mystar.kit.clock import Clock
from mystar.kit.db import Database
from mystar.kit.events import Events
from mystar.kit.http import TRUSTED_PROXIES, networks
from mystar.kit.limits import Limits
from mystar.kit.mail import TOPIC as MAIL
from mystar.kit.mail import Mailer, SmtpSender
from mystar.kit.observe import METRICS, Metrics, observe, tell_request_id
from mystar.kit.outbox import Outbox
from mystar.kit.passwords import Passwords
from mystar.kit.routes import Route, register
from mystar.kit.sockets import SOCKETS, close_sockets
from mystar.kit.tokens import Signer, Tokens
from mystar.kit.validation import validate
from mystar.settings import Settings

HOUSE_ROUTES: tuple[Route, ...] = (*system.ROUTES,)
#: What a violated constraint of the database means, in the words of its domain.
CONSTRAINTS = {}


async def create_app(settings: Settings, dsn: str, clock: Clock | None = None) -> web.Application:
    """Build the whole service over a migrated database.

    :param dsn: PostgreSQL's address, a URL or libpq's keywords.
    :raises Unavailable: the database cannot be reached.
    """
    clock = clock or Clock()
    events = Events()
    db = await Database.connect(
        dsn,
        max_size=settings.database.pool_size,
        statement_timeout_ms=settings.database.statement_timeout_ms,
        acquire_timeout=settings.database.acquire_seconds,
        constraints=CONSTRAINTS,
        events=events,
    )

    outbox = Outbox(db, clock)
    mailer = Mailer(outbox, sender=settings.mail.sender)
    smtp = SmtpSender(
        clock,
        host=settings.mail.host,
        port=settings.mail.port,
        username=settings.mail.username,
        password=settings.mail.password,
        security=settings.mail.start_tls,
        timeout=settings.mail.timeout_seconds,
    )
    outbox.handle(MAIL, smtp.send)
    passwords = Passwords(cost=settings.passwords.bcrypt_cost, threads=settings.passwords.threads)
    tokens, signer = Tokens(settings.secret_key), Signer(settings.secret_key)
    rules = settings.limits.model_dump(exclude={"enabled", "url"})
    limits = Limits(rules, url=settings.limits.url, enabled=settings.limits.enabled)

    app = web.Application(
        middlewares=[observe, speak_the_contract, know_the_actor, validate],
        client_max_size=settings.http.max_body,
    )
    app[system.DATABASE], app[system.OUTBOX], app[system.STOPPING] = db, outbox, asyncio.Event()
    app[METRICS], app[SOCKETS] = Metrics(), weakref.WeakSet()
    app[TRUSTED_PROXIES] = networks(settings.http.trusted_proxies)

    _add_routes(app, settings)

    async def close(_app: web.Application) -> None:
        await smtp.close()
        await limits.close()
        passwords.close()
        await db.close()

    async def sending(_app: web.Application) -> AsyncIterator[None]:
        outbox.start()
        yield
        await outbox.stop()

    # Contexts end in reverse order, and all of them before `close`: jobs finish their row on an open database.
    app.cleanup_ctx.append(sending)
    app.cleanup_ctx.append(every(3600, lambda: outbox.purge(timedelta(days=30)), name="outbox purge"))
    app.on_cleanup.append(close)
    app.on_response_prepare.append(tell_request_id)
    app.on_shutdown.append(_stop_accepting)
    app.on_shutdown.append(close_sockets)
    return app


def contracts() -> tuple[Contract, ...]:
    """The five dialects; the first answers for what nobody owns."""
    return house_contract(HOUSE_ROUTES), GREETINGS, MESSENGER, STUDIO, IDENTITY


async def broken_invariants(app: web.Application) -> list[str]:
    """What is not as it must be, in sentences for the operator: facts that differ from their recount."""
    return []


def _add_routes(app: web.Application, settings: Settings) -> None:
    app[CONTRACTS] = dialects = contracts()
    app[system.DOCUMENT] = system.document(openapi(dialects, public_url=settings.http.public_url))
    resources = register(app, [route for dialect in dialects for route in dialect.routes])
    if settings.http.cors_origins:
        _allow_origins(app, resources, settings.http.cors_origins)


def _allow_origins(app: web.Application, resources: list[web.Resource], origins: tuple[str, ...]) -> None:
    """Credentials are allowed, so the origin is echoed: a browser takes no "*" for them."""
    options = aiohttp_cors.ResourceOptions(
        allow_credentials=True,
        allow_headers="*",
        allow_methods="*",
        expose_headers=("X-Request-ID", "X-Total-Count", "Link", "ETag", "Retry-After", "Idempotent-Replayed"),
        max_age=600,
    )
    cors = aiohttp_cors.setup(app, defaults={origin: options for origin in origins})
    for resource in resources:
        cors.add(resource)
        for route in list(resource):
            if route.method != "OPTIONS":
                cors.add(route)


async def _stop_accepting(app: web.Application) -> None:
    app[system.STOPPING].set()
