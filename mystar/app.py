"""The composition root: builds the application from infrastructure, domains and dialects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import cache, partial
from typing import Any

from aiohttp import web

from mystar import __version__
from mystar.accounts import setup as accounts
from mystar.accounts.access import (
    LIMITS,
    add_cache_headers,
    authentication_middleware,
    maybe_actor_of,
    own_cache_middleware,
    write_limit_middleware,
)
from mystar.admin import setup as admin
from mystar.alarms import setup as alarms
from mystar.audit import setup as audit
from mystar.audit.handlers import audit_middleware
from mystar.audit.keys import AUDIT
from mystar.catalog import setup as catalog
from mystar.catalog.keys import LISTINGS
from mystar.chat import setup as chat
from mystar.chat.keys import CHAT
from mystar.contracts import system
from mystar.contracts.base import CONTRACTS, Contract, error_middleware, refuse_unparsed
from mystar.contracts.greetings.contract import CONTRACT as GREETINGS
from mystar.contracts.identity.contract import CONTRACT as IDENTITY
from mystar.contracts.market import market_contract
from mystar.contracts.messenger.contract import CONTRACT as MESSENGER
from mystar.contracts.openapi import openapi, part_of, share_refusals
from mystar.contracts.panel import CONTRACT as PANEL
from mystar.contracts.studio.contract import CONTRACT as STUDIO
from mystar.creators import setup as creators
from mystar.creators.keys import CREATORS
from mystar.earnings import setup as earnings
from mystar.earnings.keys import EARNINGS, PAYOUTS, STATEMENTS
from mystar.errors import Unavailable
from mystar.files import setup as files
from mystar.files.keys import FILES, WRITE_PROBE
from mystar.infrastructure import Constraints, Domain, build_infrastructure
from mystar.kit.background import TASK_METRICS, TaskMetrics, every
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE, OUTBOX, STOPPING
from mystar.kit.postgres.replica import PAUSE as REPLICA_PAUSE
from mystar.kit.realtime.hub import HUB
from mystar.kit.realtime.pubsub import Bus
from mystar.kit.realtime.websocket import add_hub
from mystar.kit.tracing import Tracing
from mystar.kit.web.compression import COMPRESS, compression_middleware
from mystar.kit.web.cors import ORIGINS, OriginPolicy, add_cors_headers, cors_middleware
from mystar.kit.web.etags import ETAGS, ETags, etag_middleware
from mystar.kit.web.http import PUBLIC_URL, TRUSTED_PROXIES, dumps, networks
from mystar.kit.web.idempotency import IDEMPOTENCY, Idempotency
from mystar.kit.web.multipart import ARRIVES_PACKED, MAX_JSON, encoding_middleware
from mystar.kit.web.observability import METRICS, add_response_headers, observability_middleware
from mystar.kit.web.response_cache import cache_middleware
from mystar.kit.web.routes import Route, register
from mystar.kit.web.server import CONNECTION_LIMITS, ApiRunner, ConnectionLimits, max_connections
from mystar.kit.web.site import SITE
from mystar.kit.web.validation import add_preference_headers, validation_middleware
from mystar.notifications import setup as notifications
from mystar.orders import setup as orders
from mystar.orders.keys import ORDERS
from mystar.payments import setup as payments
from mystar.portfolio import setup as portfolio
from mystar.privacy import setup as privacy
from mystar.receipts import setup as receipts
from mystar.receipts.keys import RECEIPTS
from mystar.reports import setup as reports
from mystar.reviews import setup as reviews
from mystar.reviews.keys import REVIEWS
from mystar.sections import HttpSettings
from mystar.settings import Settings
from mystar.texts import setup as texts

#: Lowest first: each is given what lies below it.
DOMAINS: tuple[Domain, ...] = (
    accounts,
    files,
    creators,
    catalog,
    portfolio,
    payments,
    orders,
    earnings,
    receipts,
    reviews,
    chat,
    reports,
    notifications,
    texts,
    audit,
    privacy,
    alarms,
    admin,
)
#: Rows that one purge deletes at most.
_PURGE_BATCH = 1000
MARKET_ROUTES: tuple[Route, ...] = (*system.ROUTES, *(route for domain in DOMAINS for route in domain.ROUTES))
CONSTRAINTS: Constraints = {name: meaning for domain in DOMAINS for name, meaning in domain.CONSTRAINTS.items()}

#: The outermost first.
_MIDDLEWARES = (
    observability_middleware,
    compression_middleware,
    cors_middleware,
    error_middleware,
    cache_middleware,
    encoding_middleware,
    audit_middleware,
    authentication_middleware,
    write_limit_middleware,
    own_cache_middleware,
    etag_middleware,
    validation_middleware,
)


async def create_app(settings: Settings, dsn: str, clock: Clock | None = None) -> web.Application:
    """Build the whole service over a migrated database.

    :param dsn: PostgreSQL's address, a URL or libpq's keywords.
    :raises Unavailable: the database cannot be reached.
    """
    infra = await build_infrastructure(settings, dsn, clock or Clock(), CONSTRAINTS)
    app = web.Application(
        middlewares=_MIDDLEWARES,
        client_max_size=settings.http.max_body,
    )
    app[DATABASE], app[OUTBOX], app[STOPPING] = infra.db, infra.outbox, asyncio.Event()
    app[METRICS], app[TASK_METRICS] = infra.metrics, TaskMetrics(infra.metrics.registry)
    app.cleanup_ctx.append(app[TASK_METRICS].measuring)
    infra.health.watch(app[TASK_METRICS].overdue)
    app[SITE], app[LIMITS] = infra.site, infra.limits
    app[PUBLIC_URL], app[TRUSTED_PROXIES] = settings.http.public_url, networks(settings.http.trusted_proxies)
    app[system.METRICS_ACCESS] = system.MetricsAccess(
        networks(settings.http.metrics_from), settings.http.metrics_seconds
    )
    app[system.SANDBOX_URL] = f"http://127.0.0.1:{settings.sandbox.port}" if settings.profile == "development" else ""
    app[MAX_JSON], app[COMPRESS] = settings.http.max_json, settings.http.compress
    app[CONNECTION_LIMITS] = _connection_limits(app, settings.http)
    app[ORIGINS] = OriginPolicy(settings.http.cors_origins)
    app[IDEMPOTENCY] = Idempotency(infra.db, infra.clock, infra.signer, _account_of)
    app[ETAGS] = ETags(infra.db, "market")
    app.cleanup_ctx.append(partial(_telemetry, settings))
    app.cleanup_ctx.append(infra.outbox.working)
    if (replica := infra.db.replica) is not None:
        app.cleanup_ctx.append(every(REPLICA_PAUSE, partial(replica.measure, infra.db), name="age of the replica"))

    add_hub(app, Bus(settings.bus.backend(dsn), infra.metrics.registry), infra.metrics.registry, settings.sockets)
    for domain in DOMAINS:
        domain.add(app, infra)
    _add_routes(app, settings)

    purges = {"outbox": lambda: infra.outbox.purge(timedelta(days=30)), "idempotency": app[IDEMPOTENCY].purge}
    for name, purge in purges.items():
        app.cleanup_ctx.append(every(3600, purge, name=f"{name} purge", batch=_PURGE_BATCH))
    app.on_response_prepare.append(add_response_headers)
    app.on_response_prepare.append(add_preference_headers)
    app.on_response_prepare.append(add_cors_headers)
    app.on_response_prepare.append(add_cache_headers)
    app.on_shutdown.append(_stop_accepting)
    # on_cleanup runs after the cleanup contexts have ended, so that jobs finish on an open database.
    app.on_cleanup.append(infra.close)
    return app


def api_runner(app: web.Application, **options: Any) -> ApiRunner:
    """The server of an application. :param options: of aiohttp's runner."""
    app[ARRIVES_PACKED] = True
    return ApiRunner(app, app[CONNECTION_LIMITS], partial(refuse_unparsed, app), **options)


