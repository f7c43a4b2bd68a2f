"""Build accounts, sessions, staff and sign-in through providers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web
from prometheus_client import Counter

from mystar.accounts.contacts import ContactChanges
from mystar.accounts.erasure import AccountErasure
from mystar.accounts.factors.handlers import ROUTES as FACTOR_ROUTES
from mystar.accounts.factors.listeners import listen
from mystar.accounts.factors.passkeys import relying_party
from mystar.accounts.factors.repository import CONSTRAINTS as FACTOR_CONSTRAINTS
from mystar.accounts.factors.repository import PERSONAL_DATA as FACTOR_DATA
from mystar.accounts.factors.service import FactorService
from mystar.accounts.factors.sign_in import SecondStep
from mystar.accounts.factors.verification import FactorVerifier
from mystar.accounts.handlers import ROUTES as ACCOUNT_ROUTES
from mystar.accounts.keys import (
    ACCOUNT_ERASURE,
    ACCOUNTS,
    CONTACTS,
    FACTORS,
    IDENTITIES,
    OPERATOR,
    PASSWORDS,
    PROFILES,
    SECOND_STEP,
    SIGN_IN,
    STAFF,
    STEP_UP,
    SUPPORT_FORMS,
)
from mystar.accounts.links import REQUESTS as LINK_REQUESTS
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import AccountRegistered, SessionOpened
from mystar.accounts.oauth.attempts import SignInAttempts
from mystar.accounts.oauth.handlers import ROUTES as OAUTH_ROUTES
from mystar.accounts.oauth.identities import IdentityService
from mystar.accounts.oauth.providers.http_client import ProviderHttpClient
from mystar.accounts.oauth.providers.registry import all_providers
from mystar.accounts.oauth.repository import CONSTRAINTS as OAUTH_CONSTRAINTS
from mystar.accounts.oauth.repository import PERSONAL_DATA as SIGN_IN_DATA
from mystar.accounts.oauth.service import SignInService
from mystar.accounts.passwords import PasswordService
from mystar.accounts.phones import PhoneProofs
from mystar.accounts.profile import ProfileService
from mystar.accounts.repository import CONSTRAINTS as ACCOUNT_CONSTRAINTS
from mystar.accounts.repository import PERSONAL_DATA
from mystar.accounts.service import AccountService
from mystar.accounts.sessions.login_throttle import LoginThrottle
from mystar.accounts.sessions.service import Sessions
from mystar.accounts.sessions.sockets import session_watch
from mystar.accounts.sessions.step_up import StepUp
from mystar.accounts.staff.operator import Operator
from mystar.accounts.staff.service import StaffService
from mystar.accounts.support_forms import SupportForms
from mystar.accounts.tasks import account_sweep
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.kit.realtime.hub import HUB
from mystar.kit.security.breached import BreachedPasswords
from mystar.kit.security.passwords import Passwords
from mystar.kit.security.sealing import Sealer
from mystar.kit.security.tokens import Tokens
from mystar.kit.web.routes import Route

ROUTES: tuple[Route, ...] = (*ACCOUNT_ROUTES, *FACTOR_ROUTES, *OAUTH_ROUTES)
CONSTRAINTS: Constraints = {**ACCOUNT_CONSTRAINTS, **FACTOR_CONSTRAINTS, **OAUTH_CONSTRAINTS}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the services share."""

    passwords: Passwords
    sessions: Sessions
    links: MailedLinks
    throttle: LoginThrottle
    step_up: StepUp
    identities: IdentityService
    factors: FactorService
    second_step: SecondStep
    leaked: BreachedPasswords


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA, SIGN_IN_DATA, FACTOR_DATA)
    parts = _parts(infra)
    infra.outbox.handle(LINK_REQUESTS, parts.links.send_requested)
    app[STEP_UP], app[IDENTITIES] = parts.step_up, parts.identities
    app[FACTORS], app[SECOND_STEP] = parts.factors, parts.second_step
    listen(infra.events)
    app.cleanup_ctx.append(every(3600, parts.second_step.sweep, name="challenge sweep"))
    _add_accounts(app, infra, parts)
    _add_staff(app, infra, parts)
    _add_sign_in(app, infra, parts)
    seconds = infra.settings.sockets.recheck_seconds
    app.cleanup_ctx.append(session_watch(parts.sessions, app[HUB], infra.events, seconds))

    async def close(_app: web.Application) -> None:
        parts.passwords.close()
        await parts.leaked.close()

    app.on_cleanup.append(close)
    _count_people(infra)


def _count_people(infra: Infrastructure) -> None:
    """Sign-ups, and sessions by the dialect that opened them."""
    registry = infra.metrics.registry
    registered = Counter("mystar_registrations_total", "Accounts registered", registry=registry)
    opened = Counter("mystar_sessions_opened_total", "Sessions opened", ["channel"], registry=registry)

    async def count_registration(_event: AccountRegistered) -> None:
        registered.inc()

    async def count_session(event: SessionOpened) -> None:
        opened.labels(event.channel).inc()

    infra.events.after_commit(AccountRegistered, count_registration)
    infra.events.after_commit(SessionOpened, count_session)


