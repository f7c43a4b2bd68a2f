"""Web push: messages for browsers, encrypted for one of them (RFC 8291) and signed by this service (VAPID, RFC 8292).

Endpoints are given by clients, so a message is sent to public addresses over https only, and no redirect is followed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

import aiohttp
import http_ece
import jwt
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yarl import URL

from mystar.kit.outbox.model import GiveUp, Postpone
from mystar.kit.postgres.database import assert_no_transaction

#: Bytes of a message before it is encrypted; RFC 8291 lets services refuse more than 4096 with it.
MAX_BYTES = 3000
#: Of the signature: the service's own clock may be wrong by half of it.
_SIGNED_FOR = timedelta(hours=12)
#: Seconds that a push service may ask to wait.
_MAX_WAIT = 3600.0
#: Names that are looked up at a time.
_LOOKUPS = 4
_CURVE = ec.SECP256R1()
_REFUSED = (400, 401, 403, 405, 413, 415)


class Subscriber(NamedTuple):
    """Where a browser listens: the address at its push service, its public key and its secret, both base64url."""

    endpoint: str
    p256dh: str
    auth: str


class PushGone(Exception):
    """The subscription has ended: nothing will ever arrive there."""


class VapidKey:
    """The key that identifies this service to push services.

    :param secret: the private key, 32 bytes in base64url. :raises ValueError: it is none.
    """

    def __init__(self, secret: str) -> None:
        number = int.from_bytes(decoded(secret, 32), "big")
        self._key = ec.derive_private_key(number, _CURVE)
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        #: What browsers subscribe with: ``applicationServerKey``.
        self.public = encoded(point)

    @classmethod
    def generate(cls) -> str:
        """The secret of a new key."""
        return encoded(ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(32, "big"))

    def authorization(self, endpoint: str, contact: str, now: datetime) -> str:
        """The header for a message to this endpoint. :param contact: ``mailto:…`` of the operator."""
        url = URL(endpoint)
        claims = {"aud": str(url.origin()), "exp": int((now + _SIGNED_FOR).timestamp()), "sub": contact}
        return f"vapid t={jwt.encode(claims, self._key, algorithm='ES256')}, k={self.public}"


def encoded(content: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str, length: int) -> bytes:
    """:raises ValueError: not base64url of so many bytes."""
    try:
        content = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if len(content) != length:
        raise ValueError("not of the right length")
    return content


def check_keys(p256dh: str, auth: str) -> None:
    """:raises ValueError: the public key is no point of the curve, or the secret has another length."""
    ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, decoded(p256dh, 65))
    decoded(auth, 16)


def is_allowed(endpoint: str, *, private: bool) -> bool:
    """Whether messages may be sent there: an https address whose host is a name, or a public address.

    :param private: also http and addresses of this machine and its networks, as the sandbox has.
    """
    try:
        url = URL(endpoint)
        if url.user is not None or not url.host or url.scheme not in ("https", "http"):
            return False
        if private:
            return True
        return url.scheme == "https" and url.port == 443 and _is_public_host(url.host)
    except ValueError:
        return False


def _is_public_host(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        # A name; what it resolves to is checked when it is connected to. Names without a dot are of local networks.
        return "." in host.strip(".") and not host.endswith((".local", ".internal", ".localhost"))


class PublicResolver(AbstractResolver):
    """Finds public addresses only, at the moment of connecting, so that no name can change its mind in between.

    It has threads of its own. Clients choose the names, also such whose servers never answer; the event loop has few
    threads for names, which the payment provider and the mail server would wait for.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="push names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """:raises OSError: there is no such name, or it has no public address."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host, port, family)
        public = [one for one in found if ip_address(one["host"]).is_global]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    """Blocks, for as long as the name's servers do."""
    try:
        found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        raise OSError(f"{host} is no name") from error
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=numeric)
        for kind, _, protocol, _, address in found
    ]


class WebPush:
    """Sends messages to push services.

    :param contact: ``mailto:…`` of the operator. :param private: see `is_allowed`.
    :param timeout: seconds for one message.
    """

    def __init__(self, key: VapidKey, *, contact: str, timeout: float, private: bool) -> None:
        self.key, self._contact, self._timeout, self.private = key, contact, timeout, private
        self._session: aiohttp.ClientSession | None = None
        self._resolver: PublicResolver | None = None

    async def send(
        self, to: Subscriber, content: bytes, now: datetime, *, ttl: int, urgency: str = "normal", topic: str = ""
    ) -> None:
        """Send one message.

        :param ttl: seconds that the push service keeps it for a browser that is not running.
        :param topic: a later message of the same topic replaces one that was not delivered yet.
        :raises PushGone: :raises GiveUp: refused for good. :raises Postpone: the service asks to wait.
        Any other failure may be tried again.
        """
        assert_no_transaction("a push message")
        if not is_allowed(to.endpoint, private=self.private):
            raise GiveUp("the endpoint is not a public https address")
        headers = {
            "Authorization": self.key.authorization(to.endpoint, self._contact, now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(ttl),
            "Urgency": urgency,
        }
        body, more = _encrypt(content, to), {"Topic": topic} if topic else {}
        url = URL(to.endpoint)
        async with self._opened().post(url, data=body, headers=headers | more, allow_redirects=False) as answer:
            _judge(answer)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._resolver = None if self.private else PublicResolver()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=20, resolver=self._resolver),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


def _encrypt(content: bytes, to: Subscriber) -> bytes:
    body: bytes = http_ece.encrypt(
        content,
        private_key=ec.generate_private_key(_CURVE),
        dh=decoded(to.p256dh, 65),
        auth_secret=decoded(to.auth, 16),
        version="aes128gcm",
    )
    return body


def _judge(answer: aiohttp.ClientResponse) -> None:
    """:raises PushGone: :raises GiveUp: :raises Postpone: :raises OSError: to be tried again."""
    if answer.status in (404, 410):
        raise PushGone
    if answer.status == 429:
        after = answer.headers.get("Retry-After", "")
        raise Postpone(min(float(after), _MAX_WAIT) if after.isdecimal() else 60.0, "the push service asks to wait")
    if answer.status in _REFUSED or 300 <= answer.status < 400:
        raise GiveUp(f"the push service answered {answer.status}")
    if not 200 <= answer.status < 300:
        raise OSError(f"the push service answered {answer.status}")
