"""The operator's commands about earnings and payouts, beside a running service."""

from __future__ import annotations

import asyncio
import csv
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from mystar.audit.keys import AUDIT
from mystar.cli.commands import main
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario
from tests.earnings.test_payouts import at_once
from tests.server_process import SECRET_KEY
from tests.waiting import eventually

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
def settings(make_settings: Callable[..., Settings], further_settings: dict[str, object]) -> Settings:
    return make_settings(SECRET_KEY=SECRET_KEY, **further_settings)


@pytest.fixture
def mystar(settings: Settings) -> Command:
    """`python -m mystar …` over this test's database; exit code 0 unless said otherwise."""

    async def run(*arguments: object, code: int = 0) -> Result:
        words = [str(one) for one in arguments]
        done = await asyncio.to_thread(CliRunner().invoke, main, words, catch_exceptions=False)
        assert done.exit_code == code, done.output
        assert bool(done.stderr.strip()) is bool(code), done.stderr
        return done

    return run


async def test_rules_are_set_from_a_file_and_shown(scenario: EarningsScenario, mystar: Command, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    rules = [
        {"name": "music", "categories": [scenario.category_id], "percent": "12.5", "min": "50.00"},
        *TWENTY_PER_CENT,
    ]
    file.write_bytes(orjson.dumps(rules))
    shown = orjson.loads((await mystar("earnings", "rules", "--set", file)).stdout)
    assert shown == orjson.loads((await mystar("earnings", "rules")).stdout)
    assert [(one["name"], one["percent"], one["min"]) for one in shown] == [
        ("music", "12.5", "50.00"),
        ("default", "20", "0.00"),
    ]
    service_id = await scenario.service(100_000)
    assert (await scenario.read(f"/api/v1/earnings/quote/?service_id={service_id}"))["commission"] == "125.00"
    for wrong, said in (
        (b"[{", "is not JSON"),
        (orjson.dumps(rules[:1]), "must have no conditions"),
        (orjson.dumps([{"percent": "101"}]), "from 0 to 100"),
        (orjson.dumps([*TWENTY_PER_CENT, *TWENTY_PER_CENT]), "Overlapping start"),
        (orjson.dumps([{"percent": "1", "valid_from": "2020-01-01"}]), "Overlapping start"),
    ):
        file.write_bytes(wrong)
        assert said in (await mystar("earnings", "rules", "--set", file, code=1)).stderr
    assert "No such file" in (await mystar("earnings", "rules", "--set", tmp_path / "none.json", code=1)).stderr


async def test_balances_are_adjusted_and_debts_written_off(scenario: EarningsScenario, mystar: Command) -> None:
    creator = scenario.creator.id
    done = await mystar("earnings", "adjust", "--creator", creator, "--amount", "-400.00", "--reason", "a fine")
    assert "-400.00 RUB" in done.stdout
    assert await scenario.balance() == {"available": -40_000}
    await mystar("earnings", "adjust", "--creator", creator, "--amount", "+50", "--reason", "a bonus")
    assert "350.00 RUB" in (await mystar("earnings", "write-off", "--creator", creator, "--reason", "gone")).stdout
    for arguments, said in (
        (("adjust", "--creator", creator, "--amount", "0", "--reason", "x"), "not zero"),
        (("adjust", "--creator", creator, "--amount", "1.001", "--reason", "x"), "two decimals"),
        (("adjust", "--creator", creator, "--amount", "1", "--reason", " "), "--reason may not be empty"),
        (("adjust", "--creator", 10**9, "--amount", "1", "--reason", "x"), "no such creator"),
        (("write-off", "--creator", creator, "--reason", "x"), "no debt"),
        (("chargeback", "--order", 10**9, "--amount", "1", "--bearer", "creator"), "earns nothing"),
        (("stop", "--order", 10**9, "--reason", "x"), "earns nothing"),
    ):
        assert said in (await mystar("earnings", *arguments, code=1)).stderr
    entries = [entry.event for entry in await scenario.app[AUDIT].tail(10)][-3:]
    assert [one.action for one in entries] == ["balance_adjustment", "balance_adjustment", "balance_write_off"]
    assert {(one.address, one.details["by"]) for one in entries} == {("command line", f"operator:{getpass.getuser()}")}
    assert (await mystar("check")).stdout == "Everything is in order.\n"


async def test_an_order_is_stopped_resumed_and_charged_back(scenario: EarningsScenario, mystar: Command) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    order_id = await scenario.completed(150_000)
    assert "1200.00" in (await mystar("earnings", "stop", "--order", order_id, "--reason", "a complaint")).stdout
    assert await scenario.balance() == {"frozen": 120_000}
    await mystar("earnings", "resume", "--order", order_id)
    assert await scenario.balance() == {"pending": 120_000}
    assert "not from" not in (await mystar("earnings", "settled", "--order", order_id, code=1)).stdout
    charged = ("earnings", "chargeback", "--order", order_id, "--bearer", "creator", "--amount")
    assert "1000.00 RUB of its payment" in (await mystar(*charged, "500", "--fee", "10")).stdout
    assert await scenario.balance() == {"pending": 80_000}
    assert "left of the payment" in (await mystar(*charged, "1000.01", code=1)).stderr
    assert (await mystar("earnings", "debts")).stdout == ""
    await scenario.later(days=14)
    assert "800.00" in (await mystar("earnings", "stop", "--order", order_id, "--reason", "again")).stdout
    assert await scenario.balance() == {"frozen": 80_000}
    assert "available again" in (await mystar("earnings", "resume", "--order", order_id)).stdout
    assert await scenario.balance() == {"available": 80_000}


async def test_a_refused_payment_and_a_failed_refund_are_retried(scenario: EarningsScenario, mystar: Command) -> None:
    order_id = await scenario.place(150_000)
    for command, said in (("resume", "is not stopped"), ("refund-again", "No refund")):
        assert said in (await mystar("payments", command, "--order", order_id, code=1)).stderr
        assert "no such order" in (await mystar("payments", command, "--order", 10**9, code=1)).stderr
    await scenario.sandbox.faults(refuse_payments="receipt")
    link = await scenario.act(order_id, "pay", {"payment_method": "bank_card"}, as_=scenario.buyer)

    async def refusal() -> str | None:
        found: str | None = await scenario.app[DATABASE].value(
            "select payment_refusal from orders where id = %(id)s", id=order_id
        )
        return found

    assert await eventually(refusal), link
    await scenario.sandbox.faults()
    assert "paid again" in (await mystar("payments", "resume", "--order", order_id)).stdout
    await scenario.factory.hold(order_id, scenario.sandbox)
    await scenario.act(order_id, "deliveries", {"message": "Готово"}, as_=scenario.creator, status=201)
    await scenario.approve(order_id)
    await scenario.sandbox.faults(refunds={"insufficient_funds": 1})
    await scenario.act(order_id, "refund", {}, as_=scenario.staff)

    async def failure() -> str | None:
        found: str | None = await scenario.app[DATABASE].value(
            "select max(refund_failure) from payments where order_id = %(id)s", id=order_id
        )
        return found

    assert await eventually(failure) == "insufficient_funds"
    await scenario.sandbox.faults()
    assert "anew" in (await mystar("payments", "refund-again", "--order", order_id)).stdout
    await scenario.until(order_id, money="refunded")
    entries = [entry.event for entry in await scenario.app[AUDIT].tail(100) if entry.event.action == "order_decided"]
    decided = [(one.details["money"], one.details["by"]) for one in entries if "by" in one.details]
    name = f"operator:{getpass.getuser()}"
    assert decided == [("resume_payment", name), ("refund_again", name)]


@at_once
async def test_a_payout_is_made_with_the_commands(scenario: EarningsScenario, mystar: Command) -> None:
    await scenario.earned(110_000_000)
    await scenario.details(kind="wallet", account_number="41001614575714")
    assert (await mystar("payouts", "sweep")).stdout == "1 payouts were requested.\n"
    assert "1100000.00" in (await mystar("payouts", "list")).stdout
    assert "is no status" in (await mystar("payouts", "list", "--status", "lost", code=1)).stderr
    (payout,) = (await scenario.read("/api/v1/payouts/"))["results"]
    number = payout["id"]
    assert "needs a second person" in (await mystar("payouts", "approve", number)).stdout
    assert "two people" in (await mystar("payouts", "approve", number, code=1)).stderr
    assert "approved" in (await mystar("payouts", "approve", number, "--as", scenario.staff.username)).stdout
    assert "permission" in (await mystar("payouts", "approve", number, "--as", scenario.buyer.username, code=1)).stderr
    lines = (await mystar("payouts", "export", "--format", "csv")).stdout.splitlines()
    (row,) = csv.DictReader(lines, delimiter=";")
    assert (row["payout"], row["amount"], row["account_number"]) == (str(number), "1100000.00", "41001614575714")
    assert len((await mystar("payouts", "export")).stdout.splitlines()) == 1
    assert len((await mystar("payouts", "export", "--again")).stdout.splitlines()) == 2
    assert "paid" in (await mystar("payouts", "paid", number, "--document", "17")).stdout
    assert "returned" in (await mystar("payouts", "returned", number)).stdout
    for command in (("paid", number, "--document", "17"), ("returned", number), ("cancel", number)):
        assert "cannot be done" in (await mystar("payouts", *command, code=1)).stderr
    assert "not found" in (await mystar("payouts", "approve", 10**9, code=1)).stderr
    creator = ("--creator", scenario.creator.id)
    await mystar("payouts", "stop", *creator, "--reason", "a complaint")
    assert (await mystar("payouts", "sweep")).stdout == "0 payouts were requested.\n"
    await mystar("payouts", "resume", *creator)
    assert (await mystar("payouts", "sweep")).stdout == "1 payouts were requested.\n"
    approvals = [
        entry.event for entry in await scenario.app[AUDIT].tail(100) if entry.event.action == "payout_approved"
    ]
    assert approvals[0].details["by"] == f"account:{scenario.staff.id}"
    assert (await mystar("check")).stdout == "Everything is in order.\n"