def _parts(infra: Infrastructure) -> _Parts:
    settings, db, clock = infra.settings, infra.db, infra.clock
    passwords = Passwords(cost=settings.passwords.bcrypt_cost, threads=settings.passwords.threads)
    sessions = Sessions(
        db,
        tokens=Tokens(settings.secret_key, previous=settings.previous_secret_keys),
        signer=infra.signer,
        mailer=infra.account_mailer,
        clock=clock,
        settings=settings.tokens,
        staff_factor=settings.security.staff_second_factor,
    )
    throttle = LoginThrottle(infra.limits, sessions, infra.metrics.registry)
    step_up = StepUp(db, passwords=passwords, throttle=throttle, clock=clock)
    leaked = BreachedPasswords(settings.passwords.breach_url)
    identities, verifier = IdentityService(db, step_up), _verifier(infra)
    return _Parts(
        passwords,
        sessions,
        _mailed_links(infra),
        throttle,
        step_up,
        identities,
        _factors(infra, sessions, step_up, verifier),
        _second_step(infra, sessions, verifier),
        leaked,
    )


def _verifier(infra: Infrastructure) -> FactorVerifier:
    settings = infra.settings
    party = relying_party(
        infra.site.name("market"),
        public_url=settings.http.public_url,
        site_url=settings.http.site_url,
        rp_id=settings.security.rp_id,
        origins=settings.security.passkey_origins,
    )
    sealer = Sealer(settings.secret_key, "second factors", previous=settings.previous_secret_keys)
    return FactorVerifier(
        sealer=sealer, signer=infra.signer, party=party, mailer=infra.account_mailer, clock=infra.clock
    )


def _factors(infra: Infrastructure, sessions: Sessions, step_up: StepUp, verifier: FactorVerifier) -> FactorService:
    return FactorService(
        infra.db,
        sessions=sessions,
        step_up=step_up,
        verifier=verifier,
        limits=infra.limits,
        signer=infra.signer,
        clock=infra.clock,
        issuer=infra.site.name("market"),
        staff_required=infra.settings.security.staff_second_factor,
    )


def _second_step(infra: Infrastructure, sessions: Sessions, verifier: FactorVerifier) -> SecondStep:
    security = infra.settings.security
    return SecondStep(
        infra.db,
        sessions=sessions,
        verifier=verifier,
        limits=infra.limits,
        signer=infra.signer,
        clock=infra.clock,
        remembered=timedelta(days=security.remember_days),
        staff_required=security.staff_second_factor,
    )


def _mailed_links(infra: Infrastructure) -> MailedLinks:
    return MailedLinks(
        infra.db,
        mailer=infra.account_mailer,
        outbox=infra.outbox,
        signer=infra.signer,
        limits=infra.limits,
        clock=infra.clock,
        settings=infra.settings.tokens,
        public_url=infra.settings.http.public_url,
        site=infra.site,
    )


def _add_accounts(app: web.Application, infra: Infrastructure, parts: _Parts) -> None:
    db, clock, limits, links = infra.db, infra.clock, infra.limits, parts.links
    app[ACCOUNTS] = accounts = AccountService(
        db,
        passwords=parts.passwords,
        sessions=parts.sessions,
        links=links,
        throttle=parts.throttle,
        identities=parts.identities,
        factors=parts.factors,
        second_step=parts.second_step,
        leaked=parts.leaked,
        limits=limits,
        clock=clock,
    )
    app.cleanup_ctx.append(account_sweep(accounts))
    app[ACCOUNT_ERASURE] = AccountErasure(parts.sessions, clock)
    app[CONTACTS] = contacts = ContactChanges(
        db,
        links=links,
        sessions=parts.sessions,
        identities=parts.identities,
        factors=parts.factors,
        mailer=infra.account_mailer,
        signer=infra.signer,
        clock=clock,
        public_url=infra.settings.http.public_url,
    )
    app[PROFILES] = ProfileService(
        db, links=links, contacts=contacts, step_up=parts.step_up, limits=limits, clock=clock
    )
    app[PASSWORDS] = PasswordService(
        db,
        passwords=parts.passwords,
        sessions=parts.sessions,
        links=links,
        throttle=parts.throttle,
        identities=parts.identities,
        factors=parts.factors,
        leaked=parts.leaked,
        mailer=infra.account_mailer,
        clock=clock,
    )


def _add_staff(app: web.Application, infra: Infrastructure, parts: _Parts) -> None:
    phones = PhoneProofs(infra.account_mailer, infra.clock)
    app[STAFF] = StaffService(infra.db, parts.sessions, parts.step_up, phones)
    app[OPERATOR] = Operator(infra.db, passwords=parts.passwords, sessions=parts.sessions, clock=infra.clock)
    support = infra.settings.mail.support
    app[SUPPORT_FORMS] = SupportForms(infra.db, mailer=infra.mailer, limits=infra.limits, support=support)


def _add_sign_in(app: web.Application, infra: Infrastructure, parts: _Parts) -> None:
    oauth, db, clock = infra.settings.oauth, infra.db, infra.clock
    http_client = ProviderHttpClient(timeout=oauth.timeout_seconds, registry=infra.metrics.registry)
    app[SIGN_IN] = sign_in = SignInService(
        db,
        all_providers(oauth, http_client),
        attempts=SignInAttempts(db, clock, infra.signer, lifetime=timedelta(seconds=oauth.attempt_seconds)),
        sessions=parts.sessions,
        second_step=parts.second_step,
        links=parts.links,
        step_up=parts.step_up,
        mailer=infra.account_mailer,
        phones=PhoneProofs(infra.account_mailer, clock),
        limits=infra.limits,
        clock=clock,
        public_url=infra.settings.http.public_url,
        site_url=infra.settings.http.site_url or infra.settings.http.public_url,
    )
    app.cleanup_ctx.append(every(3600, sign_in.sweep, name="sign-in sweep"))

    async def close(_app: web.Application) -> None:
        await http_client.close()

    app.on_cleanup.append(close)
