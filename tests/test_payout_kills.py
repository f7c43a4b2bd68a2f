"""No payout is lost or doubled, whenever the service is killed (the short form).

A run prints its seed; MYSTAR_SEED repeats it. `python -m tests.harness --payouts 100` runs the same at full size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness.payouts import PayoutPlan, compare_journal, run_payouts
from tests.harness.run import chosen_seed
from tests.sandbox_process import SandboxProcess, sandbox_in


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
    report = await run_payouts(PayoutPlan(seed, payouts=8, kills=4), dsn, own_sandbox, tmp_path / "service")
    with capsys.disabled():
        print(f"\n{report}")
    assert not report.problems
    assert report.statuses["paid"]


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
