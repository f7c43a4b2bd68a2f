"""Safe deals: each order's money rests at the provider, and its share leaves by a payout of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from mystar.earnings.keys import DEAL_PAYOUTS, DEAL_RECONCILIATION, PAYOUTS
from mystar.earnings.payouts.model import Status
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.keys import PAYMENTS
from mystar.payments.model import MethodNotOffered
from mystar.payments.provider import Refused
from mystar.settings import Settings, SettingsWrong
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario
from tests.factory import actor
from tests.sandbox_process import SandboxProcess, sandbox_in
from tests.waiting import eventually

PRICE = 150_000
WALLET = {"kind": "wallet", "account_number": "4100116075156746"}
REFUSING = {"kind": "wallet", "account_number": "410011788545536"}
DEALS = {
    "EARNINGS__MODE": "safe_deal",
    "EARNINGS__CLEARANCE_DAYS": "14",
    "PAYOUTS__PROVIDER": "yookassa",
    "PAYOUTS__COOLDOWN_DAYS": "0",
    "PAYOUTS__POLL_SECONDS": "1",
    "PAYMENTS__METHODS": '["bank_card", "sbp"]',
}
deals = pytest.mark.parametrize("further_settings", [DEALS], indirect=True)


@pytest.fixture
def sandbox_process(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A provider of the test's own: its deals and its journal."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


async def deal(scenario: EarningsScenario) -> dict[str, Any]:
    [found] = await scenario.sandbox.call("GET", "/sandbox/deals.json")
    return dict(found)


async def cleared(scenario: EarningsScenario) -> None:
    await scenario.later(days=15)
    await scenario.app[DEAL_PAYOUTS].run()


async def payouts(scenario: EarningsScenario, status: Status) -> list[int]:
    return [one.id for one in await scenario.app[PAYOUTS].queue(status)]


@deals
async def test_an_order_is_paid_into_a_deal_and_the_share_out_of_it(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.details(**WALLET)
    order_id = await scenario.completed(PRICE)
    opened = await deal(scenario)
    assert (opened["status"], opened["balance"], opened["payout_balance"]) == ("opened", 143_595, 120_000)
    assert opened["metadata"]["order_id"] == str(order_id)

    await cleared(scenario)
    # Nothing of a deal is ever available for an ordinary payout.
    assert await scenario.balance() == {"reserved": 120_000}
    [payout_id] = await payouts(scenario, Status.REQUESTED)
    await scenario.decide(payout_id, "approve")

    async def is_paid() -> bool:
        return await scenario.balance() == {"paid": 120_000}

    await eventually(is_paid)
    assert (await deal(scenario))["status"] == "closed"
    refused = await scenario.act(order_id, "refund", {}, as_=scenario.staff, status=409)
    assert refused["code"] == "deal_paid_out"
    [theirs] = await scenario.sandbox.payouts()
    assert (theirs["deal_id"], theirs["account"]) == (opened["id"], "100500")
    assert await scenario.is_sound()


@deals
async def test_a_deal_is_not_paid_out_before_its_clearance_is_over(scenario: EarningsScenario) -> None:
    await scenario.details(**WALLET)
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.completed(PRICE)
    await scenario.later(days=13)
    assert await scenario.app[DEAL_PAYOUTS].run() == 0
    assert await scenario.balance() == {"pending": 120_000}


@deals
async def test_a_refund_lowers_the_creators_part_of_the_deal(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(PRICE)
    await scenario.refund(order_id, 50_000)
    left = await deal(scenario)

    assert (left["balance"], left["payout_balance"]) == (93_595, 80_000)
    assert await scenario.balance() == {"pending": 80_000}
    booked = await scenario.ledger(order_id, acquiring=True)
    assert booked["platform"] + booked["losses"] == left["balance"] - left["payout_balance"] == 13_595
    assert await scenario.is_sound()


@pytest.mark.parametrize(
    "further_settings", [DEALS | {"EARNINGS__DEAL_FEE_MOMENT": "payment_succeeded"}], indirect=True
)
async def test_with_the_fee_at_the_payment_a_refund_returns_the_creators_part_only(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(PRICE)
    opened, booked = await deal(scenario), await scenario.ledger(order_id, acquiring=True)
    assert (opened["fee_moment"], opened["balance"], opened["payout_balance"]) == (
        "payment_succeeded",
        120_000,
        120_000,
    )
    assert booked["platform"] + booked["losses"] == 23_595

    page = await (await scenario.api.get(f"/admin/orders/{order_id}/", as_=scenario.staff, language="en")).text()
    taken = re.search(r"A full refund would be taken from:(.*?)</p>", page, re.DOTALL)
    assert taken is not None
    assert ("1,200" in taken[1], "platform" in taken[1]) == (True, False)

    refused = await scenario.act(order_id, "refund", {"amount": "1300.00"}, as_=scenario.staff, status=422)
    assert "Вернуть можно не больше 1\N{NO-BREAK SPACE}200\N{NO-BREAK SPACE}₽." in refused["errors"]["amount"]
    await scenario.refund(order_id, 40_000)
    assert ((await deal(scenario))["balance"], (await deal(scenario))["payout_balance"]) == (80_000, 80_000)
    assert await scenario.balance() == {"pending": 80_000}
    assert (await scenario.ledger(order_id))["platform"] == 30_000
    assert await differences(scenario, 1, 1) == ([], [])

    # "All that is left" is what is left in the deal: it closes, and the platform's part stays where it is.
    await scenario.act(order_id, "refund", {}, as_=scenario.staff)
    await scenario.until(order_id, refunded=1200, money="captured")
    assert ((await deal(scenario))["status"], await scenario.balance()) == ("closed", {})
    assert await scenario.ledger(order_id) == {"buyers": -30_000, "platform": 30_000}
    assert await differences(scenario, 1, 2) == ([], [])
    refused = await scenario.act(order_id, "refund", {"amount": "0.01"}, as_=scenario.staff, status=422)
    assert "Вернуть можно не больше 0\N{NO-BREAK SPACE}₽." in refused["errors"]["amount"]
    assert await scenario.is_sound()


@deals
async def test_a_full_refund_closes_the_deal(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(PRICE)
    await scenario.refund(order_id)

    assert (await deal(scenario))["status"] == "closed"
    assert await scenario.balance() == {}


@deals
async def test_a_failed_payout_stays_in_its_deal_until_the_details_change(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.details(**REFUSING)
    await scenario.completed(PRICE)
    await cleared(scenario)
    [payout_id] = await payouts(scenario, Status.REQUESTED)
    await scenario.decide(payout_id, "approve")

    async def is_back() -> bool:
        return await scenario.balance() == {"pending": 120_000}

    await eventually(is_back)
    assert await scenario.app[DEAL_PAYOUTS].run() == 0
    await scenario.later(minutes=1)
    await scenario.details(**WALLET)
    assert await scenario.app[DEAL_PAYOUTS].run() == 1
    assert (await deal(scenario))["status"] == "opened"
    assert await scenario.is_sound()


@deals
async def test_a_deal_needs_a_card_or_a_wallet(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.completed(PRICE)
    await cleared(scenario)
    await scenario.details()
    assert await scenario.app[DEAL_PAYOUTS].run() == 0
    await scenario.details(**WALLET)
    assert await scenario.app[DEAL_PAYOUTS].run() == 1


@deals
async def test_deals_without_details_do_not_hold_up_those_behind_them(
    scenario: EarningsScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mystar.earnings.sending.deals._BATCH", 1)
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.completed(PRICE, await scenario.factory.star(channel="market"))
    await scenario.details(**WALLET)
    await scenario.completed(PRICE)
    await scenario.later(days=15)
    assert await scenario.app[DEAL_PAYOUTS].run() == 1
    assert await scenario.balance() == {"reserved": 120_000}


@deals
async def test_a_deal_is_not_paid_out_while_a_refund_of_it_is_under_way(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.details(**WALLET)
    order_id = await scenario.completed(PRICE)
    await scenario.sandbox.faults(down=True)
    await scenario.act(order_id, "refund", {"amount": "500.00"}, as_=scenario.staff)
    await cleared(scenario)
    assert await scenario.balance() == {"pending": 120_000}
    await scenario.sandbox.faults()
    await scenario.until(order_id, refunded=500.0)
    assert await scenario.app[DEAL_PAYOUTS].run() == 1
    assert await scenario.balance() == {"reserved": 80_000}
    assert await scenario.is_sound()


@deals
async def test_an_order_that_cannot_be_a_deal_is_not_placed(scenario: EarningsScenario) -> None:
    """3 % of 200.00 are 6.00, and the provider keeps 8.54; and no deal pays out more than 150,000.00."""
    await scenario.rules([{"name": "all", "percent": "3"}])
    cases = ((20_000, "deal_commission_too_small"), (20_000_000, "deal_share_too_large"))
    for price, code in cases:
        service_id = await scenario.service(price)
        answer = await scenario.api.post("/api/v1/orders/", {"service_id": service_id}, as_=scenario.buyer)
        assert (answer.status, (await answer.json())["code"]) == (409, code)
    assert await scenario.app[DATABASE].all("select id from orders") == []


@deals
async def test_reconciliation_finds_planted_differences_of_deals_and_refunds_and_invents_none(
    scenario: EarningsScenario,
) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    db, shop = scenario.app[DATABASE], scenario.app[PAYMENTS]._gateway
    orders = [await scenario.completed(PRICE) for _ in range(3)]
    refunded, closed, left = orders
    await scenario.refund(refunded, 50_000)
    await scenario.refund(refunded, 10_000)
    await scenario.refund(closed)
    await scenario.place(PRICE)
    compared_deals, compared_refunds = await differences(scenario)
    assert (compared_deals, compared_refunds) == ([], [])

    ids = {row["order_id"]: row["deal_id"] for row in await db.all("select order_id, deal_id from payments")}
    unknown = await shop.create_deal("planted", fee_moment="deal_closed", description="", metadata={})
    await db.execute("update earnings set pending = pending + 1 where order_id = %(id)s", id=refunded)
    await db.execute("update earnings set pending = 1 where order_id = %(id)s", id=closed)
    await db.execute("update payments set deal_id = 'dl-none' where order_id = %(id)s", id=left)
    found = {(one.kind, one.deal_id) for one in (await differences(scenario))[0]}
    assert found == {
        *[("amount", ids[refunded]), ("status", ids[closed])],
        *[("missing_there", "dl-none"), ("unknown_here", ids[left]), ("unknown_here", unknown)],
    }
    assert (await differences(scenario))[1] == []


async def differences(
    scenario: EarningsScenario, deal_count: int = 3, refund_count: int = 3
) -> tuple[list[Any], list[Any]]:
    back = timedelta(days=35)
    deals, refunds = (
        await scenario.app[DEAL_RECONCILIATION].run(back),
        await scenario.app[PAYMENTS].reconcile_refunds(back),
    )
    assert (deals.count >= deal_count, refunds.count) == (True, refund_count)
    return deals.differences, refunds.differences


@deals
async def test_a_deal_cannot_be_paid_by_sbp(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.place(PRICE)
    with pytest.raises(MethodNotOffered):
        await scenario.factory.hold(order_id, scenario.sandbox, "sbp")
    link = URL((await scenario.act(order_id, "pay", as_=scenario.buyer))["link"])
    answer = await scenario.api.get(link.path, params=dict(link.query), headers={"Accept": "text/html"})
    assert answer.status == 302, "there is nothing to choose"


@deals
async def test_a_declined_deal_releases_the_hold(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.place(PRICE)
    await scenario.factory.hold(order_id, scenario.sandbox)
    await scenario.app[ORDERS].reject(actor(scenario.creator), order_id)
    await scenario.until(order_id, money="released")

    assert await scenario.balance() == {}


def test_deals_are_paid_out_by_the_provider_only(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsWrong, match="MYSTAR_PAYOUTS__PROVIDER"):
        make_settings(EARNINGS__MODE="safe_deal")


@pytest.mark.one_process("rely on what one process remembers")
@deals
async def test_a_deal_whose_card_is_refused_stops_that_payment_and_no_other(
    scenario: EarningsScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    refused_id, other_id = await scenario.place(PRICE), await scenario.place(PRICE)

    async def refuse(*_: Any, **__: Any) -> Any:
        raise Refused("invalid_request", "This card cannot be used", "payment_method_data.type")

    with monkeypatch.context() as provider:
        provider.setattr(YooKassa, "create_payment", refuse)
        assert await pay_page(scenario, refused_id) == 409
    assert "pay" not in {one["name"] for one in (await scenario.order(refused_id))["allowed_actions"]}
    assert await pay_page(scenario, other_id) == 302, "there is a method for the next buyer"


async def pay_page(scenario: EarningsScenario, order_id: int) -> int:
    """The status for a person who follows the link."""
    link = URL(scenario.app[ORDERS].link_to_pay(order_id))
    return (await scenario.api.get(link.path, params=dict(link.query), headers={"Accept": "text/html"})).status
