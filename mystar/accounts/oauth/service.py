"""Sign-in through providers, for every dialect (D12).

A client requests a link, its browser returns with a code, the code is exchanged for the provider's token, and the token
opens a session or creates an account. Providers are called before a transaction begins.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mystar.accounts.credentials import (
    InvalidCredential,
    credential_of,
    email_key,
    key_of,
    normalize_email,
    normalize_phone,
    normalize_username,
    usable_name,
)
from mystar.accounts.drafts import normalize_draft, normalize_field
from mystar.accounts.factors.sign_in import Opened, SecondStep, session_or_raise
from mystar.accounts.links import MailedLinks
from mystar.accounts.model import (
    Account,
    AccountDraft,
    AccountRegistered,
    Actor,
    Channel,
    ClientInfo,
    LoginRefused,
    NewSession,
    Taken,
)
from mystar.accounts.oauth.attempts import SignInAttempts
from mystar.accounts.oauth.identities import link_identity, linked_account
from mystar.accounts.oauth.linking import Create, EmailOwner, Link, LinkingContext, LogIn, Refuse, decide
from mystar.accounts.oauth.model import SignInRefused, refusal_of_redirect
from mystar.accounts.oauth.providers.base import Name, Profile, Provider, ResponseType
from mystar.accounts.oauth.repository import ProviderRepository
from mystar.accounts.phones import PhoneProofs
from mystar.accounts.repository import AccountRepository
from mystar.accounts.sessions.service import Sessions
from mystar.accounts.sessions.step_up import StepUp
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits

#: Numbered user names that are tried before a random one, and attempts when another request takes the name.
_NUMBERED, _ATTEMPTS = 20, 3
#: Characters of a name taken from a provider: greetings allow 32, and a suffix has to fit.
_MAX_NAME_LENGTH = 23


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """``cookie`` identifies the browser, unread by scripts; ``link`` is opened by it."""

    link: str
    cookie: str


@dataclass(frozen=True, slots=True)
class SignInResult:
    """A session, and the profile at the provider."""

    session: NewSession
    profile: Profile


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """E-mail and phone from the request body; they are not verified."""

    email: str | None = None
    phone: str | None = None


class SignInService:
    """:param public_url: of the service. :param site_url: the beginning of the addresses that providers redirect to."""

    def __init__(
        self,
        db: Database,
        providers: Iterable[Provider],
        *,
        attempts: SignInAttempts,
        sessions: Sessions,
        second_step: SecondStep,
        links: MailedLinks,
        step_up: StepUp,
        mailer: Mailer,
        phones: PhoneProofs,
        limits: RateLimits,
        clock: Clock,
        public_url: str,
        site_url: str,
    ) -> None:
        self._db, self._attempts, self._sessions, self._links = db, attempts, sessions, links
        self._limits, self._clock, self._step_up, self._mailer = limits, clock, step_up, mailer
        self._second_step, self._phones = second_step, phones
        self.public_url, self.site_url = public_url, site_url
        self._providers: Mapping[Name, Provider] = {provider.name: provider for provider in providers}

    async def begin(
        self,
        name: Name,
        client: ClientInfo,
        channel: Channel,
        *,
        landing: str,
        response_type: ResponseType = "code",
        cookie: str | None = None,
    ) -> AuthorizationRequest:
        """Start an attempt.

        :param landing: the path to return to, unless the settings name another address.
        :param cookie: of a browser that has attempts already.

        :raises ProviderOff: :raises TooMany: per client address.
        """
        provider = self._providers[name]
        provider.require_enabled()
        await self._limits.hit("sign_in_attempt", client.address)
        redirect_url = self.redirect_url(name, channel, landing)
        attempt = await self._attempts.begin(
            name,
            channel,
            client,
            redirect_url=redirect_url,
            has_pkce=provider.has_pkce(response_type),
            cookie=cookie,
        )
        link = provider.authorization_url(
            state=attempt.state, verifier=attempt.verifier, redirect_url=redirect_url, response_type=response_type
        )
        return AuthorizationRequest(link, attempt.cookie)

    def redirect_url(self, name: Name, channel: Channel, landing: str) -> str:
        """Where the provider redirects to. :param landing: the path, unless the settings name another address."""
        settings = self._providers[name].settings
        return settings.redirect_urls.get(channel) or settings.redirect_url or self.site_url + landing

    async def exchange(
        self,
        name: Name,
        client: ClientInfo,
        channel: Channel,
        *,
        code: str | None,
        error: str | None = None,
        cookie: str | None,
        state: str | None,
        device_id: str | None = None,
    ) -> Mapping[str, Any]:
        """Exchange the code; the provider's token response. Uses the attempt up.

        :param error: what the provider sends instead of a code, for example when access is denied.
        :raises AttemptUnknown: :raises ProviderRefused: :raises ProviderDown: :raises ProviderOff: :raises TooMany:
        """
        provider = self._providers[name]
        provider.require_enabled()
        await self._limits.hit("sign_in_attempt", client.address)
        attempt = await self._attempts.finish(name, channel, client, cookie=cookie, state=state)
        if not code:
            raise refusal_of_redirect(error)
        grant = await provider.exchange(
            code,
            state=attempt.state,
            verifier=attempt.verifier,
            redirect_url=attempt.redirect_url,
            device_id=device_id,
        )
        await self._attempts.remember_token(attempt, grant.access_token, grant.seconds)
        return grant.raw

    async def has_open_attempt(self, name: Name, channel: Channel, cookie: str) -> bool:
        """Whether the browser has another attempt, as in a second tab."""
        return await self._attempts.has_open(name, channel, cookie)

    async def sign_in_with(self, name: Name, token: str, client: ClientInfo, channel: Channel) -> SignInResult:
        """Log in with a provider's token.

        :raises NotRegistered: the identity has no account. :raises LoginRefused: the account is blocked.
        :raises SecondFactorRequired: the account has a second factor, see `SecondStep.finish`.
        :raises ProviderTokenRefused: :raises ProviderDown: :raises ProviderOff: :raises TooMany:
        """
        provider, profile = await self._identify(name, token, client)
        async with self._db.transaction() as tx:
            opened = await self._decide(tx, provider, profile, client, channel, registering=False)
        return SignInResult(session_or_raise(opened), profile)

    async def register_with(
        self,
        name: Name,
        token: str,
        client: ClientInfo,
        channel: Channel,
        *,
        actor: Actor | None = None,
        contact: ContactDetails | None = None,
    ) -> SignInResult:
        """Create an account for the identity of a token, or link it to the account of ``actor``; open a session.

        :raises AlreadyRegistered: the identity has an account. :raises SignInFirst: its e-mail belongs to another one.
        :raises Taken: the phone or the e-mail of ``contact``. :raises Invalid: by field.
        :raises ReauthenticationNeeded: for an ``actor``, see `StepUp.require`.
        :raises SecondFactorRequired: as `sign_in_with` does, where the identity is linked already.
        :raises ProviderTokenRefused: :raises ProviderDown: :raises ProviderOff: :raises TooMany:
        """
        await self._limits.hit("registration", client.address)
        provider, profile = await self._identify(name, token, client)
        if actor is not None:
            await self._require_owner(actor, provider, profile)
        for race in range(_ATTEMPTS):
            try:
                async with self._db.transaction() as tx:
                    opened = await self._decide(
                        tx,
                        provider,
                        profile,
                        client,
                        channel,
                        registering=True,
                        actor=actor,
                        contact=contact,
                        race=race,
                    )
                return SignInResult(session_or_raise(opened), profile)
            except Taken as taken:
                # A concurrent request has taken the generated user name.
                if set(taken.fields) != {"username"} or race == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def _require_owner(self, actor: Actor, provider: Provider, profile: Profile) -> None:
        """Step-up for linking; not where the identity is linked already, which is answered as before."""
        if await ProviderRepository(self._db).account_of(provider.issuer, profile.subject) is None:
            await self._step_up.require(actor)

    async def sweep(self) -> None:
        await self._attempts.sweep()

    async def _identify(self, name: Name, token: str, client: ClientInfo) -> tuple[Provider, Profile]:
        """Refused tokens are counted per client address, as wrong passwords are."""
        provider = self._providers[name]
        await self._limits.check("login_address", client.address)
        try:
            return provider, await provider.identify(token, own=await self._attempts.issued_to_us(name, token))
        except SignInRefused:
            await self._limits.hit("login_address", client.address)
            raise

    async def _decide(
        self,
        tx: Tx,
        provider: Provider,
        profile: Profile,
        client: ClientInfo,
        channel: Channel,
        *,
        registering: bool,
        actor: Actor | None = None,
        contact: ContactDetails | None = None,
        race: int = 0,
    ) -> Opened:
        accounts, contact = AccountRepository(tx), contact or ContactDetails()
        email, email_verified = _email(profile, contact)
        context = LinkingContext(
            registering,
            linked=await linked_account(tx, provider.issuer, profile.subject),
            email_verified=email_verified,
            email_owner=await self._email_owner(accounts, email),
            actor=actor.id if actor else None,
        )
        match decide(context):
            case Refuse(error):
                raise error()
            case Create(verified):
                account = await self._create(tx, profile, email, contact, client, channel, verified=verified, race=race)
                await link_identity(tx, account.id, provider.issuer, profile.subject)
            case Link(account_id):
                account = await _active(accounts, account_id)
                if account.has_second_factor and not actor:
                    # An identity that was found by its e-mail alone is linked by a signed-in owner only.
                    return await self._second_step.ask(tx, account, channel)
                await self._link(tx, account, provider, profile)
                account = await self._prove_phone(tx, account, provider, profile)
                # A linking actor has passed the second factor, and step-up.
                return await self._sessions.open(tx, account, client, channel)
            case LogIn(account_id):
                account = await _active(accounts, account_id)
        account = await self._prove_phone(tx, account, provider, profile)
        return await self._second_step.open(tx, account, client, channel)

    async def _prove_phone(self, tx: Tx, account: Account, provider: Provider, profile: Profile) -> Account:
        """Set the phone that the provider vouches for, unless the account has another one."""
        if profile.phone and account.phone in (None, profile.phone):
            await self._phones.prove(tx, account, profile.phone, by=provider.issuer)
            return await AccountRepository(tx).get(account.id)
        return account

    async def _link(self, tx: Tx, account: Account, provider: Provider, profile: Profile) -> None:
        await link_identity(tx, account.id, provider.issuer, profile.subject)
        if account.email:
            values = {"username": account.greeting_name, "provider": provider.issuer}
            await self._mailer.queue(
                tx, "identity_linked", account.email, account.language, dialect=account.channel, **values
            )

    @staticmethod
    async def _email_owner(accounts: AccountRepository, email: str | None) -> EmailOwner | None:
        """Locked, so that the decision still holds at the commit."""
        found = await accounts.find(credential_of(email)) if email else None
        if found is None:
            return None
        account = await accounts.lock(found[0].id)
        still_has_it = account.email is not None and email is not None and email_key(account.email) == email_key(email)
        return EmailOwner(account.id, account.is_verified) if still_has_it else None

    async def _create(
        self,
        tx: Tx,
        profile: Profile,
        email: str | None,
        contact: ContactDetails,
        client: ClientInfo,
        channel: Channel,
        *,
        verified: bool,
        race: int,
    ) -> Account:
        now = self._clock.now()
        today = self._clock.today()
        born = profile.birth_date if profile.birth_date and profile.birth_date.year >= 1900 else None
        phone = normalize_field("phone", normalize_phone, contact.phone)
        draft = AccountDraft(
            await _free_username(ProviderRepository(tx), profile, race),
            email,
            # One that the provider vouches for is set afterwards, also where another account has it without a proof.
            None if phone == profile.phone else phone,
            born if born and born <= today else None,
            usable_name(profile.first_name),
            usable_name(profile.last_name),
        )
        account = await AccountRepository(tx).add(
            normalize_draft(draft, None, today=today),
            password_hash=None,
            language=client.language,
            email_verified_at=now if verified and email else None,
            channel=channel,
        )
        if not verified:
            await self._links.mail_confirmation(tx, account)
        await tx.publish(AccountRegistered(account.id))
        return account


async def _active(accounts: AccountRepository, account_id: int) -> Account:
    account = await accounts.lock(account_id)
    if not account.is_active:
        raise LoginRefused(account.id)
    return account


def _email(profile: Profile, contact: ContactDetails) -> tuple[str | None, bool]:
    """The e-mail, and whether the provider has verified it. An undeliverable one counts as missing."""
    if profile.email:
        try:
            return normalize_email(profile.email), profile.email_verified
        except InvalidCredential:
            pass
    return normalize_field("email", normalize_email, contact.email or None), False


async def _free_username(rows: ProviderRepository, profile: Profile, race: int) -> str:
    """The provider's name, numbered if it is taken; with a random suffix after a ``race`` with another request."""
    base = _username_from(profile)
    if race:
        return f"{base}-{secrets.token_hex(4)}"
    names = [base, *(f"{base}-{number}" for number in range(2, _NUMBERED + 1))]
    taken = await rows.taken_usernames(map(key_of, names))
    free = next((name for name in names if key_of(name) not in taken), None)
    return free or f"{base}-{secrets.token_hex(4)}"


def _username_from(profile: Profile) -> str:
    """The first name in the profile that is a valid user name."""
    for candidate in (profile.nickname, f"{profile.first_name} {profile.last_name}"):
        try:
            return normalize_username(candidate[:_MAX_NAME_LENGTH])
        except InvalidCredential:
            continue
    return f"user-{secrets.token_hex(4)}"
