"""The panel's side of payouts and balances, through its endpoints and pages."""

from __future__ import annotations

from typing import Any

import pytest

from mystar.accounts.model import Role
from mystar.earnings.keys import PAYOUTS
from mystar.kit.keys import DATABASE
from tests.admin.conftest import sign_in
from tests.earnings.payout_requests import AT_ONCE
from tests.earnings.scenario import EarningsScenario
from tests.factory import Person

pytestmark = pytest.mark.parametrize("further_settings", [AT_ONCE], indirect=True)


async def act(scenario: EarningsScenario, path: str, by: Person, status: int = 204, **fields: object) -> str:
    answer = await scenario.api.post(f"/admin/{path}/", data=fields, as_=by)
    text = await answer.text()
    assert answer.status == status, text
    return text


async def page(scenario: EarningsScenario, path: str, by: Person) -> str:
    answer = await scenario.api.get(f"/admin/{path}", as_=by, language="en")
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def requested(scenario: EarningsScenario, amount: int = 125_000) -> dict[str, Any]:
    await scenario.earned(amount)
    await scenario.details()
    return await scenario.payout()


async def staff(scenario: EarningsScenario, role: Role = "operator") -> Person:
    return await scenario.factory.staff(role)


async def test_a_payout_by_hand_is_made_in_the_panel(scenario: EarningsScenario) -> None:
    payout, operator = await requested(scenario), await staff(scenario)
    path = f"payouts/{payout['id']}"
    assert "Payouts wait for approval" in await page(scenario, "", operator)
    assert scenario.creator.username in await page(scenario, "payouts/?status=requested", operator)
    await act(scenario, f"{path}/approve", operator)
    await act(scenario, f"{path}/paid", operator, 422, document="")
    await act(scenario, f"{path}/paid", operator, document="17")
    await act(scenario, f"{path}/paid", operator, 409, document="18")
    assert "17" in await page(scenario, f"{path}/", operator)
    assert "Вернулась из банка" in await (await sign_in(scenario.api, operator)).page(f"/admin/{path}/")
    await act(scenario, f"{path}/returned", operator)

    assert await scenario.balance() == {"available": 125_000}
    assert await scenario.is_sound()


async def test_a_refused_or_withdrawn_payout_makes_the_money_available(scenario: EarningsScenario) -> None:
    operator = await staff(scenario)
    first = await requested(scenario)
    await act(scenario, f"payouts/{first['id']}/withdraw", operator)
    second = await scenario.payout()
    await act(scenario, f"payouts/{second['id']}/approve", operator)
    await act(scenario, f"payouts/{second['id']}/failed", operator, reason="account closed")

    assert await scenario.balance() == {"available": 125_000}
    assert "account closed" in await page(scenario, f"payouts/{second['id']}/", operator)


async def test_a_large_payout_needs_two_people_in_the_panel(scenario: EarningsScenario) -> None:
    payout, operator = await requested(scenario, 120_000_000), await staff(scenario)
    path = f"payouts/{payout['id']}/approve"
    await act(scenario, path, operator)
    await act(scenario, path, operator, 409)
    await act(scenario, path, await staff(scenario, "owner"))

    assert (await scenario.read(f"/api/v1/payouts/{payout['id']}/"))["status"] == "approved"


async def test_a_creators_payouts_are_stopped_and_allowed_again(scenario: EarningsScenario) -> None:
    payout, operator = await requested(scenario), await staff(scenario)
    path = f"earnings/{scenario.creator.id}"
    await act(scenario, f"{path}/stop", operator, reason="a complaint")
    await act(scenario, f"payouts/{payout['id']}/approve", operator, 409)
    assert "a complaint" in await page(scenario, f"{path}/", operator)
    await act(scenario, f"{path}/resume", operator)
    await act(scenario, f"payouts/{payout['id']}/approve", operator)


async def test_adjustments_and_debts_are_booked_with_a_reason(scenario: EarningsScenario) -> None:
    operator, owner, path = await staff(scenario), await staff(scenario, "owner"), f"earnings/{scenario.creator.id}"
    await act(scenario, f"{path}/adjust", operator, direction="bonus", amount="100,50", reason="a prize")
    await act(scenario, f"{path}/adjust", operator, direction="fine", amount="300", reason="late")
    await act(scenario, f"{path}/adjust", operator, 422, direction="fine", amount="", reason="late")
    assert await scenario.balance() == {"available": -19_950}
    assert "a prize" in await page(scenario, f"{path}/", owner)
    assert "Списать долг" in await (await sign_in(scenario.api, owner)).page(f"/admin/{path}/")
    assert "Списать долг" not in await (await sign_in(scenario.api, operator)).page(f"/admin/{path}/")
    assert scenario.creator.username in await page(scenario, "balances/", operator)

    await act(scenario, f"{path}/write-off", operator, 403, reason="gone")
    await act(scenario, f"{path}/write-off", owner, reason="gone")
    assert await scenario.balance() == {}
    assert await scenario.is_sound()


async def test_a_viewer_can_read_everything_and_change_nothing(scenario: EarningsScenario) -> None:
    payout, viewer = await requested(scenario), await staff(scenario, "viewer")
    for path in (
        "payouts/",
        f"payouts/{payout['id']}/",
        "balances/",
        "earning-entries/",
        "statements/",
        "chargebacks/",
    ):
        await page(scenario, path, viewer)
    for action in ("approve", "paid", "failed", "returned", "withdraw"):
        await act(scenario, f"payouts/{payout['id']}/{action}", viewer, 403, document="1", reason="x")

    assert (await scenario.read(f"/api/v1/payouts/{payout['id']}/"))["status"] == "requested"


async def test_details_of_two_creators_that_are_the_same_are_shown(scenario: EarningsScenario) -> None:
    payout, operator = await requested(scenario), await staff(scenario)
    other = await scenario.factory.person(channel="market")
    fields = {"kind": "sbp", "phone": "+79161234567", "bank_id": "100000000004", "password": other.password}
    answer = await scenario.api.put("/api/v1/payouts/details/", fields, as_=other)
    assert answer.status == 200, await answer.text()
    # An account without orders has no balance yet.
    await scenario.app[DATABASE].execute(
        "insert into creator_balances (creator_id, updated_at) values (%(id)s, now()) on conflict do nothing",
        id=other.id,
    )

    assert other.username in await page(scenario, f"payouts/{payout['id']}/", operator)


async def test_without_a_provider_there_is_no_queue_to_resume(scenario: EarningsScenario) -> None:
    payout, operator = await requested(scenario), await staff(scenario)
    await act(scenario, "payouts/resume-queue", operator, 404)
    await act(scenario, f"payouts/{payout['id']}/send-again", operator, 404, part=payout["parts"][0]["id"])
    assert scenario.app[PAYOUTS] is not None
