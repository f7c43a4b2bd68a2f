"""Access and refresh tokens (contract D5), and signatures for links that need no token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from mystar.errors import Text, Unauthenticated

ACCESS = "access_token"
REFRESH = "refresh_token"
_ALGORITHM = "HS256"
#: Servers' clocks differ by a few seconds.
_LEEWAY = timedelta(seconds=10)


class TokenRefused(Unauthenticated):
    code = "token_refused"
    text = Text("Токен недействителен или просрочен.", "The token is invalid or has expired.")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: the account ``id`` and its session ``sid``."""

    account_id: int
    session_id: uuid.UUID
    mode: str
    user_name: str
    expires_at: datetime


class Tokens:
    """Issues and reads JSON Web Tokens: HS256 only, one issuer.

    :param key: at least 32 bytes of secret.
    """

    def __init__(self, key: str, *, issuer: str = "mystar") -> None:
        self._key = derive(key, "tokens")
        self._issuer = issuer

    def issue(
        self,
        mode: str,
        *,
        account_id: int,
        session_id: uuid.UUID,
        user_name: str,
        issued_at: datetime,
        expires_at: datetime,
    ) -> str:
        """One token of the given ``mode``; moments are aware."""
        claims = {
            "id": account_id,
            "sid": str(session_id),
            "mode": mode,
            "user_name": user_name,
            "jti": secrets.token_urlsafe(12),
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "iss": self._issuer,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str, mode: str) -> Claims:
        """:raises TokenRefused: forged, expired, of another issuer or mode, or not a token at all."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": ["id", "sid", "mode", "jti", "iat", "exp", "iss"]},
            )
            if claims["mode"] != mode or type(claims["id"]) is not int:
                raise TokenRefused
            return Claims(
                claims["id"],
                uuid.UUID(claims["sid"]),
                claims["mode"],
                str(claims.get("user_name", "")),
                datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
            raise TokenRefused from error


class Signer:
    """Signs what a link says, so that whoever holds the link may do exactly that."""

    def __init__(self, key: str) -> None:
        self._key = derive(key, "links").encode()

    def sign(self, purpose: str, *parts: object) -> str:
        """A URL-safe signature of the parts, good for one ``purpose`` only."""
        text = "\x1f".join([purpose, *map(str, parts)])
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:40]

    def fits(self, signature: str, purpose: str, *parts: object) -> bool:
        return hmac.compare_digest(signature.encode(), self.sign(purpose, *parts).encode())


def derive(key: str, purpose: str) -> str:
    """A key of its own for every use: what leaks from one opens no other."""
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def mailed_token() -> tuple[str, bytes]:
    """A fresh secret for a mailed link and the digest that is stored in its place."""
    token = secrets.token_hex(24)
    return token, token_digest(token)


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
