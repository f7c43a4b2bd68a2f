"""Accounts, their sessions and the ways to sign in."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.accounts.access import ACCOUNTS, OPERATOR, PASSWORDS, STAFF
from mystar.accounts.handlers import DESK
from mystar.accounts.handlers import ROUTES as ACCOUNT_ROUTES
from mystar.accounts.links import REQUESTS as LINK_REQUESTS
from mystar.accounts.links import MailedLinks
from mystar.accounts.oauth.attempts import Attempts
from mystar.accounts.oauth.providers.http_client import Calls
from mystar.accounts.oauth.providers.registry import every_provider
from mystar.accounts.oauth.service import SignInService
from mystar.accounts.passwords import PasswordService
from mystar.accounts.repository import CONSTRAINTS as ACCOUNT_CONSTRAINTS
from mystar.accounts.service import AccountService
from mystar.accounts.sessions.login_throttle import Guard
from mystar.accounts.sessions.service import Sessions
from mystar.accounts.sessions.sockets import watching
from mystar.accounts.staff.operator import Operator
from mystar.accounts.staff.service import StaffRoom
from mystar.accounts.support_forms import FrontDesk
from mystar.accounts.tasks import sweeping
from mystar.contracts.sign_in import SIGN_IN
from mystar.infrastructure import Ground
from mystar.kit.background import every
from mystar.kit.realtime.hub import HUB
from mystar.kit.security.passwords import Passwords
from mystar.kit.security.tokens import Tokens
from mystar.kit.web.routes import Route

ROUTES: tuple[Route, ...] = ACCOUNT_ROUTES
CONSTRAINTS = ACCOUNT_CONSTRAINTS


def add(app: web.Application, ground: Ground) -> None:
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
    _add_staff(app, ground, passwords, sessions)
    app.cleanup_ctx.append(sweeping(accounts))
    _add_sign_in(app, ground, sessions, links)
    app.cleanup_ctx.append(watching(sessions, app[HUB], ground.events, settings.sockets.recheck_seconds))

    async def close(_app: web.Application) -> None:
        passwords.close()

    app.on_cleanup.append(close)


def _add_staff(app: web.Application, ground: Ground, passwords: Passwords, sessions: Sessions) -> None:
    app[STAFF] = StaffRoom(ground.db, sessions)
    app[OPERATOR] = Operator(ground.db, passwords=passwords, sessions=sessions, clock=ground.clock)
    support = ground.settings.mail.support
    app[DESK] = FrontDesk(ground.db, mailer=ground.mailer, limits=ground.limits, support=support)


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
