"""Payouts as tests ask for them, and the staff who approve them."""

from __future__ import annotations

from typing import Any

import pytest

from mystar.earnings.payouts.model import Approver
from tests.earnings.scenario import EarningsScenario
from tests.waiting import eventually

OPERATOR = Approver("operator:anna", None, True)
#: Kopecks; the default of the setting.
SECOND_PAIR_ABOVE = 100_000_000
AT_ONCE = {"PAYOUTS__COOLDOWN_DAYS": "0"}
at_once = pytest.mark.parametrize("further_settings", [AT_ONCE], indirect=True)


async def approved_payout(scenario: EarningsScenario, amount: int = 125_000, **details: Any) -> dict[str, Any]:
    """A payout that staff have approved."""
    await scenario.earned(amount)
    await scenario.details(**details)
    payout = await scenario.payout()
    await scenario.decide(payout["id"], "approve")
    if amount > SECOND_PAIR_ABOVE:
        await scenario.decide(payout["id"], "approve", await scenario.factory.staff("owner"))
    return payout


async def wait_for_status(scenario: EarningsScenario, payout: dict[str, Any], status: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = await scenario.read(f"/api/v1/payouts/{payout['id']}/")
        return found if found["status"] == status else None

    found = await eventually(look)
    assert found is not None
    return found


async def provider_payouts(scenario: EarningsScenario) -> list[dict[str, Any]]:
    """The payouts that the provider has."""
    return await scenario.sandbox.payouts()


async def refused(scenario: EarningsScenario, code: str, available: str, amount: str | None = None) -> None:
    found = await scenario.payout(amount, status=409)
    assert (found["code"], found["available"]) == (code, available)
    assert found["error"]
