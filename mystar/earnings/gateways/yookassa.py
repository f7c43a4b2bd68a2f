"""Payouts at YooKassa, with the credentials of the payout gateway.

The same provider as for payments, but another account: a funded balance of its own, another id and key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast, get_args

from prometheus_client import CollectorRegistry

from mystar.earnings.payouts.provider import (
    Bank,
    Destination,
    ProviderDeal,
    ProviderDealPage,
    ProviderPayout,
    ProviderPayoutPage,
    Status,
)
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


class YooKassaPayouts:
    """One payout gateway. Made inside a running event loop; `close` ends its session.

    :param url: ends in ``/v3``.
    :param timeout: seconds for one call as a whole.
    """

    def __init__(
        self,
        *,
        url: str,
        agent_id: str,
        secret_key: str,
        timeout: float,
        breaker: Breaker | None = None,
        registry: CollectorRegistry | None = None,
        metrics: str = "mystar_payout_provider",
    ) -> None:
        self._client = YooKassaClient(
            url=url,
            account=agent_id,
            secret_key=secret_key,
            timeout=timeout,
            breaker=breaker or Breaker("YooKassa payouts"),
            registry=registry,
            metrics=metrics,
        )

    @property
    def trouble(self) -> str:
        """Why calls fail; "" = they do not."""
        return self._client.trouble

    async def close(self) -> None:
        await self._client.close()

    async def create_payout(
        self,
        key: str,
        *,
        amount: int,
        destination: Destination,
        description: str,
        metadata: Mapping[str, str],
        deal_id: str | None = None,
    ) -> ProviderPayout:
        body = {
            "amount": amount_of(amount),
            **_destination(destination),
            "description": description[:MAX_DESCRIPTION],
            "metadata": dict(metadata),
            **({"deal": {"id": deal_id}} if deal_id else {}),
        }
        return _payout(await self._client.request("create", "POST", "payouts", key=key, body=body))

    async def get_payout(self, provider_id: str) -> ProviderPayout:
        return _payout(await self._client.request("get", "GET", "payouts", provider_id))

    async def find_payouts(self, metadata: Mapping[str, str]) -> Sequence[ProviderPayout]:
        [(name, value)] = metadata.items()
        query = {f"metadata[{name}]": value}
        found: list[ProviderPayout] = []
        cursor = None
        while True:
            items, cursor = await self._client.list_page("search", "payouts", "search", query=query, cursor=cursor)
            found += map(_payout, items)
            if cursor is None:
                return found

    async def list_payouts(self, since: datetime, cursor: str | None = None) -> ProviderPayoutPage:
        items, next_cursor = await self._client.list_page("list", "payouts", query=_since(since), cursor=cursor)
        return ProviderPayoutPage([_payout(item) for item in items], next_cursor)

    async def get_deal(self, deal_id: str) -> ProviderDeal:
        return _read_deal(await self._client.request("get_deal", "GET", "deals", deal_id))

    async def list_deals(self, since: datetime, cursor: str | None = None) -> ProviderDealPage:
        items, next_cursor = await self._client.list_page("list_deals", "deals", query=_since(since), cursor=cursor)
        return ProviderDealPage([_read_deal(item) for item in items], next_cursor)

    async def balance(self) -> int:
        account = await self._client.request("account", "GET", "me")
        try:
            value = parse_text(account["payout_balance"]["value"])
            # The balance of a test gateway is never positive.
            sign = -1 if value.startswith("-") else 1
            return sign * parse_amount({"value": value.removeprefix("-")})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnknownOutcome(f"an account of an unknown shape: {type(error).__name__}") from error

    async def banks(self) -> Sequence[Bank]:
        listed = (await self._client.request("banks", "GET", "sbp_banks")).get("items")
        try:
            return [Bank(*(parse_text(item[name]) for name in ("bank_id", "name", "bic"))) for item in listed or ()]
        except (KeyError, TypeError) as error:
            raise UnknownOutcome(f"banks of an unknown shape: {type(error).__name__}") from error


def _since(moment: datetime) -> dict[str, str]:
    return {"created_at.gte": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")}


def _read_deal(body: Any) -> ProviderDeal:
    try:
        return ProviderDeal(
            id=parse_text(body["id"]),
            status=parse_text(body["status"]),
            balance=parse_amount(body["balance"]),
            payout_balance=parse_amount(body["payout_balance"]),
            metadata={str(name): str(value) for name, value in (body.get("metadata") or {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownOutcome(f"a deal of an unknown shape: {type(error).__name__}") from error


def _destination(destination: Destination) -> dict[str, Any]:
    fields = destination.fields
    match destination.kind:
        case "sbp":
            data = {"type": "sbp", "phone": fields["phone"].removeprefix("+"), "bank_id": fields["bank_id"]}
        case "card":
            return {"payout_token": fields["token"]}
        case "wallet":
            data = {"type": "yoo_money", "account_number": fields["account_number"]}
        case _:
            raise ValueError(f"the provider pays to no {destination.kind}")
    return {"payout_destination_data": data}


def _payout(body: Any) -> ProviderPayout:
    try:
        cancellation = body.get("cancellation_details") or {}
        created_at = parse_moment(body["created_at"])
        if body["status"] not in get_args(Status) or created_at is None:
            raise ValueError("an unknown status or no moment")
        return ProviderPayout(
            id=parse_text(body["id"]),
            status=cast(Status, body["status"]),
            amount=parse_amount(body["amount"]),
            created_at=created_at,
            succeeded_at=parse_moment(body.get("succeeded_at")),
            destination=_mask(body.get("payout_destination") or {}),
            cancellation_party=cancellation.get("party"),
            cancellation_reason=cancellation.get("reason"),
            metadata={str(name): str(value) for name, value in (body.get("metadata") or {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownOutcome(f"a payout of an unknown shape: {type(error).__name__}") from error


def _mask(destination: Mapping[str, Any]) -> str:
    card = destination.get("card") or {}
    if card:
        return f"{card.get('first6', '')}******{card.get('last4', '')}"
    return str(destination.get("phone") or destination.get("account_number") or "")
