"""Receipts at YooKassa, with the credentials of the shop; a third-party cash register prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry

from mystar.payments.gateways.breaker import Breaker
from mystar.payments.gateways.client import (
    MAX_DESCRIPTION,
    YooKassaClient,
    amount_of,
    parse_amount,
    parse_moment,
    parse_text,
)
from mystar.payments.provider import UnknownOutcome
from mystar.receipts.provider import ProviderReceipt, ProviderRefundNote, ReceiptDraft

_FISCAL = ("fiscal_document_number", "fiscal_storage_number", "fiscal_attribute", "fiscal_provider_id", "registered_at")


class YooKassaReceipts:
    """Made inside a running event loop; `close` ends its session.

    :param url: ends in ``/v3``.
    :param timeout: seconds for one call as a whole.
    """

    def __init__(
        self, *, url: str, shop_id: str, secret_key: str, timeout: float, registry: CollectorRegistry | None = None
    ) -> None:
        self._client = YooKassaClient(
            url=url,
            account=shop_id,
            secret_key=secret_key,
            timeout=timeout,
            breaker=Breaker("YooKassa receipts"),
            registry=registry,
            metrics="mystar_receipt_provider",
        )

    @property
    def trouble(self) -> str:
        """Why calls fail; "" = they do not."""
        return self._client.trouble

    async def close(self) -> None:
        await self._client.close()

    async def create_receipt(self, key: str, draft: ReceiptDraft) -> ProviderReceipt:
        return _receipt(await self._client.request("create", "POST", "receipts", key=key, body=_body(draft)))

    async def get_receipt(self, provider_id: str) -> ProviderReceipt:
        return _receipt(await self._client.request("get", "GET", "receipts", provider_id))

    async def refunds_of(self, payment_id: str) -> Sequence[ProviderRefundNote]:
        query = {"payment_id": payment_id, "status": "succeeded"}
        found: list[ProviderRefundNote] = []
        cursor = None
        while True:
            items, cursor = await self._client.list_page("refunds", "refunds", query=query, cursor=cursor)
            found += map(_refund, items)
            if cursor is None:
                return found[::-1]


def _body(draft: ReceiptDraft) -> dict[str, Any]:
    item: dict[str, Any] = {
        "description": draft.description[:MAX_DESCRIPTION],
        "quantity": "1.00",
        "amount": amount_of(draft.amount),
        "vat_code": draft.vat_code,
        "payment_subject": "service",
        "payment_mode": draft.mode,
    }
    if supplier := draft.supplier:
        item |= {"agent_type": "agent", "supplier": _supplier(supplier.name, supplier.phone, supplier.inn)}
    about = {"payment_id": draft.payment_id} if draft.payment_id else {"refund_id": draft.refund_id}
    tax_system = {} if draft.tax_system is None else {"tax_system_code": draft.tax_system}
    return {
        "type": "payment" if draft.payment_id else "refund",
        **about,
        **tax_system,
        "customer": dict(draft.customer),
        "items": [item],
        "settlements": [{"type": draft.settlement, "amount": amount_of(draft.amount)}],
        "send": True,
    }


def _supplier(name: str, phone: str, inn: str) -> dict[str, str]:
    return {"name": name, "inn": inn} | ({"phone": phone} if phone else {})


def _receipt(body: Any) -> ProviderReceipt:
    try:
        fiscal = {name: str(body[name]) for name in _FISCAL if body.get(name) is not None}
        return ProviderReceipt(parse_text(body["id"]), parse_text(body["status"]), fiscal)
    except (AttributeError, KeyError, TypeError) as error:
        raise UnknownOutcome(f"a receipt of an unknown shape: {type(error).__name__}") from error


def _refund(body: Any) -> ProviderRefundNote:
    try:
        created_at = parse_moment(body["created_at"])
        if created_at is None:
            raise ValueError("no moment")
        return ProviderRefundNote(parse_text(body["id"]), parse_amount(body["amount"]), created_at)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownOutcome(f"a refund of an unknown shape: {type(error).__name__}") from error
