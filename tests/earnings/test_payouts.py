"""Payouts by hand: asked for, approved, exported, paid, refused by the bank, returned, withdrawn."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from mystar.earnings.keys import PAYOUTS
from mystar.earnings.payouts.model import Status, split
from tests.earnings.bench import Bench
from tests.earnings.payout_requests import AT_ONCE, OPERATOR, at_once, refused


@at_once
async def test_a_payout_is_asked_for_approved_and_paid(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    asked = await bench.payout()
    part = {"id": asked["parts"][0]["id"], "amount": "1250.00", "status": "requested", "reason": None}
    assert (asked["status"], asked["amount"], asked["parts"]) == ("requested", "1250.00", [part])
    assert await bench.balance() == {"reserved": 125_000}
    payouts = bench.app[PAYOUTS]
    await bench.decide(asked["id"], "approve")
    (line,) = await payouts.export(OPERATOR)
    assert (line.part.amount, line.destination["phone"]) == (125_000, "+79161234567")
    assert await payouts.export(OPERATOR) == []
    assert len(await payouts.export(OPERATOR, again=True)) == 1
    await bench.decide(asked["id"], "paid", document="17")
    shown = await bench.read(f"/api/v1/payouts/{asked['id']}/")
    assert (shown["status"], shown["parts"][0]["status"]) == ("paid", "paid")
    assert shown["closed_at"] is not None
    assert await bench.balance() == {"paid": 125_000}
    listed = await bench.read("/api/v1/payouts/")
    assert [one["id"] for one in listed["results"]] == [asked["id"]]
    assert await bench.is_sound()


@at_once
async def test_money_returned_by_the_bank_is_available_again(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    asked = await bench.payout()
    await bench.decide(asked["id"], "approve")
    await bench.decide(asked["id"], "paid", document="17")
    await bench.decide(asked["id"], "returned")
    assert await bench.balance() == {"available": 125_000}
    assert (await bench.read(f"/api/v1/payouts/{asked['id']}/"))["status"] == "returned"
    assert "payout_wrong_time" in await bench.decide(asked["id"], "returned", status=409)
    kinds = [one["kind"] for one in (await bench.read("/api/v1/earnings/entries/?page_size=50"))["results"]]
    told = (await bench.read("/api/v1/notifications/"))["results"]
    assert [one["type"] for one in told] == ["payout_returned", "payout_paid", "balance_adjusted"]
    assert "1250.00" in told[0]["message"]
    assert kinds == ["payout_returned"] * 2 + ["payout_paid"] * 2 + ["payout"] * 2 + ["adjustment"]
    assert await bench.is_sound()


@at_once
async def test_a_payout_that_the_bank_refuses_is_available_again(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    asked = await bench.payout()
    await bench.decide(asked["id"], "approve")
    await bench.decide(asked["id"], "failed", reason="account closed")
    shown = await bench.read(f"/api/v1/payouts/{asked['id']}/")
    assert (shown["status"], shown["parts"][0]["reason"]) == ("failed", "account closed")
    assert await bench.balance() == {"available": 125_000}
    await bench.payout()


async def test_the_reason_against_a_payout_is_named(bench: Bench) -> None:
    await refused(bench, "nothing_available", "0.00")
    await bench.earned(99_999)
    await refused(bench, "below_minimum", "999.99")
    await bench.earned(1)
    await refused(bench, "details_missing", "1000.00")
    assert (await bench.read("/api/v1/earnings/"))["paused"] == "details_missing"
    await bench.details()
    await refused(bench, "details_cooling", "1000.00")
    assert (await bench.read("/api/v1/earnings/"))["paused"] == "details_cooling"
    await bench.later(days=6, hours=23)
    await refused(bench, "details_cooling", "1000.00")
    await bench.later(hours=1)
    assert (await bench.read("/api/v1/earnings/"))["paused"] is None
    await refused(bench, "nothing_available", "1000.00", "1000.01")
    await refused(bench, "below_minimum", "1000.00", "999.99")
    await bench.on_balance("stop", reason="a complaint")
    await refused(bench, "paused", "1000.00")
    assert (await bench.read("/api/v1/earnings/"))["paused"] == "stopped"
    await bench.on_balance("resume")
    await bench.payout()
    await refused(bench, "payout_open", "0.00")
    await bench.earned(-1)
    assert (await bench.read("/api/v1/earnings/"))["paused"] == "negative"
    assert await bench.is_sound()


async def test_an_invalid_amount_of_a_payout_is_refused(bench: Bench) -> None:
    wrong: list[Any] = ["0", "-1", "1.001", "1e3", "1e400", "NaN", "many", "1_000", True]
    for amount in wrong:
        assert "amount" in (await bench.payout(amount, status=422))["errors"], amount


@at_once
async def test_fifty_requests_at_once_reserve_the_money_once(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    answers = await asyncio.gather(*(bench.api.post("/api/v1/payouts/", {}, as_=bench.creator) for _ in range(50)))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
    assert await bench.balance() == {"reserved": 125_000}
    assert await bench.is_sound()


@at_once
async def test_a_repeated_request_with_a_key_is_the_same_payout(bench: Bench) -> None:
    await bench.earned(300_000)
    await bench.details()
    first = await bench.payout("1000", headers={"Idempotency-Key": "k1"})
    assert await bench.payout("1000", headers={"Idempotency-Key": "k1"}) == first
    assert (await bench.payout("2000", status=422, headers={"Idempotency-Key": "k1"}))[
        "code"
    ] == "idempotency_key_reused"
    assert await bench.balance() == {"available": 200_000, "reserved": 100_000}


@at_once
async def test_only_its_creator_sees_a_payout(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    asked = await bench.payout()
    for reader, status in ((bench.buyer, 404), (bench.staff, 404), (None, 401)):
        answer = await bench.api.get(f"/api/v1/payouts/{asked['id']}/", as_=reader)
        assert answer.status == status
        answer = await bench.api.post(f"/api/v1/payouts/{asked['id']}/cancel/", as_=reader)
        assert answer.status == status
    assert (await bench.read("/api/v1/payouts/", bench.buyer))["count"] == 0


@at_once
async def test_a_payout_can_be_withdrawn_until_it_is_on_its_way(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    asked = await bench.payout()
    path = f"/api/v1/payouts/{asked['id']}/cancel/"
    for status, ends in ((200, "cancelled"), (409, "cancelled")):
        answer = await bench.api.post(path, as_=bench.creator)
        assert (answer.status, (await answer.json())["status"]) == (status, ends)
    assert await bench.balance() == {"available": 125_000}
    again, payouts = await bench.payout(), bench.app[PAYOUTS]
    await bench.decide(again["id"], "approve")
    await payouts.export(OPERATOR)
    answer = await bench.api.post(f"/api/v1/payouts/{again['id']}/cancel/", as_=bench.creator)
    assert (answer.status, (await answer.json())["status"]) == (409, "sending")
    assert await bench.is_sound()


@pytest.mark.parametrize(
    "further_settings",
    [AT_ONCE | {"PAYOUTS__APPROVE_ABOVE": "2000", "PAYOUTS__SECOND_PAIR_ABOVE": "5000"}],
    indirect=True,
)
async def test_who_approves_depends_on_the_sum(bench: Bench) -> None:
    operator, another = [await bench.factory.staff("operator") for _ in range(2)]
    await bench.earned(2_000_000)
    await bench.details()
    # The first payout to new details needs the staff, however small.
    first = await bench.payout("1500")
    assert first["status"] == "requested"
    await bench.decide(first["id"], "approve", operator)
    assert (await bench.read(f"/api/v1/payouts/{first['id']}/"))["status"] == "approved"
    await bench.decide(first["id"], "paid", operator, document="1")
    second = await bench.payout("2000")
    assert second["status"] == "approved"
    await bench.decide(second["id"], "paid", operator, document="2")
    large = await bench.payout("5000.01")
    await bench.decide(large["id"], "approve", operator)
    assert (await bench.read(f"/api/v1/payouts/{large['id']}/"))["status"] == "requested"
    for same in (operator, another):
        assert "second_person_needed" in await bench.decide(large["id"], "approve", same, 409)
    await bench.decide(large["id"], "approve")
    assert (await bench.read(f"/api/v1/payouts/{large['id']}/"))["status"] == "approved"
    await bench.decide(large["id"], "approve", status=409)


@at_once
async def test_no_payout_is_sent_while_payouts_are_stopped(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    asked = await bench.payout()
    await bench.on_balance("stop", reason="a complaint")
    assert "paused" in await bench.decide(asked["id"], "approve", status=409)
    await bench.on_balance("resume")
    await bench.decide(asked["id"], "approve")
    await bench.on_balance("stop", reason="a complaint")
    assert await bench.app[PAYOUTS].export(OPERATOR) == []


def test_a_sum_is_cut_into_parts_that_the_method_allows() -> None:
    assert split(33_450_000, 15_000_000) == ([15_000_000, 15_000_000, 3_450_000], 0)
    assert split(33_450_000, 50_000_000) == ([33_450_000], 0)
    assert split(15_000_050, 15_000_000) == ([15_000_000], 50)
    assert split(99, None) == ([], 99)


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__CARD_MAXIMUM": "150000"}], indirect=True)
async def test_one_part_may_fail_and_the_others_be_paid(bench: Bench) -> None:
    await bench.earned(33_450_000)
    await bench.details(kind="card", token="pt-1", mask="220000******0004")
    asked = await bench.payout()
    assert [part["amount"] for part in asked["parts"]] == ["150000.00", "150000.00", "34500.00"]
    await bench.decide(asked["id"], "approve")
    await bench.decide(asked["id"], "failed", reason="limit exceeded", part=2)
    await bench.decide(asked["id"], "paid", document="17")
    shown = await bench.read(f"/api/v1/payouts/{asked['id']}/")
    assert (shown["status"], [part["status"] for part in shown["parts"]]) == ("paid", ["paid", "failed", "paid"])
    assert await bench.balance() == {"available": 15_000_000, "paid": 18_450_000}
    assert await bench.is_sound()


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__CARD_MAXIMUM": "500000"}], indirect=True)
async def test_a_payout_within_the_limit_is_one_part(bench: Bench) -> None:
    await bench.earned(33_450_000)
    await bench.details(kind="card", token="pt-1", mask="220000******0004")
    asked = await bench.payout()
    assert [part["amount"] for part in asked["parts"]] == ["334500.00"]
    assert await bench.balance() == {"reserved": 33_450_000}


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__CARD_MAXIMUM": "150000"}], indirect=True)
async def test_a_remainder_below_the_minimum_is_not_sent(bench: Bench) -> None:
    await bench.earned(15_000_050)
    await bench.details(kind="card", token="pt-1", mask="*0004")
    asked = await bench.payout()
    assert (asked["amount"], len(asked["parts"])) == ("150000.00", 1)
    assert await bench.balance() == {"available": 50, "reserved": 15_000_000}


@at_once
async def test_balances_below_the_minimum_are_carried_over_by_the_sweep(bench: Bench) -> None:
    payouts = bench.app[PAYOUTS]
    await bench.earned(95_000)
    await bench.details()
    assert await payouts.sweep() == 0
    await bench.earned(30_000)
    assert await payouts.sweep() == 1
    assert await payouts.sweep() == 0
    (payout,) = await payouts.queue(Status.REQUESTED)
    assert (payout.amount, payout.requested_by) == (125_000, None)


async def test_the_sweep_waits_for_the_end_of_the_cool_down(bench: Bench) -> None:
    await bench.earned(125_000)
    await bench.details()
    await bench.later(days=6)
    assert await bench.app[PAYOUTS].sweep() == 0
    await bench.later(days=1)
    assert await bench.app[PAYOUTS].sweep() == 1


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__SCHEDULE": "weekly"}], indirect=True)
async def test_the_schedule_asks_once_in_its_period(bench: Bench) -> None:
    payouts = bench.app[PAYOUTS]
    await bench.earned(125_000)
    await bench.details()
    # The period in which the service starts is only remembered.
    assert await payouts.sweep_if_due() in (0, None)
    assert await payouts.sweep_if_due() is None
    assert (await bench.read("/api/v1/earnings/"))["next_payout"] is not None
    await bench.later(days=7)
    assert await payouts.sweep_if_due() == 1
    assert await payouts.sweep_if_due() is None
    await bench.later(days=7, hours=2)
    assert [one.what for one in await payouts.recount()] == ["last sweep"]


@pytest.mark.parametrize("further_settings", [AT_ONCE | {"PAYOUTS__SCHEDULE": "monthly"}], indirect=True)
async def test_a_creator_may_ask_for_payouts_alone(bench: Bench) -> None:
    path, payouts = "/api/v1/payouts/settings/", bench.app[PAYOUTS]
    await bench.earned(125_000)
    await bench.details()
    assert (await bench.read(path), (await bench.read("/api/v1/earnings/"))["next_payout"][-2:]) == (
        {"by_schedule": True},
        "01",
    )
    answer = await bench.api.patch(path, {"by_schedule": False}, as_=bench.creator)
    assert (answer.status, await answer.json()) == (200, {"by_schedule": False})
    assert (await bench.read("/api/v1/earnings/"))["next_payout"] is None
    assert await payouts.sweep() == 0
    assert (await bench.api.patch(path, {}, as_=bench.creator)).status == 422
    await bench.api.patch(path, {"by_schedule": True}, as_=bench.creator)
    assert await payouts.sweep() == 1
