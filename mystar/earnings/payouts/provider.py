"""What payouts need of a provider. `mystar.earnings.gateways` holds the clients of real ones.

Failures are those of `mystar.payments.provider`: `UnknownOutcome` means that the payout may have been made, and is
looked up before anything is sent again; every other one means that nothing happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

#: The key in the metadata of a provider's payout that names our part.
METADATA_KEY = "payout_part"

Kind = Literal["sbp", "card", "wallet", "bank_account"]
Status = Literal["pending", "succeeded", "canceled"]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the money goes, in clear; never logged.

    :param kind: ``sbp`` has ``phone`` (E.164) and ``bank_id``, ``card`` a ``token``, ``wallet`` an ``account_number``;
        ``bank_account`` is paid by hand only.
    :param fields: exactly the fields of the kind.
    """

    kind: Kind
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderPayout:
    """A payout as the provider sees it. ``amount`` in kopecks.

    :param destination: the provider's masked description of it, such as a card's first and last digits.
    :param cancellation_reason: the provider's code when ``status`` is ``canceled``.
    :param metadata: what was given when it was created.
    """

    id: str
    status: Status
    amount: int
    created_at: datetime
    succeeded_at: datetime | None = None
    destination: str = ""
    cancellation_party: str | None = None
    cancellation_reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderPayoutPage:
    """Payouts, newest first, and where the next page begins; None after the last."""

    payouts: Sequence[ProviderPayout]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Bank:
    """A member of SBP. ``id`` is what an ``sbp`` destination names."""

    id: str
    name: str
    bic: str


@dataclass(frozen=True, slots=True)
class ProviderDeal:
    """A safe deal as the provider sees it, ``opened`` or ``closed``.

    :param payout_balance: kopecks of ``balance`` that are the creator's part.
    """

    id: str
    status: str
    balance: int
    payout_balance: int
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderDealPage:
    """Deals, newest first, and where the next page begins; None after the last."""

    deals: Sequence[ProviderDeal]
    next_cursor: str | None


class DealProvider(Protocol):
    """Every call raises `mystar.payments.provider.ProviderError`."""

    async def get_deal(self, deal_id: str) -> ProviderDeal:
        """:raises PaymentNotFound: the provider knows no such deal."""

    async def list_deals(self, since: datetime, cursor: str | None = None) -> ProviderDealPage:
        """A page of what was created at ``since`` or later."""


class PayoutProvider(Protocol):
    """Every call raises `mystar.payments.provider.ProviderError`."""

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
        """Send ``amount`` kopecks. The same ``key`` within 24 hours makes no second payout.

        :param deal_id: the safe deal that is paid out, with the credentials of the shop.
        """

    async def get_payout(self, provider_id: str) -> ProviderPayout:
        """:raises Missing: the provider knows no such payout."""

    async def find_payouts(self, metadata: Mapping[str, str]) -> Sequence[ProviderPayout]:
        """Payouts of the last three months whose metadata have this one pair, newest first."""

    async def list_payouts(self, since: datetime, cursor: str | None = None) -> ProviderPayoutPage:
        """A page of what was created at ``since`` or later."""

    async def balance(self) -> int:
        """Kopecks that the provider holds for payouts."""

    async def banks(self) -> Sequence[Bank]:
        """Whom SBP reaches."""