def _connection_limits(app: web.Application, http: HttpSettings) -> ConnectionLimits:
    return ConnectionLimits(
        head_seconds=http.head_seconds,
        keepalive_seconds=http.keepalive_seconds,
        write_seconds=http.write_seconds,
        per_address=http.connections_per_address,
        total=max_connections(),
        trusted=app[TRUSTED_PROXIES],
    )


def contracts() -> tuple[Contract, ...]:
    """The five dialects and the staff's panel; the first one writes errors of addresses outside all dialects."""
    return market_contract(MARKET_ROUTES), GREETINGS, MESSENGER, STUDIO, IDENTITY, PANEL


#: So many lost files have one reason rather than one each.
_MANY_LOST = 20


async def broken_invariants(app: web.Application) -> list[str]:
    """Violated invariants, in sentences for the operator: stored totals that differ from their recount, lost files."""
    services = (
        *(app[CREATORS], app[LISTINGS], app[ORDERS], app[EARNINGS], app[PAYOUTS], app[STATEMENTS]),
        *(app[RECEIPTS], app[REVIEWS], app[CHAT]),
    )
    differences = [str(one) for service in services for one in await service.recount()]
    differences += map(str, await app[AUDIT].verify())
    if (state := await app[WRITE_PROBE].state()) != "ok":
        differences.append(f"file storage: {state}: {app[WRITE_PROBE].reason}")
    if state in ("away", "unusable"):
        return [*differences, "files were not looked for, since their storage cannot be used"]
    try:
        lost = [f"file {key}: its bytes are missing" async for key in app[FILES].missing()]
    except Unavailable as error:
        # A bucket: what is written on trial does not leave this machine.
        return [*differences, f"file storage: away: {error.__cause__ or error.message('en')}"]
    if len(lost) > _MANY_LOST:
        lost.append(
            f"{len(lost)} files are missing: is this the data directory, or the bucket, that they were stored in?"
        )
    return differences + lost


