"""The calls of the API under /yookassa/v3: credentials, idempotence keys, errors, and which call does what."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson
from aiohttp import web

from mystar.sandbox.faults import Faults
from mystar.sandbox.http_faults import after_work, before_work
from mystar.sandbox.pages import json
from mystar.sandbox.yookassa import fields, lists
from mystar.sandbox.yookassa.deals import DealSimulator
from mystar.sandbox.yookassa.destinations import read_payout
from mystar.sandbox.yookassa.payments import HOLDS, PaymentDraft, PaymentSimulator
from mystar.sandbox.yookassa.payouts import BANKS, PayoutSimulator
from mystar.sandbox.yookassa.receipts import ReceiptDraft, ReceiptSimulator
from mystar.sandbox.yookassa.records import (
    Deal,
    IdempotentCall,
    Json,
    Payment,
    Payout,
    PersonalData,
    Receipt,
    Record,
    Refund,
    Refused,
    Unknown,
    as_text,
)
from mystar.sandbox.yookassa.store import RecordStore
from mystar.sandbox.yookassa.views import Merchant, money, render

PREFIX = "/yookassa/v3"
KEY = "Idempotence-Key"
#: How far back `/payouts/search` looks.
SEARCH_WITHIN = timedelta(days=92)


@dataclass(frozen=True)
class ApiCall:
    """An authenticated call: a POST has an idempotent call and a body, a GET the parameters of its query."""

    id: str
    account: str
    query: dict[str, str]
    body: Json
    idempotent: IdempotentCall


Operation = Callable[[ApiCall], Record | Json]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _BadCredentials(Exception):
    pass


class YooKassa:
    """The HTTP side of the double; the rules are those of the simulators."""

    def __init__(self, store: RecordStore, merchant: Merchant, faults: Faults) -> None:
        self._store, self._merchant, self._faults = store, merchant, faults
        self.deals = DealSimulator(store)
        self.payments = PaymentSimulator(store, self.deals, faults)
        self.payouts = PayoutSimulator(store, self.deals, faults, merchant.agent_id)
        self.receipts = ReceiptSimulator(store, faults)

    def routes(self) -> list[web.RouteDef]:
        shop, gateway = (self._merchant.id,), (self._merchant.agent_id,)
        either = shop + gateway
        table: list[tuple[str, str, tuple[str, ...], Operation]] = [
            ("POST", "/payments", shop, self._create_payment),
            ("GET", "/payments", shop, self._list_payments),
            ("GET", "/payments/{id}", shop, lambda call: self.payments.get(call.id)),
            ("POST", "/payments/{id}/capture", shop, self._capture),
            ("POST", "/payments/{id}/cancel", shop, lambda call: self.payments.cancel(call.idempotent, call.id)),
            ("POST", "/refunds", shop, self._refund),
            ("GET", "/refunds", shop, self._list_refunds),
            ("GET", "/refunds/{id}", shop, lambda call: self.payments.get_refund(call.id)),
            ("POST", "/deals", shop, self._create_deal),
            ("GET", "/deals", shop, self._list_deals),
            ("GET", "/deals/{id}", shop, lambda call: self.deals.get(call.id)),
            ("POST", "/receipts", shop, self._create_receipt),
            ("GET", "/receipts", shop, self._list_receipts),
            ("GET", "/receipts/{id}", shop, lambda call: self.receipts.get(call.id)),
            ("POST", "/payouts", either, self._create_payout),
            ("GET", "/payouts", either, self._list_payouts),
            ("GET", "/payouts/search", either, self._search_payouts),
            ("GET", "/payouts/{id}", either, lambda call: self.payouts.get(call.id, call.account)),
            ("GET", "/sbp_banks", gateway, self._list_banks),
            ("POST", "/personal_data", gateway, self._add_personal_data),
            ("GET", "/personal_data/{id}", gateway, lambda call: self.payouts.personal_data(call.id)),
            ("GET", "/me", either, self._show_account),
        ]
        routes = [
            web.route(method, PREFIX + path, self._handler(accounts, run)) for method, path, accounts, run in table
        ]
        return [*routes, web.route("*", PREFIX + "/{rest:.*}", self._not_found)]

    # payments and refunds

    def _create_payment(self, call: ApiCall) -> Payment:
        body = call.body
        capture, method = body.get("capture", False), fields.read_method(body)
        if not isinstance(capture, bool):
            raise Refused("Must be true or false", "capture")
        amount, has_receipt = fields.read_amount(body), fields.check_receipt(body.get("receipt"))
        if not capture and method not in HOLDS:
            raise Refused("The payment method cannot hold money", "capture")
        confirmation, return_url = fields.read_confirmation(body, method)
        deal_id, settlement = fields.read_deal(body)
        draft = PaymentDraft(
            amount=amount,
            two_stage=not capture,
            description=fields.read_description(body, 128),
            metadata=fields.read_metadata(body),
            return_url=return_url,
            method=method,
            confirmation=confirmation,
            deal_id=deal_id,
            settlement=settlement or 0,
            has_receipt=has_receipt,
        )
        return self.payments.create(call.idempotent, draft)

    def _capture(self, call: ApiCall) -> Payment:
        amount = fields.read_amount(call.body) if "amount" in call.body else None
        _, settlement = fields.read_deal(call.body)
        return self.payments.capture(call.idempotent, call.id, amount, settlement)

    def _refund(self, call: ApiCall) -> Refund:
        body, payment_id = call.body, fields.read_text(call.body, "payment_id")
        fields.check_receipt(body.get("receipt"))
        _, settlement = fields.read_deal(body, "refund_settlements")
        amount, description = fields.read_amount(body), fields.read_description(body, 250)
        return self.payments.refund(call.idempotent, payment_id, amount, description, settlement)

    def _list_payments(self, call: ApiCall) -> Json:
        self.payments.expire_due()
        return self._page(call, list(self._store.payments.values()), lists.PAYMENTS)

    def _list_refunds(self, call: ApiCall) -> Json:
        return self._page(call, list(self._store.refunds.values()), lists.REFUNDS)

    # deals and receipts

    def _create_deal(self, call: ApiCall) -> Deal:
        body = call.body
        if body.get("type") != "safe_deal":
            raise Refused("Must be safe_deal", "type")
        moment = body.get("fee_moment", "payment_succeeded")
        description, metadata = fields.read_description(body, 128), fields.read_metadata(body)
        return self.deals.create(call.idempotent, moment, description, metadata)

    def _list_deals(self, call: ApiCall) -> Json:
        self.deals.expire_due()
        return self._page(call, list(self._store.deals.values()), lists.DEALS)

    def _create_receipt(self, call: ApiCall) -> Receipt:
        body = call.body
        kind = body.get("type")
        if kind not in ("payment", "refund"):
            raise Refused("Must be payment or refund", "type")
        fields.check_customer(body, "customer")
        settlements = body.get("settlements")
        if not isinstance(settlements, list) or not settlements:
            raise Refused("Is required", "settlements")
        subject_id = fields.read_text(body, f"{kind}_id")
        draft = ReceiptDraft(
            type=str(kind),
            payment_id=subject_id if kind == "payment" else None,
            refund_id=subject_id if kind == "refund" else None,
            items=fields.read_items(body, "items"),
            settlements=settlements,
        )
        return self.receipts.create(call.idempotent, draft)

    def _list_receipts(self, call: ApiCall) -> Json:
        return self._page(call, list(self._store.receipts.values()), lists.RECEIPTS)

    # payouts

    def _create_payout(self, call: ApiCall) -> Payout:
        """The gateway pays from its balance, the shop from a deal."""
        draft = read_payout(call.body)
        if (call.account == self._merchant.agent_id) == bool(draft.deal_id):
            raise Refused("A payout of a deal needs the shop's credentials, any other the gateway's", "deal")
        return self.payouts.create(call.idempotent, draft)

    def _own_payouts(self, call: ApiCall) -> list[Payout]:
        self.payouts.settle_due()
        return [payout for payout in self._store.payouts.values() if payout.account == call.account]

    def _list_payouts(self, call: ApiCall) -> Json:
        return self._page(call, self._own_payouts(call), lists.PAYOUTS)

    def _search_payouts(self, call: ApiCall) -> Json:
        since = as_text(self._store.now() - SEARCH_WITHIN)
        found, rest = lists.search_by_metadata(self._own_payouts(call), call.query, since)
        return lists.page_of(found, rest, lists.PAYOUTS, self._view)

    def _list_banks(self, call: ApiCall) -> Json:
        return {"type": "list", "items": [{"bank_id": id_, "name": name, "bic": bic} for id_, name, bic in BANKS]}

    def _add_personal_data(self, call: ApiCall) -> PersonalData:
        kind = call.body.get("type")
        if kind not in ("sbp_payout_recipient", "payout_statement_recipient"):
            raise Refused("Must be sbp_payout_recipient or payout_statement_recipient", "type")
        name = f"{fields.read_text(call.body, 'last_name')} {fields.read_text(call.body, 'first_name')}"
        return self.payouts.add_personal_data(call.idempotent, str(kind), name, fields.read_metadata(call.body))

    def _show_account(self, call: ApiCall) -> Json:
        account: Json = {"account_id": call.account, "status": "enabled", "test": True}
        if call.account == self._merchant.id:
            return account | {"payment_methods": list(fields.PAYMENT_METHODS), "fiscalization_enabled": False}
        balance = money(self.payouts.gateway.balance)
        methods = ["bank_card", "sbp", "yoo_money"]
        return account | {"name": "mystar sandbox", "payout_methods": methods, "payout_balance": balance}

    # what every call has in common

    def _page(self, call: ApiCall, records: Sequence[Record], filters: lists.ListFilters) -> Json:
        return lists.page_of(records, call.query, filters, self._view)

    def _view(self, record: Record) -> Json:
        return render(record, self._merchant)

    def _handler(self, accounts: tuple[str, ...], run: Operation) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if failure := await before_work(request, self._faults):
                return failure
            try:
                call = await self._read(request, self._authenticate(request, accounts))
                result = (call.idempotent.key and self._store.repeated(call.idempotent)) or run(call)
            except _BadCredentials as error:
                return _error(401, "invalid_credentials", str(error), "Authorization")
            except Unknown as error:
                return _error(404, "not_found", str(error), error.parameter)
            except Refused as error:
                return _error(400, "invalid_request", error.description, error.parameter)
            view = result if isinstance(result, dict) else self._view(result)
            return await after_work(self._faults) or json(view)

        return handle

    def _authenticate(self, request: web.Request, accounts: tuple[str, ...]) -> str:
        """The account whose id and key came as HTTP Basic, if it is one of these."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            raise _BadCredentials("Basic authentication with the account's id and secret key is required")
        try:
            given = base64.b64decode(encoded, validate=True)
        except ValueError:
            given = b""
        keys = {
            self._merchant.id: self._merchant.secret_key,
            self._merchant.agent_id: self._merchant.payout_secret_key,
        }
        for account in accounts:
            if hmac.compare_digest(given, f"{account}:{keys[account]}".encode()):
                return account
        raise _BadCredentials("Error in the account's id or secret key")

    async def _read(self, request: web.Request, account: str) -> ApiCall:
        call_id, query = request.match_info.get("id", ""), dict(request.query)
        if request.method != "POST":
            return ApiCall(call_id, account, query, {}, IdempotentCall(account, "", ""))
        key = request.headers.get(KEY, "")
        if not (1 <= len(key) <= 64 and key.isascii() and key.isprintable()):
            raise Refused("Idempotence-Key is required and has at most 64 characters", KEY)
        body = await _read_body(request)
        canonical = orjson.dumps([request.path, body], option=orjson.OPT_SORT_KEYS)
        fingerprint = hashlib.sha256(canonical).hexdigest()
        return ApiCall(call_id, account, query, body, IdempotentCall(account, key, fingerprint))

    async def _not_found(self, request: web.Request) -> web.StreamResponse:
        return _error(404, "not_found", f"No such resource: {request.method} {request.path}")


async def _read_body(request: web.Request) -> Json:
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
    return body


def _error(status: int, code: str, description: str, parameter: str | None = None) -> web.Response:
    body = {"type": "error", "id": str(uuid.uuid4()), "code": code, "description": description}
    return json(body | ({"parameter": parameter} if parameter else {}), status)
