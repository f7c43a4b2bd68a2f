"""The sections of the configuration about orders and money: types, bounds and meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mystar.kit.setting_kinds import (
    Kopecks,
    Networks,
    Seconds,
    Section,
    WebAddress,
    is_web_address,
    must_be,
)


class YookassaPayoutSettings(Section):
    """The payout gateway is another account at the provider, with a balance of its own."""

    #: The account of the payout gateway.
    agent_id: str = ""
    #: Its key.
    secret_key: str = ""


class YookassaSettings(Section):
    #: The API; ends in `/v3`.
    url: Annotated[WebAddress, must_be("an address that ends in /v3", lambda url: url.endswith("/v3"))]
    #: The shop.
    shop_id: str
    #: The key of the shop.
    secret_key: str
    #: For one call.
    timeout_seconds: Seconds
    #: In production, whether a secret key of a test shop is meant.
    test_mode: bool = False
    #: Networks from which notifications are accepted; empty = any, since their content is never trusted.
    webhook_networks: Networks = ()
    payouts: YookassaPayoutSettings = YookassaPayoutSettings()


class PaymentSettings(Section):
    yookassa: YookassaSettings
    #: What buyers may pay with; the first is the default. Money by card is held, by SBP it is charged at once.
    methods: Annotated[list[Literal["bank_card", "sbp"]], Field(min_length=1)]
    #: The least sum that the provider accepts, in rubles; a price outside is refused when it is set.
    price_minimum: Kopecks
    #: The most that it accepts.
    price_maximum: Kopecks
    #: How often payments are looked up whose notification may have been lost.
    poll_seconds: Seconds
    #: Where the provider's page redirects to; empty = the service's own page with the state of the payment.
    return_url: Annotated[str, must_be("a web address, or empty", lambda url: not url or is_web_address(url))] = ""


class OrderSettings(Section):
    """Deadlines after which an order moves on by itself."""

    #: Until the creator accepts, after the order or its payment.
    accept_days: float = Field(gt=0)
    #: Until the buyer approves, after a delivery.
    approve_days: float = Field(gt=0)
    #: Until the creator delivers a revision.
    revise_days: float = Field(gt=0)
    #: How often deadlines are checked.
    check_seconds: Seconds


class EarningSettings(Section):
    """What creators earn."""

    #: "safe_deal": each order's money rests at the provider as a deal. Frozen on the order when it is placed.
    mode: Literal["balance", "safe_deal"]
    #: From completion until a share can be paid out; 0 = at once.
    clearance_days: float = Field(ge=0)
    #: When the platform's part of a safe deal is its own, frozen on the order. "deal_closed": when the creator is paid;
    #: a refund before may return all. "payment_succeeded": at once; a refund returns the creator's part only.
    deal_fee_moment: Literal["deal_closed", "payment_succeeded"]
    #: Whether a refund gives the commission back as well, or leaves it with the platform at the creator's expense.
    commission_on_refund: Literal["returned", "kept"]
    #: Per cent of VAT inside the commission.
    commission_vat: Literal["none", "5", "7", "22"]
    #: Per cent of a payment that the provider keeps, VAT included; the commission of a safe deal must exceed it.
    deal_fee_percent: float = Field(ge=0, le=100)
    #: A debt that is older is listed for the staff.
    debt_days: float = Field(gt=0)


class PayoutSettings(Section):
    """How money reaches creators. Sums are rubles."""

    #: "manual": the staff pay, and say when they have.
    provider: Literal["manual", "yookassa"]
    #: When payouts are requested by themselves; "manual" = only on request.
    schedule: Literal["manual", "weekly", "monthly"]
    #: Of the weekly schedule, 1 = Monday; the monthly one runs on the first.
    weekday: int = Field(ge=1, le=7)
    #: Of the day, in Moscow.
    hour: int = Field(ge=0, le=23)
    #: The smallest payout.
    minimum: Kopecks
    #: The largest part of a payout to a card; a larger payout is divided.
    card_maximum: Kopecks
    #: The largest part of a payout by SBP.
    sbp_maximum: Kopecks
    #: From a change of the details until they are used.
    cooldown_days: float = Field(ge=0)
    #: A larger payout needs the approval of a member of the staff.
    approve_above: Kopecks
    #: A larger payout needs two members of the staff.
    second_pair_above: Kopecks
    #: How often open payouts are looked up at the provider.
    poll_seconds: Seconds


class ReceiptSettings(Section):
    """Receipts of the cash register (54-FZ)."""

    #: "own": the platform sells; "agent": it acts for creators, who are named; "fee_only": it sells its commission.
    scheme: Literal["none", "own", "agent", "fee_only"]
    #: The provider's code of the tax system; empty = the register knows it.
    tax_system: Annotated[int, Field(ge=1, le=6)] | None = None
    #: The provider's code of the VAT rate: 1 none, 2 0 %, 3 10 %, 4 20 %, 7 5 %, 8 7 %, 11 22 %.
    vat_code: int = Field(ge=1, le=12)
    #: Where receipts of buyers without e-mail and phone go; empty = such receipts are refused.
    email_fallback: str = ""