def _add_routes(app: web.Application, settings: Settings) -> None:
    app[CONTRACTS] = dialects = contracts()
    document: Callable[[str], bytes] = _document
    app[system.DOCUMENT] = document
    register(app, [route for dialect in dialects for route in dialect.routes])


@cache
def _document(dialect: str) -> bytes:
    """The OpenAPI document, or a part: the same for every application of a process, seldom asked for."""
    document = json.loads(_whole_document())
    return dumps(share_refusals(part_of(document, dialect) if dialect else document))


@cache
def _whole_document() -> bytes:
    """As it is before refusals are shared, which each part does for itself: slow to build."""
    return dumps({**openapi(contracts(), public_url=""), "servers": [{"url": "/"}]})


def _account_of(request: web.Request) -> int | None:
    actor = maybe_actor_of(request)
    return actor.id if actor else None


async def _telemetry(settings: Settings, _app: web.Application) -> AsyncIterator[None]:
    """Traces and reports of errors, where they are asked for; otherwise their packages are not even imported."""
    wanted, tracer = settings.telemetry, None
    if wanted.otlp_url:
        from mystar.kit.telemetry.otlp import OtlpTracer

        Tracing.tracer = tracer = OtlpTracer(wanted.otlp_url, wanted.headers, wanted.trace_ratio, __version__)
    if wanted.sentry_dsn:
        from mystar.kit.telemetry import sentry

        sentry.start(wanted.sentry_dsn, settings.profile, __version__)
    yield
    if tracer is not None:
        Tracing.tracer = None
        await asyncio.to_thread(tracer.stop)
    if wanted.sentry_dsn:
        from mystar.kit.telemetry import sentry

        await asyncio.to_thread(sentry.stop)


async def _stop_accepting(app: web.Application) -> None:
    app[STOPPING].set()
    await app[HUB].close()
