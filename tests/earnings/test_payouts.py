"""Payouts by hand: asked for, approved, exported, paid, refused by the bank, returned, withdrawn."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from mystar.earnings.keys import PAYOUTS
from mystar.earnings.payouts.model import Payout, Status, split
from mystar.earnings.payouts.repository import PayoutRepository
from tests.earnings.payout_requests import AT_ONCE, OPERATOR, approved_payout, at_once, refused
from tests.earnings.scenario import EarningsScenario


@at_once
async def test_a_payout_is_asked_for_approved_and_paid(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    part = {"id": asked["parts"][0]["id"], "amount": "1250.00", "status": "requested", "reason": None}
    assert (asked["status"], asked["amount"], asked["parts"]) == ("requested", "1250.00", [part])
    assert await scenario.balance() == {"reserved": 125_000}
    payouts = scenario.app[PAYOUTS]
    await scenario.decide(asked["id"], "approve")
    (line,) = await payouts.export(OPERATOR)
    assert (line.part.amount, line.destination["phone"]) == (125_000, "+79161234567")
    assert await payouts.export(OPERATOR) == []
    assert len(await payouts.export(OPERATOR, again=True)) == 1
    await scenario.decide(asked["id"], "paid", document="17")
    shown = await scenario.read(f"/api/v1/payouts/{asked['id']}/")
    assert (shown["status"], shown["parts"][0]["status"]) == ("paid", "paid")
    assert shown["closed_at"] is not None
    assert await scenario.balance() == {"paid": 125_000}
    listed = await scenario.read("/api/v1/payouts/")
    assert [one["id"] for one in listed["results"]] == [asked["id"]]
    assert await scenario.is_sound()


@at_once
async def test_of_two_exports_at_once_one_has_the_payout(
    scenario: EarningsScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approved_payout(scenario)
    both_have_looked, look = asyncio.Barrier(2), PayoutRepository.with_status

    async def look_together(self: PayoutRepository, status: Status, limit: int) -> list[Payout]:
        found = await look(self, status, limit)
        await both_have_looked.wait()
        return found

    monkeypatch.setattr(PayoutRepository, "with_status", look_together)
    exported = await asyncio.gather(*(scenario.app[PAYOUTS].export(OPERATOR) for _ in range(2)))
    assert sorted(len(lines) for lines in exported) == [0, 1]


@at_once
async def test_money_returned_by_the_bank_is_available_again(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    await scenario.decide(asked["id"], "approve")
    await scenario.decide(asked["id"], "paid", document="17")
    await scenario.decide(asked["id"], "returned")
    assert await scenario.balance() == {"available": 125_000}
    assert (await scenario.read(f"/api/v1/payouts/{asked['id']}/"))["status"] == "returned"
    assert "payout_wrong_time" in await scenario.decide(asked["id"], "returned", status=409)
    kinds = [one["kind"] for one in (await scenario.read("/api/v1/earnings/entries/?page_size=50"))["results"]]
    told = (await scenario.read("/api/v1/notifications/"))["results"]
    assert [one["type"] for one in told] == ["payout_returned", "payout_paid", "balance_adjusted"]
    assert "1\N{NO-BREAK SPACE}250\N{NO-BREAK SPACE}₽" in told[0]["message"]
    assert kinds == ["payout_returned"] * 2 + ["payout_paid"] * 2 + ["payout"] * 2 + ["adjustment"]
    assert await scenario.is_sound()


@at_once
async def test_a_payout_that_the_bank_refuses_is_available_again(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    await scenario.decide(asked["id"], "approve")
    await scenario.decide(asked["id"], "failed", reason="account closed")
    shown = await scenario.read(f"/api/v1/payouts/{asked['id']}/")
    assert (shown["status"], shown["parts"][0]["reason"]) == ("failed", "account closed")
    assert await scenario.balance() == {"available": 125_000}
    await scenario.payout()


async def test_the_reason_against_a_payout_is_named(scenario: EarningsScenario) -> None:
    await refused(scenario, "nothing_available", "0.00")
    await scenario.earned(99_999)
    await refused(scenario, "below_minimum", "999.99")
    await scenario.earned(1)
    await refused(scenario, "details_missing", "1000.00")
    assert (await scenario.read("/api/v1/earnings/"))["paused"] == "details_missing"
    await scenario.details()
    await refused(scenario, "details_cooling", "1000.00")
    assert (await scenario.read("/api/v1/earnings/"))["paused"] == "details_cooling"
    await scenario.later(days=6, hours=23)
    await refused(scenario, "details_cooling", "1000.00")
    await scenario.later(hours=1)
    assert (await scenario.read("/api/v1/earnings/"))["paused"] is None
    await refused(scenario, "nothing_available", "1000.00", "1000.01")
    await refused(scenario, "below_minimum", "1000.00", "999.99")
    await scenario.on_balance("stop", reason="a complaint")
    await refused(scenario, "paused", "1000.00")
    assert (await scenario.read("/api/v1/earnings/"))["paused"] == "stopped"
    await scenario.on_balance("resume")
    await scenario.payout()
    await refused(scenario, "payout_open", "0.00")
    await scenario.earned(-1)
    assert (await scenario.read("/api/v1/earnings/"))["paused"] == "negative"
    assert await scenario.is_sound()


async def test_an_invalid_amount_of_a_payout_is_refused(scenario: EarningsScenario) -> None:
    wrong: list[Any] = ["0", "-1", "1.001", "1e3", "1e400", "NaN", "many", "1_000", True]
    for amount in wrong:
        assert "amount" in (await scenario.payout(amount, status=422))["errors"], amount


@at_once
async def test_fifty_requests_at_once_reserve_the_money_once(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    answers = await asyncio.gather(
        *(scenario.api.post("/api/v1/payouts/", {}, as_=scenario.creator) for _ in range(50))
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
    assert await scenario.balance() == {"reserved": 125_000}
    assert await scenario.is_sound()


@at_once
async def test_a_repeated_request_with_a_key_is_the_same_payout(scenario: EarningsScenario) -> None:
    await scenario.earned(300_000)
    await scenario.details()
    first = await scenario.payout("1000", headers={"Idempotency-Key": "k1"})
    assert await scenario.payout("1000", headers={"Idempotency-Key": "k1"}) == first
    assert (await scenario.payout("2000", status=422, headers={"Idempotency-Key": "k1"}))[
        "code"
    ] == "idempotency_key_reused"
    assert await scenario.balance() == {"available": 200_000, "reserved": 100_000}


@at_once
async def test_only_its_creator_sees_a_payout(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    for reader, status in ((scenario.buyer, 404), (scenario.staff, 404), (None, 401)):
        answer = await scenario.api.get(f"/api/v1/payouts/{asked['id']}/", as_=reader)
        assert answer.status == status
        answer = await scenario.api.post(f"/api/v1/payouts/{asked['id']}/cancel/", as_=reader)
        assert answer.status == status
    assert (await scenario.read("/api/v1/payouts/", scenario.buyer))["count"] == 0


@at_once
async def test_a_payout_can_be_withdrawn_until_it_is_on_its_way(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    path = f"/api/v1/payouts/{asked['id']}/cancel/"
    for status, ends in ((200, "cancelled"), (409, "cancelled")):
        answer = await scenario.api.post(path, as_=scenario.creator)
        assert (answer.status, (await answer.json())["status"]) == (status, ends)
    assert await scenario.balance() == {"available": 125_000}
    again, payouts = await scenario.payout(), scenario.app[PAYOUTS]
    await scenario.decide(again["id"], "approve")
    await payouts.export(OPERATOR)
    answer = await scenario.api.post(f"/api/v1/payouts/{again['id']}/cancel/", as_=scenario.creator)
    assert (answer.status, (await answer.json())["status"]) == (409, "sending")
    assert await scenario.is_sound()


@pytest.mark.parametrize(
    "further_settings",
    [AT_ONCE | {"PAYOUTS__APPROVE_ABOVE": "2000", "PAYOUTS__SECOND_PAIR_ABOVE": "5000"}],
    indirect=True,
)
async def test_who_approves_depends_on_the_sum(scenario: EarningsScenario) -> None:
    operator, another = [await scenario.factory.staff("operator") for _ in range(2)]
    await scenario.earned(2_000_000)
    await scenario.details()
    # The first payout to new details needs the staff, however small.
    first = await scenario.payout("1500")
    assert first["status"] == "requested"
    await scenario.decide(first["id"], "approve", operator)
    assert (await scenario.read(f"/api/v1/payouts/{first['id']}/"))["status"] == "approved"
    await scenario.decide(first["id"], "paid", operator, document="1")
    second = await scenario.payout("2000")
    assert second["status"] == "approved"
    await scenario.decide(second["id"], "paid", operator, document="2")
    large = await scenario.payout("5000.01")
    await scenario.decide(large["id"], "approve", operator)
    assert (await scenario.read(f"/api/v1/payouts/{large['id']}/"))["status"] == "requested"
    for same in (operator, another):
        assert "second_person_needed" in await scenario.decide(large["id"], "approve", same, 409)
    await scenario.decide(large["id"], "approve")
    assert (await scenario.read(f"/api/v1/payouts/{large['id']}/"))["status"] == "approved"
    await scenario.decide(large["id"], "approve", status=409)


@at_once
async def test_no_payout_is_sent_while_payouts_are_stopped(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    await scenario.on_balance("stop", reason="a complaint")
    assert "paused" in await scenario.decide(asked["id"], "approve", status=409)
    await scenario.on_balance("resume")
    await scenario.decide(asked["id"], "approve")
    await scenario.on_balance("stop", reason="a complaint")
    assert await scenario.app[PAYOUTS].export(OPERATOR) == []


def test_a_sum_is_cut_into_parts_that_the_method_allows() -> None:
    assert split(33_450_000, 15_000_000) == ([15_000_000, 15_000_000, 3_450_000], 0)
    assert split(33_450_000, 50_000_000) == ([33_450_000], 0)
    assert split(15_000_050, 15_000_000) == ([15_000_000], 50)
    assert split(99, None) == ([], 99)


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__CARD_MAXIMUM": "150000"}], indirect=True)
async def test_one_part_may_fail_and_the_others_be_paid(scenario: EarningsScenario) -> None:
    await scenario.earned(33_450_000)
    await scenario.details(kind="card", token="pt-1", mask="220000******0004")
    asked = await scenario.payout()
    assert [part["amount"] for part in asked["parts"]] == ["150000.00", "150000.00", "34500.00"]
    await scenario.decide(asked["id"], "approve")
    await scenario.decide(asked["id"], "failed", reason="limit exceeded", part=2)
    await scenario.decide(asked["id"], "paid", document="17")
    shown = await scenario.read(f"/api/v1/payouts/{asked['id']}/")
    assert (shown["status"], [part["status"] for part in shown["parts"]]) == ("paid", ["paid", "failed", "paid"])
    assert await scenario.balance() == {"available": 15_000_000, "paid": 18_450_000}
    assert await scenario.is_sound()


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__CARD_MAXIMUM": "500000"}], indirect=True)
async def test_a_payout_within_the_limit_is_one_part(scenario: EarningsScenario) -> None:
    await scenario.earned(33_450_000)
    await scenario.details(kind="card", token="pt-1", mask="220000******0004")
    asked = await scenario.payout()
    assert [part["amount"] for part in asked["parts"]] == ["334500.00"]
    assert await scenario.balance() == {"reserved": 33_450_000}


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__CARD_MAXIMUM": "150000"}], indirect=True)
async def test_a_remainder_below_the_minimum_is_not_sent(scenario: EarningsScenario) -> None:
    await scenario.earned(15_000_050)
    await scenario.details(kind="card", token="pt-1", mask="*0004")
    asked = await scenario.payout()
    assert (asked["amount"], len(asked["parts"])) == ("150000.00", 1)
    assert await scenario.balance() == {"available": 50, "reserved": 15_000_000}


@at_once
async def test_balances_below_the_minimum_are_carried_over_by_the_sweep(scenario: EarningsScenario) -> None:
    payouts = scenario.app[PAYOUTS]
    await scenario.earned(95_000)
    await scenario.details()
    assert await payouts.sweep() == 0
    await scenario.earned(30_000)
    assert await payouts.sweep() == 1
    assert await payouts.sweep() == 0
    (payout,) = await payouts.queue(Status.REQUESTED)
    assert (payout.amount, payout.requested_by) == (125_000, None)


async def test_the_sweep_waits_for_the_end_of_the_cool_down(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    await scenario.later(days=6)
    assert await scenario.app[PAYOUTS].sweep() == 0
    await scenario.later(days=1)
    assert await scenario.app[PAYOUTS].sweep() == 1


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__SCHEDULE": "weekly"}], indirect=True)
async def test_the_schedule_asks_once_in_its_period(scenario: EarningsScenario) -> None:
    payouts = scenario.app[PAYOUTS]
    await scenario.earned(125_000)
    await scenario.details()
    # The period in which the service starts is only remembered.
    assert await payouts.sweep_if_due() in (0, None)
    assert await payouts.sweep_if_due() is None
    assert (await scenario.read("/api/v1/earnings/"))["next_payout"] is not None
    await scenario.later(days=7)
    assert await payouts.sweep_if_due() == 1
    assert await payouts.sweep_if_due() is None
    await scenario.later(days=7, hours=2)
    assert [one.what for one in await payouts.recount()] == ["last sweep"]


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__SCHEDULE": "monthly"}], indirect=True)
async def test_a_creator_may_ask_for_payouts_alone(scenario: EarningsScenario) -> None:
    path, payouts = "/api/v1/payouts/settings/", scenario.app[PAYOUTS]
    await scenario.earned(125_000)
    await scenario.details()
    assert (await scenario.read(path), (await scenario.read("/api/v1/earnings/"))["next_payout"][-2:]) == (
        {"by_schedule": True},
        "01",
    )
    answer = await scenario.api.patch(path, {"by_schedule": False}, as_=scenario.creator)
    assert (answer.status, await answer.json()) == (200, {"by_schedule": False})
    assert (await scenario.read("/api/v1/earnings/"))["next_payout"] is None
    assert await payouts.sweep() == 0
    assert (await scenario.api.patch(path, {}, as_=scenario.creator)).status == 422
    await scenario.api.patch(path, {"by_schedule": True}, as_=scenario.creator)
    assert await payouts.sweep() == 1
