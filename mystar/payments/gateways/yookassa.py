"""Payments and refunds at YooKassa, with the credentials of the shop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from mystar.payments.gateways.breaker import Breaker
from mystar.payments.gateways.client import (
    MAX_DESCRIPTION,
    YooKassaClient,
    amount_of,
    parse_address,
    parse_amount,
    parse_moment,
    parse_text,
)
from mystar.payments.provider import (
    DealShare,
    ProviderPage,
    ProviderPayment,
    ProviderRefund,
    ProviderRefundPage,
    UnknownOutcome,
)


class YooKassa:
    """One shop at the provider. Made inside a running event loop; `close` ends its session.

    :param url: ends in ``/v3``.
    :param timeout: seconds for one call as a whole.
    """

    def __init__(
        self,
        *,
        url: str,
        shop_id: str,
        secret_key: str,
        timeout: float,
        breaker: Breaker | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._client = YooKassaClient(
            url=url,
            account=shop_id,
            secret_key=secret_key,
            timeout=timeout,
            breaker=breaker or Breaker("YooKassa"),
            registry=registry,
        )

    @property
    def trouble(self) -> str:
        """Why calls fail; "" = they do not."""
        return self._client.trouble

    async def close(self) -> None:
        await self._client.close()

    async def create_payment(
        self,
        key: str,
        *,
        amount: int,
        description: str,
        return_url: str,
        metadata: Mapping[str, str],
        method: str = "bank_card",
        deal: DealShare | None = None,
    ) -> ProviderPayment:
        body = {
            "amount": amount_of(amount),
            **_stages(method),
            **_deal(deal, "settlements"),
            "confirmation": {"type": "redirect", "return_url": return_url},
            "description": description[:MAX_DESCRIPTION],
            "metadata": dict(metadata),
        }
        return _payment(await self._client.request("create", "POST", "payments", key=key, body=body))

    async def payment_methods(self) -> tuple[str, ...] | None:
        """What the shop may take; None = the provider does not say. :raises ProviderError:"""
        methods = (await self._client.request("me", "GET", "me")).get("payment_methods")
        return tuple(str(method) for method in methods) if isinstance(methods, list) else None

    async def get(self, provider_id: str, *, within: float | None = None) -> ProviderPayment:
        return _payment(await self._client.request("get", "GET", "payments", provider_id, within=within))

    async def list_payments(self, cursor: str | None = None) -> ProviderPage:
        items, next_cursor = await self._client.list_page("list", "payments", query={}, cursor=cursor)
        return ProviderPage([_payment(item) for item in items], next_cursor)

    async def capture(self, key: str, provider_id: str, *, amount: int) -> ProviderPayment:
        body = {"amount": amount_of(amount)}
        path = ("payments", provider_id, "capture")
        return _payment(await self._client.request("capture", "POST", *path, key=key, body=body))

    async def cancel(self, key: str, provider_id: str) -> ProviderPayment:
        path = ("payments", provider_id, "cancel")
        return _payment(await self._client.request("cancel", "POST", *path, key=key, body={}))

    async def create_deal(self, key: str, *, fee_moment: str, description: str, metadata: Mapping[str, str]) -> str:
        body = {
            "type": "safe_deal",
            "fee_moment": fee_moment,
            "description": description[:MAX_DESCRIPTION],
            "metadata": dict(metadata),
        }
        made = await self._client.request("create_deal", "POST", "deals", key=key, body=body)
        try:
            return parse_text(made["id"])
        except (KeyError, TypeError) as error:
            raise UnknownOutcome(f"a deal of an unknown shape: {type(error).__name__}") from error

    async def refund(
        self, key: str, provider_id: str, *, amount: int, description: str, deal: DealShare | None = None
    ) -> ProviderRefund:
        described = {"description": description[:MAX_DESCRIPTION]}
        parts = _deal(deal, "refund_settlements")
        body = {"payment_id": provider_id, "amount": amount_of(amount), **described, **parts}
        return _refund(await self._client.request("refund", "POST", "refunds", key=key, body=body))

    async def list_refunds(
        self, *, since: datetime | None = None, payment_id: str | None = None, cursor: str | None = None
    ) -> ProviderRefundPage:
        query = {"payment_id": payment_id} if payment_id is not None else {}
        if since is not None:
            query["created_at.gte"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        items, next_cursor = await self._client.list_page("list_refunds", "refunds", query=query, cursor=cursor)
        return ProviderRefundPage([_refund(item) for item in items], next_cursor)

    async def get_refund(self, refund_id: str) -> ProviderRefund:
        return _refund(await self._client.request("get_refund", "GET", "refunds", refund_id))


def _stages(method: str) -> dict[str, Any]:
    """Money by card is held; SBP cannot hold, so it is charged at once and has to be named."""
    if method == "sbp":
        return {"capture": True, "payment_method_data": {"type": "sbp"}}
    return {"capture": False}


def _deal(deal: DealShare | None, name: str) -> dict[str, Any]:
    """The creator's part of a payment or of a refund in a deal."""
    if deal is None:
        return {}
    return {"deal": {"id": deal.id, name: [{"type": "payout", "amount": amount_of(deal.share)}]}}


def _payment(body: Any) -> ProviderPayment:
    try:
        cancellation = body.get("cancellation_details") or {}
        amount, is_taken = parse_amount(body["amount"]), body["status"] == "succeeded"
        refunded, income = body.get("refunded_amount"), body.get("income_amount")
        return ProviderPayment(
            id=parse_text(body["id"]),
            status=parse_text(body["status"]),
            amount=amount,
            currency=parse_text(body["amount"]["currency"]),
            captured=amount if is_taken else 0,
            refunded=parse_amount(refunded) if refunded else 0,
            income=parse_amount(income) if income else None,
            confirmation_url=parse_address((body.get("confirmation") or {}).get("confirmation_url")),
            expires_at=parse_moment(body.get("expires_at")),
            method=(body.get("payment_method") or {}).get("type"),
            cancellation_party=cancellation.get("party"),
            cancellation_reason=cancellation.get("reason"),
            metadata={str(name): str(value) for name, value in (body.get("metadata") or {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownOutcome(f"a payment of an unknown shape: {type(error).__name__}") from error


def _refund(body: Mapping[str, Any]) -> ProviderRefund:
    try:
        return ProviderRefund(
            parse_text(body["id"]),
            parse_text(body["payment_id"]),
            parse_text(body["status"]),
            parse_amount(body["amount"]),
            (body.get("cancellation_details") or {}).get("reason"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownOutcome(f"a refund of an unknown shape: {type(error).__name__}") from error
