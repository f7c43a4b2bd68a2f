"""HTML pages in Russian and English, and JSON, for the answers of every double."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import jinja2
import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from multidict import MultiDictProxy

from mystar.sandbox.faults import Faults

Clock = Callable[[], datetime]

FAULTS = web.AppKey("faults", Faults)
# The front page's table of contents: (address, Russian, English). Each double adds its own lines.
CONTENTS = web.AppKey("contents", list[tuple[str, str, str]])

# What aiohttp raises for a body that is not a form, or not encoded as its headers say.
_BROKEN = (ValueError, LookupError, RuntimeError, AssertionError, HttpProcessingError, web.RequestPayloadError)

# Nothing is loaded from anywhere; a mail is shown in a frame without scripts.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'self'"

#: What the provider's words for the state of money, and for a refusal, mean.
WORDS = {
    "pending": ("ещё не завершён", "not finished yet"),
    "waiting_for_capture": ("деньги заблокированы", "the money is held"),
    "succeeded": ("проведён", "made"),
    "canceled": ("отменён", "cancelled"),
    "insufficient_funds": ("не хватает денег", "not enough money"),
    "card_expired": ("срок карты истёк", "the card has expired"),
    "3d_secure_failed": ("код из банка не введён", "the bank's code was not entered"),
    "fraud_suspected": ("похоже на мошенничество", "fraud is suspected"),
    "call_issuer": ("надо позвонить в банк", "the bank wants to be called"),
    "issuer_unavailable": ("банк недоступен", "the bank is not available"),
    "general_decline": ("отказ без причины", "declined without a reason"),
    "canceled_by_merchant": ("отменён магазином", "cancelled by the shop"),
    "deal_expired": ("срок сделки истёк", "the deal has expired"),
    "expired_on_confirmation": ("не оплачен вовремя", "not paid in time"),
    "expired_on_capture": ("не списан вовремя", "not captured in time"),
}

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("mystar.sandbox"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    request: web.Request, template: str, *, status: int = 200, policy: str = POLICY, **values: Any
) -> web.Response:
    """Templates give every text twice, `say("Почта", "Mail")`; the Accept-Language header picks one."""
    language = language_of(request)

    def say(russian: str, english: str) -> str:
        return russian if language == "ru" else english

    def rubles(kopecks: int) -> str:
        whole, part = divmod(kopecks, 100)
        space, point = ("\N{NO-BREAK SPACE}", ",") if language == "ru" else (",", ".")
        return f"{whole:,}".replace(",", space) + (f"{point}{part:02d}" if part else "") + "\N{NO-BREAK SPACE}₽"

    def meaning(code: str) -> str:
        return say(*WORDS[code]) if code in WORDS else ""

    other = request.rel_url.update_query(language="en" if language == "ru" else "ru")
    shown = {"say": say, "rubles": rubles, "meaning": meaning, "moment": moment, **values}
    text = _templates.get_template(template).render(
        language=language, in_other_language=f"?{other.raw_query_string}", **shown
    )
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    response = web.Response(status=status, text=text, content_type="text/html", headers=headers)
    if request.query.get("language") == language:
        response.set_cookie("language", language, samesite="Lax", httponly=True)
    return response


def moment(text: str) -> str:
    """A moment of JSON, which is in UTC, to the second."""
    return f"{text[:19].replace('T', ' ')} UTC"


def nothing_here(request: web.Request) -> web.Response:
    return page(request, "nothing.html", status=404)


@web.middleware
async def unknown_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser is told in its language that an address does not exist; programs get aiohttp's answer."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        if "text/html" not in request.headers.get("Accept", ""):
            raise
        return nothing_here(request)


def json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", charset="utf-8")


def json_error(status: int, error: str, /, **details: Any) -> web.Response:
    return json({"error": error} | details, status)


async def read_json(request: web.Request) -> Any:
    """The body as JSON, {} when there is none; raises 400."""
    with _bad_request_on_failure("the body is not JSON"):
        content = await request.read()
        return orjson.loads(content) if content.strip() else {}


async def read_form(request: web.Request) -> MultiDictProxy[Any]:
    """The body as a form; raises 400."""
    with _bad_request_on_failure("the body is not a form"):
        return await request.post()


@contextmanager
def _bad_request_on_failure(message: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        text = orjson.dumps({"error": message}).decode()
        raise web.HTTPBadRequest(text=text, content_type="application/json") from error


def number_up_to(maximum: int, text: str) -> int | None:
    """A number between 1 and `maximum`; None for any other text."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    return number if 1 <= number <= maximum else None


def language_of(request: web.Request) -> str:
    """What `?language=` or its cookie says; else Russian, unless Accept-Language (RFC 9110) weighs English higher."""
    chosen = request.query.get("language") or request.cookies.get("language")
    if chosen in ("ru", "en"):
        return chosen
    weights = {"ru": 0.0, "en": 0.0}
    for part in request.headers.get("Accept-Language", "").split(","):
        name, _, weight = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(weight))
    return "en" if weights["en"] > weights["ru"] else "ru"


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
