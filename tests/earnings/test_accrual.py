"""What an order earns: the commission of the rule that was frozen on it, to the kopeck."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mystar.earnings.rules.model import RulesWrong, require_list
from mystar.earnings.rules.schemas import read_rules
from mystar.errors import Invalid
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario


def rule(**terms: Any) -> list[dict[str, Any]]:
    return [{"name": "default", **terms}]


@pytest.mark.parametrize(
    ("rules", "sales"),
    [
        pytest.param(TWENTY_PER_CENT, [(150_000, 30_000)], id="a whole number"),
        pytest.param(rule(percent="30"), [(645, 194)], id="a half is rounded up, for the platform"),
        pytest.param(rule(percent="12.5"), [(33_333, 4_167)], id="basis points"),
        pytest.param(
            rule(percent="10", min="50.00"),
            [(20_000, 5_000), (50_000, 5_000), (3_000, 3_000)],
            id="at least, at most all",
        ),
        pytest.param(
            rule(percent="15", max="3000.00"),
            [(2_000_000, 300_000), (2_000_001, 300_000), (5_000_000, 300_000)],
            id="at most",
        ),
        pytest.param(rule(percent="10", fixed="30.00"), [(77_777, 10_778)], id="a fixed part"),
    ],
)
async def test_a_capture_is_split_to_the_kopeck(
    scenario: EarningsScenario, rules: Any, sales: list[tuple[int, int]]
) -> None:
    await scenario.rules(rules)
    pending = 0
    for price, commission in sales:
        order_id = await scenario.completed(price)
        share = price - commission
        pending += share
        expected = {"buyers": -price, "pending": share, "platform": commission}
        assert await scenario.ledger(order_id) == {account: amount for account, amount in expected.items() if amount}
    assert await scenario.balance() == {"pending": pending}
    assert await scenario.is_sound()


async def test_the_first_rule_that_matches_is_applied(scenario: EarningsScenario) -> None:
    music, comedy = scenario.category_id, await scenario.factory.category()
    other = await scenario.factory.star(channel="market", price=100_000, category_id=music)
    comedian = await scenario.factory.star(channel="market", price=100_000, category_id=comedy)
    await scenario.rules(
        [
            {"name": "a friend", "creators": [scenario.creator.id], "percent": "15"},
            {"name": "music", "categories": [music], "percent": "25"},
            {"name": "greetings", "kinds": ["greeting"], "percent": "18"},
            {"name": "default", "percent": "20"},
        ]
    )
    services = [
        (scenario.creator, await scenario.service(100_000), "150.00"),
        (other, await scenario.service(100_000, other), "250.00"),
        (comedian, await scenario.service(100_000, comedian, comedy), "200.00"),
    ]
    for creator, service_id, commission in services:
        quote = await scenario.read(f"/api/v1/earnings/quote/?service_id={service_id}", creator)
        assert quote["commission"] == commission
    order_id = await scenario.factory.order(scenario.buyer, comedian)
    assert (await scenario.order(order_id, comedian))["commission"] == "180.00"


async def test_a_price_band_is_a_condition(scenario: EarningsScenario) -> None:
    await scenario.rules(
        [
            {"name": "middle", "price_from": "500.00", "price_to": "1000.00", "percent": "10"},
            {"name": "default", "percent": "20"},
        ]
    )
    service_id = await scenario.service(70_000)
    for price, commission in (("499.99", "100.00"), ("500.00", "50.00"), ("1000.00", "100.00"), ("1000.01", "200.00")):
        quote = await scenario.read(f"/api/v1/earnings/quote/?service_id={service_id}&price={price}")
        assert (quote["price"], quote["commission"]) == (price, commission)


async def test_terms_are_frozen_when_the_order_is_placed(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    before = await scenario.place(100_000)
    await scenario.rules(rule(percent="25"))
    after = await scenario.place(100_000)
    for order_id, commission in ((before, "200.00"), (after, "250.00")):
        await scenario.deliver(order_id)
        await scenario.approve(order_id)
        assert (await scenario.order(order_id, scenario.creator))["commission"] == commission
    assert await scenario.ledger() == {"buyers": -200_000, "pending": 155_000, "platform": 45_000}


async def test_a_rule_applies_from_its_start_on(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    start = scenario.clock.now().replace(microsecond=0).isoformat()
    with pytest.raises(RulesWrong):
        await scenario.rules(rule(percent="25", valid_from="2026-01-01"))
    await scenario.later(days=1)
    with pytest.raises(RulesWrong):
        await scenario.rules(rule(percent="25", valid_from=start))
    service_id, tomorrow = await scenario.service(100_000), scenario.clock.now().replace(microsecond=0).isoformat()
    await scenario.rules(rule(percent="25", valid_from=tomorrow.replace("+00:00", "")))
    assert (await scenario.read(f"/api/v1/earnings/quote/?service_id={service_id}"))["commission"] in (
        "200.00",
        "250.00",
    )
    await scenario.later(hours=1)
    assert (await scenario.read(f"/api/v1/earnings/quote/?service_id={service_id}"))["commission"] == "250.00"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([], id="empty"),
        pytest.param({}, id="no list"),
        pytest.param(
            [{"name": "music", "categories": [1], "percent": "20"}], id="no rule without conditions at the end"
        ),
        pytest.param(rule(percent="100.01"), id="more than all"),
        pytest.param(rule(percent="-1"), id="negative"),
        pytest.param(rule(percent="12.345"), id="parts of a basis point"),
        pytest.param(rule(percent="NaN"), id="no number"),
        pytest.param(rule(percent="1e999999"), id="no number that can be multiplied"),
        pytest.param(rule(percent="٢٠"), id="other digits"),
        pytest.param(rule(percent=True), id="a boolean"),
        pytest.param(rule(percent="20", min="10", max="5"), id="bounds the wrong way round"),
        pytest.param(rule(percent="20", fixed="0.001"), id="a part of a kopeck"),
        pytest.param(rule(percents="20"), id="a key that is not known"),
        pytest.param(rule(percent="20", valid_from="tomorrow"), id="no date"),
        pytest.param([{"kinds": ["studio"], "percent": "1"}, *TWENTY_PER_CENT], id="a kind that is not sold"),
        pytest.param([{"price_from": "2", "price_to": "1"}, *TWENTY_PER_CENT], id="no price fits"),
        pytest.param([*TWENTY_PER_CENT, *rule(percent="25")], id="two that start at once"),
        pytest.param(
            [*rule(percent="25", valid_from="2030-01-01"), *rule(percent="20", valid_from="2030-01-01")],
            id="an overlapping start",
        ),
        pytest.param([*TWENTY_PER_CENT, {"kinds": ["service"], "percent": "1"}, *rule()], id="one never applies"),
    ],
)
def test_an_ambiguous_list_of_rules_is_refused(wrong: Any) -> None:
    with pytest.raises(Invalid) as refused:
        require_list(read_rules(wrong), datetime.now(UTC), None)
    for language in ("ru", "en"):
        assert refused.value.field_messages(language)


async def test_an_announced_change_is_not_withdrawn_by_an_earlier_one(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.rules([*rule(percent="25", valid_from="2090-01-01")])
    with pytest.raises(RulesWrong):
        await scenario.rules(rule(percent="15"))
    service_id = await scenario.service(100_000)
    assert (await scenario.read(f"/api/v1/earnings/quote/?service_id={service_id}"))["commission"] == "200.00"


async def test_without_rules_the_commission_is_zero(scenario: EarningsScenario) -> None:
    order_id = await scenario.completed(100_000)
    assert await scenario.ledger(order_id) == {"buyers": -100_000, "pending": 100_000}
    assert (await scenario.order(order_id, scenario.creator))["commission"] == "0.00"


async def test_only_the_creator_is_shown_the_split(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id, keys = await scenario.place(150_000), {"commission", "your_share", "clears_at"}
    shown = await scenario.order(order_id, scenario.creator)
    assert [shown[key] for key in sorted(keys)] == [None, "300.00", "1200.00"]
    for reader in (scenario.buyer, scenario.staff):
        assert not keys & (await scenario.order(order_id, reader)).keys()
    mine = await scenario.read("/api/v1/orders/", scenario.creator)
    assert mine["results"][0]["your_share"] == "1200.00"
    theirs = await scenario.read("/api/v1/orders/", scenario.buyer)
    assert not keys & theirs["results"][0].keys()


async def test_only_the_creator_of_a_service_gets_a_quote(scenario: EarningsScenario) -> None:
    service_id = await scenario.service(100_000)
    for reader, status in ((scenario.creator, 200), (scenario.buyer, 404), (scenario.staff, 404), (None, 401)):
        answer = await scenario.api.get(f"/api/v1/earnings/quote/?service_id={service_id}", as_=reader)
        assert answer.status == status
    for query in ("", "service_id=x", f"service_id={service_id}&price=-1", f"service_id={service_id}&price=1.001"):
        answer = await scenario.api.get(f"/api/v1/earnings/quote/?{query}", as_=scenario.creator)
        assert answer.status == 422, await answer.text()


async def test_creators_are_told_of_new_rules_before_they_start(scenario: EarningsScenario) -> None:
    await scenario.sandbox.clear_mails()
    await scenario.rules(TWENTY_PER_CENT)
    start = "2090-02-01"
    await scenario.rules(
        [
            {"name": "others", "creators": [scenario.creator.id + 1000], "percent": "1"},
            {"name": "everybody", "percent": "12.5", "min": "50.00", "valid_from": start},
        ]
    )
    mail = await scenario.sandbox.wait_for_mail(scenario.creator.email, "комиссия")
    assert "everybody: 12,5 %, не меньше 50 ₽, с 1 февраля 2090, 00:00 по Москве" in mail["text"]
    assert "others" not in mail["text"]
    assert await scenario.sandbox.mails(scenario.buyer.email, "комиссия") == []
    assert len(await scenario.sandbox.mails(scenario.creator.email, "комиссия")) == 1


async def test_an_account_without_sales_has_a_zero_balance(scenario: EarningsScenario) -> None:
    shown = await scenario.read("/api/v1/earnings/", scenario.buyer)
    assert {shown[name] for name in ("pending", "frozen", "available", "reserved", "paid")} == {"0.00"}
    assert shown["currency"] == "RUB"
    assert shown["next_clearing"] is None
    assert (await scenario.read("/api/v1/earnings/entries/", scenario.buyer))["count"] == 0


@pytest.mark.parametrize(
    ("further_settings", "taxes"),
    [
        ({"EARNINGS__COMMISSION_VAT": "22"}, (5_410, 3_607)),
        ({"EARNINGS__COMMISSION_VAT": "5"}, (1_429, 952)),
        ({"EARNINGS__COMMISSION_VAT": "7"}, (1_963, 1_308)),
    ],
    indirect=["further_settings"],
)
async def test_the_vat_of_the_commission_is_booked_separately(
    scenario: EarningsScenario, taxes: tuple[int, int]
) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(150_000)
    found = await scenario.ledger(order_id)
    assert (found["platform"], found["commission_tax"]) == (30_000 - taxes[0], taxes[0])
    await scenario.refund(order_id, 50_000)
    found = await scenario.ledger(order_id)
    assert (found["platform"], found["commission_tax"]) == (20_000 - taxes[1], taxes[1])


def test_a_list_that_is_written_and_read_is_the_same() -> None:
    (draft,) = read_rules([{"percent": 12.5, "fixed": 3, "min": "1", "max": "100", "valid_from": "2027-02-01"}])
    assert (draft.terms.percent_bp, draft.terms.fixed, draft.terms.min_amount, draft.terms.max_amount) == (
        *(1_250, 300, 100),
        10_000,
    )
    assert draft.valid_from is not None
    assert draft.valid_from.isoformat() == "2027-02-01T00:00:00+03:00"
