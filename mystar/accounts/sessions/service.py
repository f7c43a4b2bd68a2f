"""Sessions (D6): every log-in opens one, its tokens name it, and they become invalid when it ends.

Every request needs its session, so active ones are cached for half a second. Ending a session clears the cache of this
process at once; another process may accept it for that half second, never longer.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mystar.accounts.model import (
    Account,
    Actor,
    Channel,
    ClientInfo,
    NewSession,
    RefreshedTokens,
    Session,
    SessionOpened,
    SessionsEnded,
)
from mystar.accounts.repository import AccountRepository, stored_channel
from mystar.accounts.sessions.rotation import GRACE, TokenFamily
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Row, Tx
from mystar.kit.postgres.gathered import Gathered
from mystar.kit.security.tokens import ACCESS, REFRESH, Signer, TokenRefused, Tokens
from mystar.kit.web.pagination import Page, PageRequest
from mystar.sections import TokenSettings

log = logging.getLogger(__name__)

_CACHE_SECONDS = 0.5
_CACHE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class TokenLifetimes:
    """Of a channel; ``refresh`` None: the channel has no refresh tokens."""

    access: timedelta
    refresh: timedelta | None


def token_lifetimes(settings: TokenSettings) -> Mapping[Channel, TokenLifetimes]:
    """D5."""

    def lifetimes(access: int, refresh: int | None = None) -> TokenLifetimes:
        return TokenLifetimes(timedelta(seconds=access), timedelta(seconds=refresh) if refresh else None)

    return {
        "market": lifetimes(settings.house_access, settings.house_refresh),
        "identity": lifetimes(settings.identity_access, settings.identity_refresh),
        "studio": lifetimes(settings.studio_access, settings.studio_refresh),
        "greetings": lifetimes(settings.greetings_access),
        "messenger": lifetimes(settings.messenger_access),
        "admin": lifetimes(settings.admin_access),
    }


class Sessions:
    """Opens, authenticates, refreshes and ends sessions.

    :param signer: signs device cookies.
    :param staff_factor: whether the role of staff counts with a second factor only.
    """

    def __init__(
        self,
        db: Database,
        *,
        tokens: Tokens,
        signer: Signer,
        mailer: Mailer,
        clock: Clock,
        settings: TokenSettings,
        staff_factor: bool = False,
    ) -> None:
        self._staff_factor = staff_factor
        self._db, self._tokens, self._signer, self._mailer, self._clock = db, tokens, signer, mailer, clock
        self._lifetimes = token_lifetimes(settings)
        self._idle = timedelta(seconds=settings.refresh_idle)
        self._found = Gathered(self._rows, name="sessions")
        self._max_age = timedelta(seconds=settings.refresh_longest)
        self._cache = _SessionCache()

    async def open(
        self, tx: Tx, account: Account, client: ClientInfo, channel: Channel, *, factor: str = ""
    ) -> NewSession:
        """A new session and its tokens, valid once ``tx`` is committed. ``factor``: the second one, for the audit."""
        lifetimes, now, session_id = self._lifetimes[channel], self._clock.now(), uuid.uuid4()
        expires_at = now + (lifetimes.refresh or lifetimes.access)
        await AccountRepository(tx).add_session(session_id, account.id, channel, client, now, expires_at)
        await tx.publish(SessionOpened(account.id, session_id, channel, factor))
        access = self._token(ACCESS, account.id, session_id, account.email, min(now + lifetimes.access, expires_at))
        refresh = self._token(REFRESH, account.id, session_id, account.email, expires_at) if lifetimes.refresh else None
        return NewSession(account, session_id, access, refresh, self._mark(account.id))

    async def authenticate(self, access: str) -> Actor:
        """The account of a valid access token.

        :raises TokenRefused: forged, expired, a refresh token, its session ended, or its account blocked.
        """
        claims = self._tokens.read(access, ACCESS)
        actor = self._cache.get(claims.session_id)
        if actor is None:
            asked_at, age = time.monotonic(), self._cache.age
            row = await self._found.get(claims.session_id)
            if row is None:
                raise TokenRefused
            actor = self._actor(row)
            self._cache.put(actor, asked_at, age)
        if actor.id != claims.account_id:
            raise TokenRefused
        return actor

    def _actor(self, row: Row) -> Actor:
        role, is_pending = row["role"], self._staff_factor and not row["has_second_factor"]
        who = row["id"], row["session_id"], row["username"]
        return Actor(*who, None, role) if is_pending else Actor(*who, role)

    async def refresh(self, token: str, *, rotate: bool = False) -> RefreshedTokens:
        """A new access token of the refresh token's session (D7).

        :param rotate: replace the refresh token as well. A token that was rotated before is replaced by the newest one.
        :raises TokenRefused: as for `authenticate`; an access token; a rotated token that was copied, which ends the
            session, is mailed to its account and logged.
        """
        claims = self._tokens.read(token, REFRESH)
        async with self._db.transaction() as tx:
            row = await AccountRepository(tx).lock_session(claims.session_id, self._clock.now())
            family = None if row is None else await self._family(tx, row)
            if row is None or family is None or row["id"] != claims.account_id or claims.generation > family.newest:
                raise TokenRefused
            if not family.is_copy(claims.generation, self._clock.now()):
                return await self._prolong(tx, row, family, claims.generation, rotate=rotate)
            await self._end_copied(tx, row, claims.generation)
        raise TokenRefused

    async def _family(self, tx: Tx, row: Row) -> TokenFamily | None:
        """None when the session has expired because it was not refreshed for too long."""
        if self._clock.now() - row["refreshed_at"] > self._idle:
            return None
        rotated_at = await AccountRepository(tx).rotations(row["session_id"]) if row["generation"] else {}
        return TokenFamily(row["generation"], row["generation_used"], rotated_at)

    async def _prolong(
        self, tx: Tx, row: Row, family: TokenFamily, generation: int, *, rotate: bool
    ) -> RefreshedTokens:
        accounts, now, session_id = AccountRepository(tx), self._clock.now(), row["session_id"]
        lifetimes, expires_at = self._lifetimes[stored_channel(row["channel"])], row["expires_at"]
        newest, used = family.newest, family.newest_used or generation == family.newest
        if rotate and generation == newest:
            await accounts.add_rotation(session_id, generation, now, now - GRACE)
            newest, used = newest + 1, False
            expires_at = min(now + (lifetimes.refresh or lifetimes.access), row["created_at"] + self._max_age)
        await accounts.touch_session(session_id, generation=newest, used=used, now=now, expires_at=expires_at)
        whose = row["id"], session_id, row["email"]
        access = self._token(ACCESS, *whose, min(now + lifetimes.access, expires_at))
        refresh = self._token(REFRESH, *whose, expires_at, newest) if rotate else None
        return RefreshedTokens(row["id"], row["email"], access, refresh)

    async def _end_copied(self, tx: Tx, row: Row, generation: int) -> None:
        log.warning(
            "a rotated refresh token was used again: session ended",
            extra={"account_id": row["id"], "session": str(row["session_id"]), "generation": generation},
        )
        await self.end(tx, row["id"], session_id=row["session_id"], reason="refresh_reused")
        if row["email"]:
            await self._mailer.queue(
                tx,
                "session_copied",
                row["email"],
                row["language"],
                dialect=stored_channel(row["channel"]),
                username=row["greeting_name"],
            )

    async def recognize_device(self, client: ClientInfo, account_id: int) -> str | None:
        """The device or session by which the client is known to the account; None if it is not.

        Either a signed device cookie, or an access or refresh token of an active session.
        """
        device, _, signature = client.device.rpartition(".")
        owner, _, given_at = device.partition(".")
        if owner == str(account_id) and self._signer.verify(signature, "device", device):
            revoked_at = await AccountRepository(self._db).devices_revoked_at(account_id)
            if revoked_at is None or _milliseconds(given_at) > revoked_at.timestamp() * 1000:
                return device
        for mode in (ACCESS, REFRESH):
            with contextlib.suppress(TokenRefused):
                claims = self._tokens.read(client.token or "", mode)
                if (await self._active(claims.session_id))["id"] == account_id == claims.account_id:
                    return str(claims.session_id)
        return None

    async def active(self, account_id: int, page: PageRequest) -> Page[Session]:
        """The active sessions, newest first."""
        accounts, now = AccountRepository(self._db), self._clock.now()
        rows = await accounts.active_sessions(account_id, now, page.size, page.offset)
        return Page(rows, await accounts.count_active_sessions(account_id, now))

    async def active_among(self, session_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Which of these are active, of accounts that are not blocked; in one query."""
        return await AccountRepository(self._db).active_among(session_ids, self._clock.now())

    def forget(self, account_id: int) -> None:
        """Clear the cache of the account, whose session has ended in another process."""
        self._cache.forget(account_id)

    def forget_all(self) -> None:
        """Clear the cache, since any session may have ended in another process."""
        self._cache.forget()

    async def end(self, tx: Tx, account_id: int, *, reason: str, session_id: uuid.UUID | None = None) -> int:
        """End one session of the account, or all of them; returns how many were active."""
        ended = await AccountRepository(tx).end_sessions(account_id, session_id, reason, self._clock.now())

        async def forget() -> None:
            self._cache.forget(account_id)

        tx.after_commit(forget)
        await tx.publish(SessionsEnded(account_id, session_id, reason))
        return ended

    async def end_others(self, tx: Tx, account_id: int, *, reason: str, keep: uuid.UUID | None) -> None:
        """End the sessions of the account other than ``keep``."""
        if keep is None:
            await self.end(tx, account_id, reason=reason)
            return
        for session_id in await AccountRepository(tx).other_sessions(account_id, keep, self._clock.now()):
            await self.end(tx, account_id, session_id=session_id, reason=reason)

    async def session_of(self, client: ClientInfo, account_id: int) -> uuid.UUID | None:
        """The active session of the account whose access token the client sent."""
        with contextlib.suppress(TokenRefused):
            claims = self._tokens.read(client.token or "", ACCESS)
            if (await self._active(claims.session_id))["id"] == account_id == claims.account_id:
                return claims.session_id
        return None

    def _mark(self, account_id: int) -> str:
        device = f"{account_id}.{secrets.token_hex(8)}.{int(self._clock.now().timestamp() * 1000)}"
        return f"{device}.{self._signer.sign('device', device)}"

    def _token(
        self,
        mode: str,
        account_id: int,
        session_id: uuid.UUID,
        email: str | None,
        expires_at: datetime,
        generation: int = 0,
    ) -> str:
        return self._tokens.issue(
            mode,
            account_id=account_id,
            session_id=session_id,
            user_name=email or "",
            issued_at=self._clock.now(),
            expires_at=expires_at,
            generation=generation,
        )

    async def _active(self, session_id: uuid.UUID) -> Row:
        row = (await self._rows([session_id])).get(session_id)
        if row is None:
            raise TokenRefused
        return row

    async def _rows(self, session_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Row]:
        return await AccountRepository(self._db).active_session(session_ids, self._clock.now())


