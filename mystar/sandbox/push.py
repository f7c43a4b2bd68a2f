"""A push service with browsers: it verifies the signature of a message, decrypts it and shows it."""

import base64
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
import orjson
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mystar.sandbox.pages import CONTENTS, Clock, json, json_error, page

CAPACITY = 1000
_MAX_BROWSERS = 1000


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class Browser:
    """`is_gone`: its address answers 410."""

    id: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    is_gone: bool = False

    def subscription(self, base: str) -> dict[str, Any]:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": encoded(point), "auth": encoded(self.secret)}
        return {"id": self.id, "endpoint": f"{base}/push/send/{self.id}", "keys": keys}


class PushDouble:
    """The newest messages last."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.browsers: dict[str, Browser] = {}
        self.messages: deque[dict[str, Any]] = deque(maxlen=CAPACITY)

    def add(self) -> Browser:
        if len(self.browsers) >= _MAX_BROWSERS:
            self.browsers.pop(next(iter(self.browsers)))
        browser = Browser(secrets.token_urlsafe(12))
        self.browsers[browser.id] = browser
        return browser


DOUBLE = web.AppKey("push", PushDouble)


def add_to(app: web.Application, *, clock: Clock) -> None:
    app[DOUBLE] = PushDouble(clock)
    app.add_routes(ROUTES)
    app[CONTENTS].append(("/push/", "Push-сообщения", "Push messages"))


async def add_browser(request: web.Request) -> web.Response:
    return json(request.app[DOUBLE].add().subscription(str(request.url.origin())), 201)


async def drop_browser(request: web.Request) -> web.Response:
    browser = request.app[DOUBLE].browsers.get(request.match_info["id"])
    if browser is None:
        return json_error(404, "there is no such browser")
    browser.is_gone = True
    return web.Response(status=204)


async def receive(request: web.Request) -> web.Response:
    """What a push service does with a message: RFC 8030, 8188, 8291 and 8292."""
    double = request.app[DOUBLE]
    browser = double.browsers.get(request.match_info["id"])
    if browser is None:
        return json_error(404, "there is no such subscription")
    if browser.is_gone:
        return json_error(410, "the subscription has ended")
    body = await request.read()
    if len(body) > 4096:
        return json_error(413, "more than 4096 bytes")
    if "TTL" not in request.headers or request.headers.get("Content-Encoding") != "aes128gcm":
        return json_error(400, "TTL and Content-Encoding: aes128gcm are required")
    try:
        claims = _verified(request)
        content = http_ece.decrypt(body, private_key=browser.key, auth_secret=browser.secret, version="aes128gcm")
        data = orjson.loads(content)
    except (jwt.InvalidTokenError, InvalidTag, http_ece.ECEException, ValueError) as error:
        return json_error(403, f"not signed or not encrypted for this browser: {error!r}")
    headers = {name.lower(): request.headers.get(name, "") for name in ("TTL", "Urgency", "Topic")}
    received = double.clock().isoformat()
    double.messages.append(
        {"browser": browser.id, "data": data, "received_at": received, "from": claims["sub"], **headers}
    )
    return web.Response(status=201)


def _verified(request: web.Request) -> dict[str, Any]:
    """The claims of the header. Raises ValueError or InvalidTokenError."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if scheme.lower() != "vapid" or not {"t", "k"} <= parts.keys():
        raise ValueError("no VAPID header")
    point = base64.urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims: dict[str, Any] = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=str(request.url.origin()))
    return claims


async def show_messages(request: web.Request) -> web.Response:
    return page(request, "push.html", messages=list(reversed(request.app[DOUBLE].messages))[:100])


async def list_messages(request: web.Request) -> web.Response:
    wanted = request.query.get("browser")
    return json([one for one in request.app[DOUBLE].messages if wanted in (None, one["browser"])])


ROUTES = (
    web.post("/push/browsers", add_browser),
    web.delete("/push/browsers/{id}", drop_browser),
    web.post("/push/send/{id}", receive),
    web.get("/push/", show_messages),
    web.get("/push.json", list_messages),
)
