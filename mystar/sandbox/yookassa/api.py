"""YooKassa's API v3 under /yookassa/v3: payments in one or two stages, and refunds.

Source of the shapes and rules: YooKassa's public documentation (https://yookassa.ru/developers/api). The words of a
refusal are ours; its code, status and `parameter` are theirs.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from mystar.sandbox.faults import Faults
from mystar.sandbox.pages import json, number_up_to
from mystar.sandbox.yookassa.payments import (
    CANCELED,
    HELD,
    PENDING,
    SUCCEEDED,
    Bank,
    Errand,
    Fact,
    Payment,
    Refund,
    Refused,
    Unknown,
)

PREFIX = "/yookassa/v3"
KEY = "Idempotence-Key"
AMOUNT = re.compile(r"\d{1,10}(\.\d{1,2})?")

Json = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """Who may call, and where the sandbox is seen from outside (no slash at the end)."""

    id: str
    secret_key: str
    public_url: str


@dataclass(frozen=True)
class Call:
    """A call that is allowed to be made: a POST has an errand and a body, a GET the words of its query."""

    id: str
    query: dict[str, str]
    body: Json
    errand: Errand


class YooKassa:
    """The wire of the double; what money may do is bank.py's."""

    def __init__(self, bank: Bank, shop: Shop, faults: Faults) -> None:
        self._bank, self._shop, self._faults = bank, shop, faults

    def routes(self) -> list[web.RouteDef]:
        payment, refund = PREFIX + "/payments/{id}", PREFIX + "/refunds/{id}"
        return [
            web.post(f"{PREFIX}/payments", self._answer(self._create)),
            web.get(f"{PREFIX}/payments", self._answer(self._list_payments)),
            web.get(payment, self._answer(lambda call: self._bank.payment(call.id))),
            web.post(f"{payment}/capture", self._answer(self._capture)),
            web.post(f"{payment}/cancel", self._answer(lambda call: self._bank.cancel(call.errand, call.id))),
            web.post(f"{PREFIX}/refunds", self._answer(self._give_back)),
            web.get(f"{PREFIX}/refunds", self._answer(self._list_refunds)),
            web.get(refund, self._answer(lambda call: self._bank.refund(call.id))),
            web.route("*", PREFIX + "/{rest:.*}", self._nothing_here),
        ]

    def notification(self, fact: Fact) -> Json:
        return self.view(fact.subject)

    def view(self, subject: Payment | Refund) -> Json:
        if isinstance(subject, Refund):
            return refund_view(subject)
        return payment_view(subject, self._shop)

    # deeds: a call in, what the bank made of it out

    def _create(self, call: Call) -> Payment:
        body = call.body
        capture = body.get("capture", False)
        if not isinstance(capture, bool):
            raise Refused("Must be true or false", "capture")
        amount = _amount(body)
        _check_receipt(body.get("receipt"))
        return self._bank.create(
            call.errand,
            amount=amount,
            two_stage=not capture,
            description=_description(body, 128),
            metadata=_metadata(body),
            return_url=_return_url(body),
        )

    def _capture(self, call: Call) -> Payment:
        return self._bank.capture(call.errand, call.id, _amount(call.body) if "amount" in call.body else None)

    def _give_back(self, call: Call) -> Refund:
        payment_id = call.body.get("payment_id")
        if not isinstance(payment_id, str):
            raise Refused("Is required", "payment_id")
        _check_receipt(call.body.get("receipt"))
        return self._bank.give_back(call.errand, payment_id, _amount(call.body), _description(call.body, 250))

    def _list_payments(self, call: Call) -> Json:
        self._bank.expire_due()
        return self._page(call, list(self._bank.payments.values()))

    def _list_refunds(self, call: Call) -> Json:
        return self._page(call, list(self._bank.refunds.values()))

    def _page(self, call: Call, subjects: Sequence[Payment | Refund]) -> Json:
        """Newest first; the cursor is the id of the last one shown."""
        for name in call.query.keys() - {"limit", "cursor"}:
            raise Refused("The sandbox has no such filter", name)
        if (limit := number_up_to(100, call.query.get("limit", "10"))) is None:
            raise Refused("Must be between 1 and 100", "limit")
        newest = subjects[::-1]
        start = 0
        if cursor := call.query.get("cursor"):
            start = next((place for place, subject in enumerate(newest, 1) if subject.id == cursor), 0)
            if not start:
                raise Refused("Unknown cursor", "cursor")
        shown = newest[start : start + limit]
        page: Json = {"type": "list", "items": [self.view(subject) for subject in shown]}
        if start + len(shown) < len(newest):
            page["next_cursor"] = shown[-1].id
        return page

    # the way in and out of every call

    def _answer(
        self, deed: Callable[[Call], Payment | Refund | Json]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            if trouble := await before_work(request, self._faults):
                return trouble
            try:
                _check_credentials(request, self._shop)
                call = await _read(request)
                result = (call.errand.key and self._bank.repeated(call.errand)) or deed(call)
            except _BadCredentials as error:
                return _error(401, "invalid_credentials", str(error), "Authorization")
            except Unknown as error:
                return _error(404, "not_found", str(error), error.parameter)
            except Refused as error:
                return _error(400, "invalid_request", error.description, error.parameter)
            view = result if isinstance(result, dict) else self.view(result)
            if trouble := await _after_work(self._faults):
                return trouble
            return json(view)

        return answer

    async def _nothing_here(self, request: web.Request) -> web.StreamResponse:
        return _error(404, "not_found", f"No such resource: {request.method} {request.path}")


async def before_work(request: web.Request, faults: Faults) -> web.StreamResponse | None:
    """The faults that strike before anything is done: a dead provider, a slow one, a confused one."""
    if faults["down"]:
        if request.transport is not None and faults.strikes("down", 0.5):
            request.transport.abort()
        return _error(503, "service_unavailable", "The sandbox is told to be down")
    shortest, longest = faults["delay_seconds"]
    if longest:
        await asyncio.sleep(faults.seconds("delay_seconds", shortest, longest))
    if faults.strikes("error_before_work"):
        return _error(500, "internal_server_error", "The sandbox is told to fail before the work")
    return None


async def _after_work(faults: Faults) -> web.StreamResponse | None:
    """The faults that hide a deed: it is done and journaled, and the caller cannot know."""
    if faults.strikes("hang_after_work.probability"):
        await asyncio.sleep(faults["hang_after_work.seconds"])
    if faults.strikes("error_after_work"):
        return _error(500, "internal_server_error", "The sandbox is told to fail after the work")
    return None


class _BadCredentials(Exception):
    pass


def _check_credentials(request: web.Request, shop: Shop) -> None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise _BadCredentials("Basic authentication with shopId and secret key is required")
    try:
        given = base64.b64decode(encoded, validate=True)
    except ValueError:
        given = b""
    if not hmac.compare_digest(given, f"{shop.id}:{shop.secret_key}".encode()):
        raise _BadCredentials("Error in shopId or secret key")


async def _read(request: web.Request) -> Call:
    call_id, query = request.match_info.get("id", ""), dict(request.query)
    if request.method != "POST":
        return Call(call_id, query, {}, Errand("", ""))
    key = request.headers.get(KEY, "")
    if not (1 <= len(key) <= 64 and key.isascii() and key.isprintable()):
        raise Refused("Idempotence-Key is required and has at most 64 characters", KEY)
    try:
        content = await request.read()
    except (ConnectionResetError, web.RequestPayloadError) as error:
        raise Refused("The body did not arrive as a whole") from error
    try:
        body = orjson.loads(content) if content else {}
    except orjson.JSONDecodeError as error:
        raise Refused("The body is not JSON") from error
    if not isinstance(body, dict):
        raise Refused("The body is not a JSON object")
    canonical = orjson.dumps([request.path, body], option=orjson.OPT_SORT_KEYS)
    return Call(call_id, query, body, Errand(key, hashlib.sha256(canonical).hexdigest()))


def _amount(body: Json) -> int:
    """Kopecks of `amount`; the value must be text, as in {"value": "10.00", "currency": "RUB"}."""
    amount = body.get("amount")
    if not isinstance(amount, dict):
        raise Refused("Is required", "amount")
    if amount.get("currency") != "RUB":
        raise Refused("Must be RUB", "amount.currency")
    value = amount.get("value")
    if not isinstance(value, str) or not AMOUNT.fullmatch(value):
        raise Refused('Must be text like "10.00"', "amount.value")
    rubles, _, rest = value.partition(".")
    if not (kopecks := int(rubles) * 100 + int(rest.ljust(2, "0"))):
        raise Refused("Must be positive", "amount.value")
    return kopecks


def _description(body: Json, longest: int) -> str | None:
    description = body.get("description")
    if description is not None and not (isinstance(description, str) and len(description) <= longest):
        raise Refused(f"Must be text of at most {longest} characters", "description")
    return description


def _metadata(body: Json) -> dict[str, str]:
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or len(metadata) > 16:
        raise Refused("Must be an object of at most 16 keys", "metadata")
    for name, value in metadata.items():
        if len(name) > 32 or not isinstance(value, str | int) or len(str(value)) > 512:
            raise Refused("Names have at most 32 characters, values at most 512", f"metadata.{name}")
    return {name: str(value) for name, value in metadata.items()}


def _return_url(body: Json) -> str:
    confirmation = body.get("confirmation")
    if not isinstance(confirmation, dict) or confirmation.get("type") != "redirect":
        raise Refused("The sandbox confirms by redirect only", "confirmation.type")
    url = confirmation.get("return_url")
    if not isinstance(url, str) or not is_web_address(url):
        raise Refused("Must be a web address", "confirmation.return_url")
    return url


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= 2048


def _check_receipt(receipt: Any) -> None:
    """54-FZ: somebody to send it to, and what was sold. What the till would refuse beyond that is not known here."""
    if receipt is None:
        return
    customer = receipt.get("customer") if isinstance(receipt, dict) else None
    if not isinstance(customer, dict) or not (customer.get("email") or customer.get("phone")):
        raise Refused("Needs an email or a phone", "receipt.customer")
    items = receipt.get("items")
    if not isinstance(items, list) or not items:
        raise Refused("Is required", "receipt.items")
    for item in items:
        if not isinstance(item, dict) or not {"description", "quantity", "amount", "vat_code"} <= item.keys():
            raise Refused("Needs description, quantity, amount and vat_code", "receipt.items")
        _amount(item)
        _description(item, 128)


def payment_view(payment: Payment, shop: Shop) -> Json:
    """The payment object of the API. After a partial capture `amount` is what was taken."""
    amount = payment.captured if payment.status == SUCCEEDED else payment.amount
    view: Json = {
        "id": payment.id,
        "status": payment.status,
        "amount": money(amount),
        "recipient": {"account_id": shop.id, "gateway_id": "100700"},
        "created_at": payment.created_at,
        "test": True,
        "paid": payment.status in (HELD, SUCCEEDED),
        "refundable": payment.status == SUCCEEDED and payment.refunded < payment.captured,
        "metadata": payment.metadata,
    }
    if payment.description is not None:
        view["description"] = payment.description
    if payment.status == PENDING:
        url = confirmation_url(payment, shop)
        view["confirmation"] = {"type": "redirect", "return_url": payment.return_url, "confirmation_url": url}
    if payment.authorized:
        view["payment_method"] = _card(payment)
        view["authorization_details"] = {
            "rrn": "10000000000",
            "auth_code": "000000",
            "three_d_secure": {"applied": False},
        }
    if payment.status == HELD:
        view["expires_at"] = payment.expires_at
    if payment.status == SUCCEEDED:
        view |= {"captured_at": payment.captured_at, "refunded_amount": money(payment.refunded)}
    if payment.status == CANCELED:
        view["cancellation_details"] = payment.cancellation
    return view


def refund_view(refund: Refund) -> Json:
    view = {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "status": "succeeded",
        "amount": money(refund.amount),
        "created_at": refund.created_at,
    }
    return view | ({} if refund.description is None else {"description": refund.description})


def confirmation_url(payment: Payment, shop: Shop) -> str:
    return f"{shop.public_url}/pay/{payment.id}"


def money(kopecks: int) -> dict[str, str]:
    return {"value": f"{kopecks // 100}.{kopecks % 100:02d}", "currency": "RUB"}


def _card(payment: Payment) -> Json:
    card = {"first6": "555555", "last4": "4477", "expiry_year": "2035", "expiry_month": "12", "card_type": "MasterCard"}
    return {"type": "bank_card", "id": payment.id, "saved": False, "card": card, "title": "Bank card *4477"}


def _error(status: int, code: str, description: str, parameter: str | None = None) -> web.Response:
    body = {"type": "error", "id": str(uuid.uuid4()), "code": code, "description": description}
    return json(body | ({"parameter": parameter} if parameter else {}), status)
