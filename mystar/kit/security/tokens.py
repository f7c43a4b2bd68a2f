"""Access and refresh tokens (D5), and signatures of links that need no token."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import secrets
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson

from mystar.errors import Text, Unauthenticated

ACCESS = "access_token"
REFRESH = "refresh_token"
_ALGORITHM = "HS256"
#: The whole header of our tokens. A key chosen by the sender ("kid", "jku", "jwk") is not allowed (RFC 8725, 3.10).
_HEAD = {"alg": _ALGORITHM, "typ": "JWT"}
#: As we write it, so that it need not be read.
_WRITTEN_HEAD = jwt.encode({}, "-" * 32, algorithm=_ALGORITHM).partition(".")[0]
_REQUIRED = ["id", "sid", "mode", "jti", "iat", "exp", "iss", "aud"]
#: The clocks of servers differ by a few seconds.
_LEEWAY = timedelta(seconds=10)
#: Verified tokens that are remembered until they expire; the session is checked for every request anyway.
_CACHE_SIZE = 4096


class TokenRefused(Unauthenticated):
    """The token is malformed, forged or expired, or of the wrong kind."""

    code = "token_refused"
    text = Text("Токен недействителен или просрочен.", "The token is invalid or has expired.")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token: the account ``id`` and its session ``sid``.

    ``generation``: the number of a refresh token within its session, the claim ``gen``; the first token has none.
    """

    account_id: int
    session_id: uuid.UUID
    mode: str
    user_name: str
    expires_at: datetime
    generation: int = 0


class Tokens:
    """Issues and verifies JSON Web Tokens: HS256 only, one issuer, which is the audience too.

    :param key: a secret of at least 32 bytes.
    :param previous: earlier keys: their tokens are accepted until they expire, new tokens are not signed with them.
    """

    def __init__(self, key: str, *, previous: Iterable[str] = (), issuer: str = "mystar") -> None:
        self._keys = [derive(one, "tokens") for one in (key, *previous)]
        self._issuer = issuer
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    def issue(
        self,
        mode: str,
        *,
        account_id: int,
        session_id: uuid.UUID,
        user_name: str,
        issued_at: datetime,
        expires_at: datetime,
        generation: int = 0,
    ) -> str:
        """A token of this ``mode``; times are aware."""
        claims: dict[str, object] = {
            "id": account_id,
            "sid": str(session_id),
            "mode": mode,
            "user_name": user_name,
            "jti": secrets.token_urlsafe(12),
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "iss": self._issuer,
            "aud": self._issuer,
        }
        if generation:
            claims["gen"] = generation
        return jwt.encode(claims, self._keys[0], algorithm=_ALGORITHM)

    def read(self, token: str, mode: str) -> Claims:
        """:raises TokenRefused: forged, expired, of another issuer or mode, or not a token at all."""
        claims = self._verified.get(token)
        if claims is None or claims.mode != mode or claims.expires_at + _LEEWAY <= datetime.now(UTC):
            self._verified.pop(token, None)
            claims = self._verified[token] = self._verify(token, mode)
            if len(self._verified) > _CACHE_SIZE:
                self._verified.popitem(last=False)
        return claims

    def _verify(self, token: str, mode: str) -> Claims:
        try:
            claims = self._decoded(token)
            generation = claims.get("gen", 0)
            if claims["mode"] != mode or type(claims["id"]) is not int or type(generation) is not int:
                raise TokenRefused
            return Claims(
                claims["id"],
                uuid.UUID(claims["sid"]),
                claims["mode"],
                str(claims.get("user_name", "")),
                datetime.fromtimestamp(claims["exp"], UTC),
                generation,
            )
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise TokenRefused from error

    def _decoded(self, token: str) -> dict[str, Any]:
        if token.partition(".")[0] != _WRITTEN_HEAD and jwt.get_unverified_header(token) != _HEAD:
            raise TokenRefused
        for key in self._keys:
            with contextlib.suppress(jwt.InvalidSignatureError):
                return jwt.decode(
                    token,
                    key,
                    algorithms=[_ALGORITHM],
                    issuer=self._issuer,
                    audience=self._issuer,
                    leeway=_LEEWAY,
                    options={"require": _REQUIRED},
                )
        raise TokenRefused


def expiry_of(token: str) -> int:
    """When a token that has been verified already expires, in seconds since 1970."""
    payload = token.split(".")[1]
    return int(orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])


class Signer:
    """Signs the content of a link, so that a request with the link may do exactly what the link says."""

    def __init__(self, key: str, *, previous: Iterable[str] = ()) -> None:
        """:param previous: earlier keys, whose links are still accepted."""
        self._keys = [derive(one, "links").encode() for one in (key, *previous)]

    def sign(self, purpose: str, *parts: object) -> str:
        """A URL-safe signature of the parts, valid for one ``purpose`` only."""
        return _signature(self._keys[0], purpose, parts)

    def sign_until(self, moment: datetime, purpose: str, *parts: object) -> str:
        """Like ``sign``, valid to the end of the day of ``moment``, so that links of one day are the same."""
        expires = (int(moment.timestamp()) // 86_400 + 1) * 86_400
        return f"{expires}-{self.sign(purpose, *parts, expires)}"

    def verify_until(self, signature: str, now: datetime, purpose: str, *parts: object) -> bool:
        """Whether ``sign_until`` made the signature and its day has not ended."""
        expires, _, signed = signature.partition("-")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            return False
        return self.verify(signed, purpose, *parts, int(expires)) and now.timestamp() < int(expires)

    def secret(self, purpose: str, *parts: object) -> str:
        """48 hexadecimal digits that only a server with the current key can compute from the parts."""
        return _hmac(self._keys[0], purpose, parts)[:48]

    def verify(self, signature: str, purpose: str, *parts: object) -> bool:
        given = signature.encode("utf-8", "replace")
        return any(hmac.compare_digest(given, _signature(key, purpose, parts).encode()) for key in self._keys)


def _signature(key: bytes, purpose: str, parts: Iterable[object]) -> str:
    return _hmac(key, purpose, parts)[:40]


def _hmac(key: bytes, purpose: str, parts: Iterable[object]) -> str:
    text = "\x1f".join([purpose, *map(str, parts)])
    return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def derive(key: str, purpose: str) -> str:
    """A separate key for each purpose, so that a leak of one does not reveal another."""
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def mailed_token(signer: Signer) -> tuple[str, bytes]:
    """The seed of a new token for a mailed link, and the digest to store; the token itself is made for the mail."""
    seed = secrets.token_hex(24)
    return seed, token_digest(token_of(signer, seed))


def token_of(signer: Signer, seed: str) -> str:
    """The token of a mailed link. Only a server with the key can make it from the seed that the outbox keeps."""
    return signer.secret("mailed token", seed)


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
