"""The composition root: what is built from what, in which order. Read it from top to bottom."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import aiohttp_cors
from aiohttp import web

from mystar.accounts.access import ACCOUNTS, know_the_actor, maybe_actor_of
from mystar.accounts.desk import FrontDesk
from mystar.accounts.handlers import DESK
from mystar.accounts.handlers import ROUTES as ACCOUNT_ROUTES
from mystar.accounts.repository import CONSTRAINTS as ACCOUNT_CONSTRAINTS
from mystar.accounts.service import RESETS, AccountService
from mystar.accounts.tasks import sweeping
from mystar.catalog.handlers import CATALOG
from mystar.catalog.repository import CONSTRAINTS as CATALOG_CONSTRAINTS
from mystar.catalog.service import CatalogService
from mystar.contracts import system
from mystar.contracts.base import CONTRACTS, Contract, speak_the_contract
from mystar.contracts.greetings.contract import CONTRACT as GREETINGS
from mystar.contracts.house import house_contract
from mystar.contracts.identity.contract import CONTRACT as IDENTITY
from mystar.contracts.messenger.contract import CONTRACT as MESSENGER
from mystar.contracts.openapi import openapi
from mystar.contracts.studio.contract import CONTRACT as STUDIO
from mystar.creators.handlers import CREATORS
from mystar.creators.repository import CONSTRAINTS as CREATOR_CONSTRAINTS
from mystar.creators.service import CreatorService
from mystar.errors import MystarError
from mystar.files.handlers import FILES
from mystar.files.handlers import ROUTES as FILE_ROUTES
from mystar.files.service import FileService
from mystar.files.tasks import tasks as file_tasks
from mystar.kit.background import every
from mystar.kit.clock import Clock
from mystar.kit.db import Database
from mystar.kit.events import Events
from mystar.kit.http import TRUSTED_PROXIES, networks
from mystar.kit.idempotency import IDEMPOTENCY, Idempotency
from mystar.kit.limits import Limits
from mystar.kit.mail import TOPIC as MAIL
from mystar.kit.mail import Mailer, SmtpSender
from mystar.kit.observe import METRICS, Metrics, observe, tell_request_id
from mystar.kit.outbox import Outbox
from mystar.kit.passwords import Passwords
from mystar.kit.routes import Route, register
from mystar.kit.sockets import SOCKETS, close_sockets
from mystar.kit.storage import LocalStorage
from mystar.kit.tokens import Signer, Tokens
from mystar.kit.validation import validate
from mystar.notifications.service import NotificationService
from mystar.orders.handlers import ORDERS
from mystar.orders.service import OrderService
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.handlers import PAYMENTS
from mystar.payments.repository import CONSTRAINTS as PAYMENT_CONSTRAINTS
from mystar.payments.service import PaymentService
from mystar.payments.settlement import TOPIC as PROVIDER_CALLS
from mystar.payments.settlement import Settlement
from mystar.payments.tasks import ProviderCalls
from mystar.settings import Settings

HOUSE_ROUTES: tuple[Route, ...] = (*system.ROUTES, *ACCOUNT_ROUTES, *FILE_ROUTES)
#: What a violated constraint of the database means, in the words of its domain.
CONSTRAINTS: dict[str, Callable[[], MystarError]] = {
    **ACCOUNT_CONSTRAINTS,
    **CREATOR_CONSTRAINTS,
    **CATALOG_CONSTRAINTS,
    **PAYMENT_CONSTRAINTS,
}


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

    outbox = Outbox(db, clock, lease=settings.outbox.lease_seconds)
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

    accounts = AccountService(
        db,
        passwords=passwords,
        tokens=tokens,
        limits=limits,
        mailer=mailer,
        outbox=outbox,
        clock=clock,
        settings=settings.tokens,
        public_url=settings.http.public_url,
    )
    outbox.handle(RESETS, accounts.send_reset_link)
    desk = FrontDesk(db, mailer=mailer, limits=limits, support=settings.mail.support)

    files = FileService(
        db,
        LocalStorage(settings.data_dir / "media"),
        accounts,
        signer,
        clock,
        settings=settings.files,
        signed_link=settings.tokens.signed_link,
    )
    creators = CreatorService(db, files, clock)
    catalog = CatalogService(db, accounts, creators, files, clock)
    catalog.listen(events)

    metrics = Metrics()
    yookassa = YooKassa(
        url=settings.payments.yookassa.url,
        shop_id=settings.payments.yookassa.shop_id,
        secret_key=settings.payments.yookassa.secret_key,
        timeout=settings.payments.yookassa.timeout_seconds,
        registry=metrics.registry,
    )
    settlement = Settlement(db, outbox, clock, poll_seconds=settings.payments.poll_seconds)
    outbox.handle(PROVIDER_CALLS, ProviderCalls(db, yookassa, settlement, clock).send, concurrency=4)
    payments = PaymentService(
        db,
        outbox,
        yookassa,
        settlement,
        signer,
        clock,
        public_url=settings.http.public_url,
        return_url=settings.payments.return_url,
        poll_seconds=settings.payments.poll_seconds,
        webhook_networks=networks(settings.payments.yookassa.webhook_networks),
    )

    orders = OrderService(
        db,
        clock,
        creators=creators,
        catalog=catalog,
        files=files,
        payments=payments,
        signer=signer,
        public_url=settings.http.public_url,
    )
    orders.listen(events)
    NotificationService(mailer, orders).listen(events)
    idempotency = Idempotency(db, clock, _account_of)

    app = web.Application(
        middlewares=[observe, speak_the_contract, know_the_actor, validate],
        client_max_size=settings.http.max_body,
    )
    app[system.DATABASE], app[system.OUTBOX], app[system.STOPPING] = db, outbox, asyncio.Event()
    app[METRICS], app[SOCKETS] = metrics, weakref.WeakSet()
    app[ACCOUNTS], app[DESK] = accounts, desk
    app[FILES], app[CREATORS], app[CATALOG] = files, creators, catalog
    app[PAYMENTS], app[ORDERS], app[IDEMPOTENCY] = payments, orders, idempotency
    app[TRUSTED_PROXIES] = networks(settings.http.trusted_proxies)

    _add_routes(app, settings)

    async def close(_app: web.Application) -> None:
        await smtp.close()
        await limits.close()
        await yookassa.close()
        passwords.close()
        await db.close()

    async def sending(_app: web.Application) -> AsyncIterator[None]:
        outbox.start()
        yield
        await outbox.stop()

    # Contexts end in reverse order, and all of them before `close`: jobs finish their row on an open database.
    app.cleanup_ctx.append(sending)
    app.cleanup_ctx.append(every(3600, lambda: outbox.purge(timedelta(days=30)), name="outbox purge"))
    app.cleanup_ctx.append(every(3600, idempotency.purge, name="idempotency purge"))
    app.cleanup_ctx.append(sweeping(accounts))
    app.cleanup_ctx.extend(file_tasks(files))
    app.cleanup_ctx.append(every(settings.payments.poll_seconds, payments.poll, name="payments poll"))
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
    differences = [
        f"creator {one.creator_id}: {one.what} is {one.stored}, by recount {one.counted}"
        for one in await app[CREATORS].recount()
    ]
    differences += [
        f"{one.of} {one.id}: {one.what} is {one.stored}, by recount {one.counted}"
        for one in await app[ORDERS].recount()
    ]
    return differences + [f"file {key}: its bytes are missing" async for key in app[FILES].lost()]


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
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for resource in resources:
        cors.add(resource)
        for route in list(resource):
            if route.method != "OPTIONS":
                cors.add(route)


def _account_of(request: web.Request) -> int | None:
    actor = maybe_actor_of(request)
    return actor.id if actor else None


async def _stop_accepting(app: web.Application) -> None:
    app[system.STOPPING].set()
