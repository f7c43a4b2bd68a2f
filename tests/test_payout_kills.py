"""No payout is lost or doubled, whenever the service is killed (the short form).

A run prints its seed; MYSTAR_SEED repeats it. `python -m tests.harness --payouts 100` runs the same at full size.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mystar.earnings.keys import EARNINGS, PAYOUT_DETAILS, PAYOUTS
from mystar.kit.keys import DATABASE
from tests.factory import Factory, actor
from tests.harness.payouts import STAFF, PayoutPlan, compare_journal, run_payouts, staff_side
from tests.harness.run import chosen_seed
from tests.harness.service import Service
from tests.sandbox_process import SandboxProcess, sandbox_in
from tests.waiting import eventually

VARIABLES: Mapping[str, object] = {
    "PAYOUTS__PROVIDER": "yookassa",
    "PAYOUTS__COOLDOWN_DAYS": 0,
    "PAYOUTS__POLL_SECONDS": 0.5,
    "PAYMENTS__YOOKASSA__TIMEOUT_SECONDS": 20,
    "OUTBOX__LEASE_SECONDS": 5,
}


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A provider whose journal holds nothing but this test's payouts."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


async def test_no_payout_is_lost_or_doubled_when_the_service_is_killed_repeatedly(
    dsn: str, own_sandbox: SandboxProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = chosen_seed()
    print(f"MYSTAR_SEED={seed}")
    report = await run_payouts(PayoutPlan(seed, payouts=6, kills=3), dsn, own_sandbox, tmp_path / "service")
    with capsys.disabled():
        print(f"\n{report}")
    assert not report.problems
    assert report.statuses["paid"]


async def test_a_lost_answer_a_day_and_two_kills_pay_once_and_with_one_key(
    dsn: str, own_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """The provider works and its answer is lost; a day later it has forgotten the key."""
    service = Service(dsn, own_sandbox, tmp_path / "service", **VARIABLES)
    async with staff_side(dsn, own_sandbox, tmp_path / "service", VARIABLES) as app:
        db = app[DATABASE]
        creator = await Factory(app).person(channel="market")
        await app[EARNINGS].adjust(None, creator.id, 125_000, "earned elsewhere")
        fields = {"phone": "+79161234567", "bank_id": "100000000004"}
        await app[PAYOUT_DETAILS].put(actor(creator), "sbp", fields, creator.password)
        payout = await app[PAYOUTS].request(actor(creator))
        await app[PAYOUTS].approve(STAFF, payout.id)

        async def status() -> str:
            return str((await app[PAYOUTS].get(actor(creator), payout.id)).status)

        async def made() -> list[dict[str, Any]]:
            return [line for line in await own_sandbox.journal() if line["kind"] == "payout.created"]

        try:
            await own_sandbox.faults(hang_after_work={"probability": 1.0, "seconds": 60.0})
            service.start()
            assert await eventually(made, timeout=60)
            service.kill()
            assert await status() == "sending"

            own_sandbox.hours_ahead = service.hours_ahead = 25
            own_sandbox.restart()
            await own_sandbox.faults(delay_seconds=[60.0, 60.0])
            await service.start().wait_ready()
            tried = "select attempts > 1 from outbox where topic = 'payouts'"
            assert await eventually(lambda: db.value(tried), timeout=60)
            service.kill()
            assert await status() == "sending"

            await own_sandbox.faults()
            await service.start().wait_ready()
            await eventually(lambda: is_paid(status), timeout=60)
        finally:
            service.kill()
        [line] = await made()
        [part] = (await app[PAYOUTS].get(actor(creator), payout.id)).parts
        assert (part.attempt, line["idempotence_key"]) == (1, f"payout:{part.id}:1")
        assert (line["amount"], line["metadata"]["payout_part"]) == (125_000, str(part.id))
        balance = await db.one("select available, reserved, paid from creator_balances")
        assert dict(balance) == {"available": 0, "reserved": 0, "paid": 125_000}


async def is_paid(status: Callable[[], Awaitable[str]]) -> bool:
    return await status() == "paid"


def created(payout: str, part: str = "1", *, key: str = "k", amount: int = 500) -> dict[str, Any]:
    metadata = {"payout_part": part}
    line = {"kind": "payout.created", "payout_id": payout, "idempotence_key": key, "amount": amount}
    return line | {"metadata": metadata}


def ended(payout: str, how: str) -> dict[str, Any]:
    return {"kind": f"payout.{how}", "payout_id": payout, "idempotence_key": None, "amount": 500, "metadata": {}}


PAID = {"id": 1, "amount": 500, "status": "paid"}


@pytest.mark.parametrize(
    ("journal", "part", "found"),
    [
        ([created("a"), ended("a", "succeeded")], PAID, None),
        ([created("a"), ended("a", "succeeded"), created("b", key="l"), ended("b", "succeeded")], PAID, "2 times"),
        ([created("a"), ended("a", "succeeded"), created("b"), ended("b", "canceled")], PAID, "key k made 2"),
        ([created("a"), ended("a", "canceled")], PAID, "paid here and canceled there"),
        ([created("a"), ended("a", "succeeded")], PAID | {"status": "failed"}, "failed here and succeeded there"),
        ([created("a"), ended("a", "succeeded")], PAID | {"amount": 501}, "501 here and 500 there"),
        ([created("a"), ended("a", "succeeded")], PAID | {"status": "unknown"}, "has not ended"),
        ([created("a", "2"), ended("a", "succeeded")], PAID | {"status": "failed"}, "does not exist"),
        ([], PAID, "never made there"),
    ],
)
def test_the_checker_of_payouts_finds_planted_faults(
    journal: list[Mapping[str, Any]], part: Mapping[str, Any], found: str | None
) -> None:
    problems = list(compare_journal(journal, [part]))

    assert (not problems) if found is None else any(found in problem for problem in problems), problems
