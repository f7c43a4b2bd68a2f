"""The composition root: what is built from what, in which order. Read it from top to bottom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from mystar.accounts.access import ACCOUNTS, PASSWORDS, know_the_actor, maybe_actor_of
from mystar.accounts.attempts import Attempts
from mystar.accounts.desk import FrontDesk
from mystar.accounts.guard import Guard
from mystar.accounts.handlers import DESK
from mystar.accounts.handlers import ROUTES as ACCOUNT_ROUTES
from mystar.accounts.links import REQUESTS as LINK_REQUESTS
from mystar.accounts.links import MailedLinks
from mystar.accounts.passwords import PasswordService
from mystar.accounts.providers.calls import Calls
from mystar.accounts.providers.every import every_provider
from mystar.accounts.repository import CONSTRAINTS as ACCOUNT_CONSTRAINTS
from mystar.accounts.service import AccountService
from mystar.accounts.sessions import Sessions
from mystar.accounts.sign_in import SignInService
from mystar.accounts.sockets import watching
from mystar.accounts.tasks import sweeping
from mystar.catalog.handlers import CATALOG
from mystar.catalog.repository import CONSTRAINTS as CATALOG_CONSTRAINTS
from mystar.catalog.service import CatalogService
from mystar.chat.handlers import CHAT
from mystar.chat.handlers import ROUTES as CHAT_ROUTES
from mystar.chat.repository import CONSTRAINTS as CHAT_CONSTRAINTS
from mystar.chat.service import ChatService
from mystar.chat.sockets import LIVE_CHAT, LiveChat
from mystar.chat.sockets import ROUTES as CHAT_SOCKETS
from mystar.contracts import system
from mystar.contracts.base import CONTRACTS, Contract, speak_the_contract
from mystar.contracts.greetings.contract import CONTRACT as GREETINGS
from mystar.contracts.house import house_contract
from mystar.contracts.identity.contract import CONTRACT as IDENTITY
from mystar.contracts.messenger.contract import CONTRACT as MESSENGER
from mystar.contracts.openapi import openapi
from mystar.contracts.sign_in import SIGN_IN
from mystar.contracts.studio.contract import CONTRACT as STUDIO
from mystar.creators.handlers import CREATORS
from mystar.creators.handlers import ROUTES as CREATOR_ROUTES
from mystar.creators.repository import CONSTRAINTS as CREATOR_CONSTRAINTS
from mystar.creators.service import CreatorService
from mystar.errors import MystarError
from mystar.files.handlers import FILES
from mystar.files.handlers import ROUTES as FILE_ROUTES
from mystar.files.service import FileService
from mystar.files.tasks import tasks as file_tasks
from mystar.kit.background import every
from mystar.kit.bus import Bus
from mystar.kit.clock import Clock
from mystar.kit.db import Database
from mystar.kit.events import Events
from mystar.kit.http import PUBLIC_URL, TRUSTED_PROXIES, networks
from mystar.kit.hub import HUB
from mystar.kit.idempotency import IDEMPOTENCY, Idempotency
from mystar.kit.limits import Limits
from mystar.kit.mail import TOPIC as MAIL
from mystar.kit.mail import Mailer, SmtpSender
from mystar.kit.observe import METRICS, Metrics, observe, tell_request_id
from mystar.kit.origins import allow_origins
from mystar.kit.outbox import Outbox
from mystar.kit.passwords import Passwords
from mystar.kit.routes import Route, register
from mystar.kit.sockets import add_hub
from mystar.kit.storage import LocalStorage
from mystar.kit.tokens import Signer, Tokens
from mystar.kit.validation import validate
from mystar.notifications.handlers import NOTIFICATIONS
from mystar.notifications.handlers import ROUTES as NOTIFICATION_ROUTES
from mystar.notifications.listeners import Listeners
from mystar.notifications.mails import OrderMails
from mystar.notifications.service import NotificationService
from mystar.notifications.sockets import ROUTES as NOTIFICATION_SOCKETS
from mystar.notifications.sockets import tell_sockets
from mystar.notifications.tasks import Digests
from mystar.notifications.tasks import tasks as notification_tasks
from mystar.orders.handlers import ORDERS
from mystar.orders.service import OrderService
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.handlers import PAYMENTS
from mystar.payments.repository import CONSTRAINTS as PAYMENT_CONSTRAINTS
from mystar.payments.service import PaymentService
from mystar.payments.settlement import TOPIC as PROVIDER_CALLS
from mystar.payments.settlement import Settlement
from mystar.payments.tasks import LONGEST_PAUSE, ProviderCalls
from mystar.settings import Settings

HOUSE_ROUTES: tuple[Route, ...] = (
    *system.ROUTES,
    *ACCOUNT_ROUTES,
    *CREATOR_ROUTES,
    *FILE_ROUTES,
    *(*CHAT_ROUTES, *CHAT_SOCKETS),
    *(*NOTIFICATION_ROUTES, *NOTIFICATION_SOCKETS),
)
#: What a violated constraint of the database means, in the words of its domain.
CONSTRAINTS: dict[str, Callable[[], MystarError]] = {
    **ACCOUNT_CONSTRAINTS,
    **CREATOR_CONSTRAINTS,
    **CATALOG_CONSTRAINTS,
    **PAYMENT_CONSTRAINTS,
    **CHAT_CONSTRAINTS,
}


async def create_app(settings: Settings, dsn: str, clock: Clock | None = None) -> web.Application:
    """Build the whole service over a migrated database.

    :param dsn: PostgreSQL's address, a URL or libpq's keywords.
    :raises Unavailable: the database cannot be reached.
    """
    ground = await _ground(settings, dsn, clock or Clock())
    app = web.Application(
        middlewares=[observe, speak_the_contract, know_the_actor, validate],
        client_max_size=settings.http.max_body,
    )
    app[system.DATABASE], app[system.OUTBOX], app[system.STOPPING] = ground.db, ground.outbox, asyncio.Event()
    app[METRICS] = ground.metrics
    app[PUBLIC_URL], app[TRUSTED_PROXIES] = settings.http.public_url, networks(settings.http.trusted_proxies)
    app[IDEMPOTENCY] = Idempotency(ground.db, ground.clock, _account_of)
    app.cleanup_ctx.append(ground.outbox.working)

    # Lower domains first: each is given what lies below it and adds its own background work.
    add_hub(app, Bus(settings.bus.wire(dsn)), ground.metrics.registry, settings.sockets, settings.http.cors_origins)
    _add_people(app, ground)
    _add_market(app, ground)
    _add_money(app, ground)
    _add_orders(app, ground)
    _add_chat(app, ground)
    _add_notifications(app, ground)
    _add_routes(app, settings)

    app.cleanup_ctx.append(every(3600, lambda: ground.outbox.purge(timedelta(days=30)), name="outbox purge"))
    app.cleanup_ctx.append(every(3600, app[IDEMPOTENCY].purge, name="idempotency purge"))
    app.on_response_prepare.append(tell_request_id)
    app.on_shutdown.append(_stop_accepting)
    # After every cleanup context, which end in reverse order: jobs finish their row on an open database.
    app.on_cleanup.append(ground.close)
    return app


@dataclass(frozen=True)
class Ground:
    """What every domain stands on."""

    settings: Settings
    clock: Clock
    events: Events
    db: Database
    outbox: Outbox
    mailer: Mailer
    smtp: SmtpSender
    signer: Signer
    limits: Limits
    metrics: Metrics

    async def close(self, _app: web.Application) -> None:
        await self.smtp.close()
        await self.limits.close()
        await self.db.close()


async def _ground(settings: Settings, dsn: str, clock: Clock) -> Ground:
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
    rules = settings.limits.model_dump(exclude={"enabled", "url"})
    return Ground(
        settings,
        clock,
        events,
        db,
        outbox,
        Mailer(outbox, sender=settings.mail.sender),
        smtp,
        Signer(settings.secret_key, previous=settings.previous_secret_keys),
        Limits(rules, url=settings.limits.url, enabled=settings.limits.enabled),
        Metrics(),
    )


def _add_people(app: web.Application, ground: Ground) -> None:
    settings = ground.settings
    db, clock, mailer, limits = ground.db, ground.clock, ground.mailer, ground.limits
    passwords = Passwords(cost=settings.passwords.bcrypt_cost, threads=settings.passwords.threads)
    sessions = Sessions(
        db,
        tokens=Tokens(settings.secret_key, previous=settings.previous_secret_keys),
        signer=ground.signer,
        mailer=mailer,
        clock=clock,
        settings=settings.tokens,
    )
    links = MailedLinks(
        db,
        mailer=mailer,
        outbox=ground.outbox,
        limits=limits,
        clock=clock,
        settings=settings.tokens,
        public_url=settings.http.public_url,
    )
    ground.outbox.handle(LINK_REQUESTS, links.send_asked)
    guard = Guard(limits, sessions)
    app[ACCOUNTS] = accounts = AccountService(
        db,
        passwords=passwords,
        sessions=sessions,
        links=links,
        guard=guard,
        limits=limits,
        mailer=mailer,
        clock=clock,
    )
    app[PASSWORDS] = PasswordService(
        db, passwords=passwords, sessions=sessions, links=links, guard=guard, mailer=mailer, clock=clock
    )
    app[DESK] = FrontDesk(ground.db, mailer=ground.mailer, limits=ground.limits, support=settings.mail.support)
    app.cleanup_ctx.append(sweeping(accounts))
    _add_sign_in(app, ground, sessions, links)
    app.cleanup_ctx.append(watching(sessions, app[HUB], ground.events, settings.sockets.recheck_seconds))

    async def close(_app: web.Application) -> None:
        passwords.close()

    app.on_cleanup.append(close)


def _add_sign_in(app: web.Application, ground: Ground, sessions: Sessions, links: MailedLinks) -> None:
    oauth, db, clock = ground.settings.oauth, ground.db, ground.clock
    calls = Calls(timeout=oauth.timeout_seconds, registry=ground.metrics.registry)
    app[SIGN_IN] = sign_in = SignInService(
        db,
        every_provider(oauth, calls),
        attempts=Attempts(db, clock, life=timedelta(seconds=oauth.attempt_seconds)),
        sessions=sessions,
        links=links,
        limits=ground.limits,
        clock=clock,
        public_url=ground.settings.http.public_url,
    )
    app.cleanup_ctx.append(every(3600, sign_in.sweep, name="sign-in sweep"))

    async def close(_app: web.Application) -> None:
        await calls.close()

    app.on_cleanup.append(close)


def _add_market(app: web.Application, ground: Ground) -> None:
    files = FileService(
        ground.db,
        LocalStorage(ground.settings.data_dir / "media"),
        app[ACCOUNTS],
        ground.signer,
        ground.clock,
        settings=ground.settings.files,
        signed_link=ground.settings.tokens.signed_link,
    )
    creators = CreatorService(ground.db, files, ground.clock)
    catalog = CatalogService(ground.db, app[ACCOUNTS], creators, files, ground.clock)
    catalog.listen(ground.events)
    app[FILES], app[CREATORS], app[CATALOG] = files, creators, catalog
    app.cleanup_ctx.extend(file_tasks(files))


def _add_money(app: web.Application, ground: Ground) -> None:
    settings, public_url = ground.settings.payments, ground.settings.http.public_url
    yookassa = YooKassa(
        url=settings.yookassa.url,
        shop_id=settings.yookassa.shop_id,
        secret_key=settings.yookassa.secret_key,
        timeout=settings.yookassa.timeout_seconds,
        registry=ground.metrics.registry,
    )
    settlement = Settlement(ground.db, ground.outbox, ground.clock, poll_seconds=settings.poll_seconds)
    calls = ProviderCalls(ground.db, yookassa, settlement, ground.clock)
    ground.outbox.handle(PROVIDER_CALLS, calls.send, concurrency=4, longest_pause=LONGEST_PAUSE)
    payments = PaymentService(
        ground.db,
        ground.outbox,
        yookassa,
        settlement,
        ground.signer,
        ground.clock,
        public_url=public_url,
        return_url=settings.return_url,
        poll_seconds=settings.poll_seconds,
        webhook_networks=networks(settings.yookassa.webhook_networks),
    )
    app[PAYMENTS] = payments
    app.cleanup_ctx.append(every(settings.poll_seconds, payments.poll, name="payments poll"))

    async def close(_app: web.Application) -> None:
        await yookassa.close()

    app.on_cleanup.append(close)


def _add_orders(app: web.Application, ground: Ground) -> None:
    orders = OrderService(
        ground.db,
        ground.clock,
        creators=app[CREATORS],
        catalog=app[CATALOG],
        files=app[FILES],
        payments=app[PAYMENTS],
        signer=ground.signer,
        public_url=ground.settings.http.public_url,
    )
    orders.listen(ground.events)
    app[ORDERS] = orders


def _add_chat(app: web.Application, ground: Ground) -> None:
    app[CHAT] = chat = ChatService(ground.db, app[FILES], ground.limits, ground.clock)
    app[LIVE_CHAT] = LiveChat(chat, app[FILES], app[HUB], ground.events)


def _add_notifications(app: web.Application, ground: Ground) -> None:
    settings, mailer, clock = ground.settings.notifications, ground.mailer, ground.clock
    digest = timedelta(minutes=settings.digest_minutes)
    notifications = NotificationService(
        ground.db,
        ground.signer,
        clock,
        public_url=ground.settings.http.public_url,
        digest=digest,
        keep=timedelta(days=settings.keep_days),
    )
    OrderMails(mailer, app[ORDERS]).listen(ground.events)
    Listeners(notifications, mailer, clock, quiet=digest).listen(ground.events)
    tell_sockets(notifications, app[HUB], ground.events)
    app[NOTIFICATIONS] = notifications
    app.cleanup_ctx.extend(notification_tasks(notifications, Digests(ground.db, notifications, mailer, clock), digest))


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
    differences += [
        f"conversation {one.conversation_id}: {one.what} is {one.stored}, by recount {one.counted}"
        for one in await app[CHAT].recount()
    ]
    return differences + [f"file {key}: its bytes are missing" async for key in app[FILES].lost()]


def _add_routes(app: web.Application, settings: Settings) -> None:
    app[CONTRACTS] = dialects = contracts()
    app[system.DOCUMENT] = system.document(openapi(dialects, public_url=settings.http.public_url))
    resources = register(app, [route for dialect in dialects for route in dialect.routes])
    if settings.http.cors_origins:
        allow_origins(app, resources, settings.http.cors_origins)


def _account_of(request: web.Request) -> int | None:
    actor = maybe_actor_of(request)
    return actor.id if actor else None


async def _stop_accepting(app: web.Application) -> None:
    app[system.STOPPING].set()
    await app[HUB].close()
