"""Build accounts, sessions, staff and sign-in through providers."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.accounts.handlers import ROUTES as ROUTES
from mystar.accounts.keys import ACCOUNTS, OPERATOR, PASSWORDS, SIGN_IN, STAFF, SUPPORT_FORMS
from mystar.accounts.links import REQUESTS as LINK_REQUESTS
from mystar.accounts.links import MailedLinks
from mystar.accounts.oauth.attempts import SignInAttempts
from mystar.accounts.oauth.providers.http_client import ProviderHttpClient
from mystar.accounts.oauth.providers.registry import all_providers
from mystar.accounts.oauth.repository import CONSTRAINTS as OAUTH_CONSTRAINTS
from mystar.accounts.oauth.service import SignInService
from mystar.accounts.passwords import PasswordService
from mystar.accounts.repository import CONSTRAINTS as ACCOUNT_CONSTRAINTS
from mystar.accounts.service import AccountService
from mystar.accounts.sessions.login_throttle import LoginThrottle
from mystar.accounts.sessions.service import Sessions
from mystar.accounts.sessions.sockets import session_watch
from mystar.accounts.staff.operator import Operator
from mystar.accounts.staff.service import StaffService
from mystar.accounts.support_forms import SupportForms
from mystar.accounts.tasks import account_sweep
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.kit.realtime.hub import HUB
from mystar.kit.security.passwords import Passwords
from mystar.kit.security.tokens import Tokens

CONSTRAINTS: Constraints = {**ACCOUNT_CONSTRAINTS, **OAUTH_CONSTRAINTS}


def add(app: web.Application, infra: Infrastructure) -> None:
    settings = infra.settings
    db, clock, mailer, limits = infra.db, infra.clock, infra.mailer, infra.limits
    passwords = Passwords(cost=settings.passwords.bcrypt_cost, threads=settings.passwords.threads)
    sessions = Sessions(
        db,
        tokens=Tokens(settings.secret_key, previous=settings.previous_secret_keys),
        signer=infra.signer,
        mailer=mailer,
        clock=clock,
        settings=settings.tokens,
    )
    links = _mailed_links(infra)
    infra.outbox.handle(LINK_REQUESTS, links.send_asked)
    throttle = LoginThrottle(limits, sessions)
    app[ACCOUNTS] = accounts = AccountService(
        db,
        passwords=passwords,
        sessions=sessions,
        links=links,
        throttle=throttle,
        limits=limits,
        mailer=mailer,
        clock=clock,
    )
    app[PASSWORDS] = PasswordService(
        db, passwords=passwords, sessions=sessions, links=links, throttle=throttle, mailer=mailer, clock=clock
    )
    _add_staff(app, infra, passwords, sessions)
    app.cleanup_ctx.append(account_sweep(accounts))
    _add_sign_in(app, infra, sessions, links)
    app.cleanup_ctx.append(session_watch(sessions, app[HUB], infra.events, settings.sockets.recheck_seconds))

    async def close(_app: web.Application) -> None:
        passwords.close()

    app.on_cleanup.append(close)


def _mailed_links(infra: Infrastructure) -> MailedLinks:
    return MailedLinks(
        infra.db,
        mailer=infra.mailer,
        outbox=infra.outbox,
        signer=infra.signer,
        limits=infra.limits,
        clock=infra.clock,
        settings=infra.settings.tokens,
        public_url=infra.settings.http.public_url,
        site=infra.site,
    )


def _add_staff(app: web.Application, infra: Infrastructure, passwords: Passwords, sessions: Sessions) -> None:
    app[STAFF] = StaffService(infra.db, sessions)
    app[OPERATOR] = Operator(infra.db, passwords=passwords, sessions=sessions, clock=infra.clock)
    support = infra.settings.mail.support
    app[SUPPORT_FORMS] = SupportForms(infra.db, mailer=infra.mailer, limits=infra.limits, support=support)


def _add_sign_in(app: web.Application, infra: Infrastructure, sessions: Sessions, links: MailedLinks) -> None:
    oauth, db, clock = infra.settings.oauth, infra.db, infra.clock
    http_client = ProviderHttpClient(timeout=oauth.timeout_seconds, registry=infra.metrics.registry)
    app[SIGN_IN] = sign_in = SignInService(
        db,
        all_providers(oauth, http_client),
        attempts=SignInAttempts(db, clock, infra.signer, lifetime=timedelta(seconds=oauth.attempt_seconds)),
        sessions=sessions,
        links=links,
        limits=infra.limits,
        clock=clock,
        public_url=infra.settings.http.public_url,
    )
    app.cleanup_ctx.append(every(3600, sign_in.sweep, name="sign-in sweep"))

    async def close(_app: web.Application) -> None:
        await http_client.close()

    app.on_cleanup.append(close)