def _milliseconds(given_at: str) -> int:
    """When a device cookie was given out; 0 for one without a time, from before they could be revoked."""
    digits = given_at.rpartition(".")[2]
    return int(digits) if "." in given_at and digits.isascii() and digits.isdecimal() else 0


class _SessionCache:
    """Recently authenticated sessions, oldest first."""

    def __init__(self) -> None:
        self._actors: OrderedDict[uuid.UUID, tuple[Actor, float]] = OrderedDict()
        #: Grows whenever a session ends: rows read before that are not cached after it.
        self.age = 0

    def get(self, session_id: uuid.UUID) -> Actor | None:
        actor, until = self._actors.get(session_id, (None, 0.0))
        return actor if time.monotonic() < until else None

    def put(self, actor: Actor, asked_at: float, age: int) -> None:
        if age != self.age:
            return
        self._actors.pop(actor.session_id, None)
        self._actors[actor.session_id] = (actor, asked_at + _CACHE_SECONDS)
        while len(self._actors) > _CACHE_SIZE:
            self._actors.popitem(last=False)

    def forget(self, account_id: int | None = None) -> None:
        """The sessions of the account; None = all."""
        self.age += 1
        for session_id in [key for key, (actor, _) in self._actors.items() if account_id in (None, actor.id)]:
            del self._actors[session_id]
