"""The panel's side of payouts and balances, through its endpoints and pages."""

from __future__ import annotations

from typing import Any

import pytest

from mystar.accounts.model import Role
from mystar.earnings.keys import PAYOUTS
from mystar.kit.keys import DATABASE
from tests.admin.conftest import sign_in
from tests.earnings.bench import Bench
from tests.earnings.payout_requests import AT_ONCE
from tests.factory import Person

pytestmark = pytest.mark.parametrize("further_settings", [AT_ONCE], indirect=True)


async def act(bench: Bench, path: str, by: Person, status: int = 204, **fields: object) -> str:
    answer = await bench.api.post(f"/admin/{path}/", data=fields, as_=by)
    text = await answer.text()
    assert answer.status == status, text
    return text


async def page(bench: Bench, path: str, by: Person) -> str:
    answer = await bench.api.get(f"/admin/{path}", as_=by, language="en")
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def requested(bench: Bench, amount: int = 125_000) -> dict[str, Any]:
    await bench.earned(amount)
    await bench.details()
    return await bench.payout()


async def staff(bench: Bench, role: Role = "operator") -> Person:
    return await bench.factory.staff(role)


async def test_a_payout_by_hand_is_made_in_the_panel(bench: Bench) -> None:
    payout, operator = await requested(bench), await staff(bench)
    path = f"payouts/{payout['id']}"
    assert "Payouts wait for approval" in await page(bench, "", operator)
    assert bench.creator.username in await page(bench, "payouts/?status=requested", operator)
    await act(bench, f"{path}/approve", operator)
    await act(bench, f"{path}/paid", operator, 422, document="")
    await act(bench, f"{path}/paid", operator, document="17")
    await act(bench, f"{path}/paid", operator, 409, document="18")
    assert "17" in await page(bench, f"{path}/", operator)
    assert "Вернулась из банка" in await (await sign_in(bench.api, operator)).page(f"/admin/{path}/")
    await act(bench, f"{path}/returned", operator)

    assert await bench.balance() == {"available": 125_000}
    assert await bench.is_sound()


async def test_a_refused_or_withdrawn_payout_makes_the_money_available(bench: Bench) -> None:
    operator = await staff(bench)
    first = await requested(bench)
    await act(bench, f"payouts/{first['id']}/withdraw", operator)
    second = await bench.payout()
    await act(bench, f"payouts/{second['id']}/approve", operator)
    await act(bench, f"payouts/{second['id']}/failed", operator, reason="account closed")

    assert await bench.balance() == {"available": 125_000}
    assert "account closed" in await page(bench, f"payouts/{second['id']}/", operator)


async def test_a_large_payout_needs_two_people_in_the_panel(bench: Bench) -> None:
    payout, operator = await requested(bench, 120_000_000), await staff(bench)
    path = f"payouts/{payout['id']}/approve"
    await act(bench, path, operator)
    await act(bench, path, operator, 409)
    await act(bench, path, await staff(bench, "owner"))

    assert (await bench.read(f"/api/v1/payouts/{payout['id']}/"))["status"] == "approved"


async def test_a_creators_payouts_are_stopped_and_allowed_again(bench: Bench) -> None:
    payout, operator = await requested(bench), await staff(bench)
    path = f"earnings/{bench.creator.id}"
    await act(bench, f"{path}/stop", operator, reason="a complaint")
    await act(bench, f"payouts/{payout['id']}/approve", operator, 409)
    assert "a complaint" in await page(bench, f"{path}/", operator)
    await act(bench, f"{path}/resume", operator)
    await act(bench, f"payouts/{payout['id']}/approve", operator)


async def test_adjustments_and_debts_are_booked_with_a_reason(bench: Bench) -> None:
    operator, owner, path = await staff(bench), await staff(bench, "owner"), f"earnings/{bench.creator.id}"
    await act(bench, f"{path}/adjust", operator, direction="bonus", amount="100,50", reason="a prize")
    await act(bench, f"{path}/adjust", operator, direction="fine", amount="300", reason="late")
    await act(bench, f"{path}/adjust", operator, 422, direction="fine", amount="", reason="late")
    assert await bench.balance() == {"available": -19_950}
    assert "a prize" in await page(bench, f"{path}/", owner)
    assert "Списать долг" in await (await sign_in(bench.api, owner)).page(f"/admin/{path}/")
    assert "Списать долг" not in await (await sign_in(bench.api, operator)).page(f"/admin/{path}/")
    assert bench.creator.username in await page(bench, "balances/", operator)

    await act(bench, f"{path}/write-off", operator, 403, reason="gone")
    await act(bench, f"{path}/write-off", owner, reason="gone")
    assert await bench.balance() == {}
    assert await bench.is_sound()


async def test_a_viewer_can_read_everything_and_change_nothing(bench: Bench) -> None:
    payout, viewer = await requested(bench), await staff(bench, "viewer")
    for path in (
        "payouts/",
        f"payouts/{payout['id']}/",
        "balances/",
        "earning-entries/",
        "statements/",
        "chargebacks/",
    ):
        await page(bench, path, viewer)
    for action in ("approve", "paid", "failed", "returned", "withdraw"):
        await act(bench, f"payouts/{payout['id']}/{action}", viewer, 403, document="1", reason="x")

    assert (await bench.read(f"/api/v1/payouts/{payout['id']}/"))["status"] == "requested"


async def test_details_of_two_creators_that_are_the_same_are_shown(bench: Bench) -> None:
    payout, operator = await requested(bench), await staff(bench)
    other = await bench.factory.person(channel="market")
    fields = {"kind": "sbp", "phone": "+79161234567", "bank_id": "100000000004", "password": other.password}
    answer = await bench.api.put("/api/v1/payouts/details/", fields, as_=other)
    assert answer.status == 200, await answer.text()
    # An account without orders has no balance yet.
    await bench.app[DATABASE].execute(
        "insert into creator_balances (creator_id, updated_at) values (%(id)s, now()) on conflict do nothing",
        id=other.id,
    )

    assert other.username in await page(bench, f"payouts/{payout['id']}/", operator)


async def test_without_a_provider_there_is_no_queue_to_resume(bench: Bench) -> None:
    payout, operator = await requested(bench), await staff(bench)
    await act(bench, "payouts/resume-queue", operator, 404)
    await act(bench, f"payouts/{payout['id']}/send-again", operator, 404, part=payout["parts"][0]["id"])
    assert bench.app[PAYOUTS] is not None
