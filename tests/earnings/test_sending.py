"""Payouts through the provider: every ending, lost answers, stops, and never twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mystar.cli import sending
from mystar.earnings.keys import PAYOUT_RECONCILIATION, PAYOUT_SENDING, PAYOUTS
from mystar.earnings.payouts.provider import Destination
from mystar.earnings.payouts.repository import PayoutRepository
from mystar.earnings.sending.model import PayoutDifference
from mystar.kit.keys import DATABASE
from tests.earnings.payout_requests import OPERATOR, approved_payout, provider_payouts, wait_for_status
from tests.earnings.scenario import EarningsScenario
from tests.sandbox_process import SandboxProcess, sandbox_in
from tests.waiting import eventually

THROUGH_PROVIDER = {"PAYOUTS__PROVIDER": "yookassa", "PAYOUTS__COOLDOWN_DAYS": "0", "PAYOUTS__POLL_SECONDS": "1"}
pytestmark = pytest.mark.parametrize("further_settings", [THROUGH_PROVIDER], indirect=True)


@pytest.fixture
def sandbox_process(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A provider of the test's own: its balance, its faults and its journal."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


async def test_an_approved_payout_is_sent_and_paid(scenario: EarningsScenario) -> None:
    payout = await approved_payout(scenario)
    await wait_for_status(scenario, payout, "paid")

    [theirs] = await provider_payouts(scenario)
    assert (theirs["amount"], theirs["status"]) == (125_000, "succeeded")
    assert theirs["metadata"]["payout_part"] == str(payout["parts"][0]["id"])
    assert await scenario.balance() == {"paid": 125_000}
    assert await scenario.is_sound()


@pytest.mark.parametrize(
    "details",
    [
        {"kind": "wallet", "account_number": "4100116075156746"},
        {"kind": "card", "token": "pt-220220-0047-0123456789abcdef", "mask": "220220******0047"},
    ],
)
async def test_a_payout_reaches_wallets_and_cards(scenario: EarningsScenario, details: dict[str, str]) -> None:
    payout = await approved_payout(scenario, **details)

    await wait_for_status(scenario, payout, "paid")


REASONS = {
    "02": "fraud_suspected",
    "03": "one_time_limit_exceeded",
    "04": "periodic_limit_exceeded",
    "05": "rejected_by_payee",
    "06": "general_decline",
    "07": "issuer_unavailable",
    "08": "recipient_not_found",
    "09": "recipient_check_failed",
    "10": "identification_required",
}


async def test_a_canceled_payout_makes_the_money_available_again(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    for number, reason in REASONS.items():
        await scenario.details(phone=f"+790000000{number}")
        payout = await scenario.payout()
        await scenario.decide(payout["id"], "approve")
        failed = await wait_for_status(scenario, payout, "failed")
        assert [part["reason"] for part in failed["parts"]] == [reason]
        assert await scenario.balance() == {"available": 125_000}
    assert (await scenario.app[PAYOUT_SENDING].queue_state()).stopped_for is None
    assert await scenario.is_sound()


async def test_an_empty_balance_stops_the_whole_queue_until_staff_resume_it(scenario: EarningsScenario) -> None:
    await scenario.sandbox.fund_payouts(0)
    first = await approved_payout(scenario)
    await wait_for_status(scenario, first, "failed")
    assert await scenario.balance() == {"available": 125_000}
    letter = await scenario.sandbox.wait_for_mail("support@localhost")
    assert "insufficient_funds" in letter["text"]

    second = await scenario.payout()
    await scenario.decide(second["id"], "approve")
    await scenario.sandbox.fund_payouts(1_000_000)
    await scenario.later(minutes=5)
    assert (await scenario.read(f"/api/v1/payouts/{second['id']}/"))["status"] == "approved"
    assert len(await provider_payouts(scenario)) == 1

    await scenario.panel("payouts/resume-queue")
    await scenario.later(minutes=5)
    await wait_for_status(scenario, second, "paid")
    keys = {line["idempotence_key"] for line in await scenario.sandbox.journal() if line["kind"] == "payout.created"}
    assert len(keys) == 2
    assert await scenario.is_sound()


async def test_refused_credentials_stop_the_queue_and_fail_nothing(scenario: EarningsScenario) -> None:
    gateway = scenario.app[PAYOUT_SENDING]._providers.balance
    wrong = {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}
    gateway._client._session.headers.update(wrong)
    payout = await approved_payout(scenario)

    async def stopped() -> str | None:
        return (await scenario.app[PAYOUT_SENDING].queue_state()).stopped_for

    assert await eventually(stopped) == "credentials"
    assert (await scenario.read(f"/api/v1/payouts/{payout['id']}/"))["status"] == "sending"
    assert await provider_payouts(scenario) == []


async def test_a_payout_to_a_bank_account_is_paid_by_hand(scenario: EarningsScenario) -> None:
    """The provider pays to none: it would never leave."""
    account = {"bic": "044525225", "account": "40817810899910004312", "inn": "500100732259", "name": "Иванов Иван"}
    payout = await approved_payout(scenario, kind="bank_account", **account)
    [line] = await scenario.app[PAYOUTS].export(OPERATOR)
    assert (line.destination, line.part.amount) == (account, 125_000)
    await scenario.decide(payout["id"], "paid", document="17")
    assert await scenario.balance() == {"paid": 125_000}
    assert await provider_payouts(scenario) == []


async def test_the_command_compares_payouts_refunds_and_deals(
    scenario: EarningsScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wait_for_status(scenario, await approved_payout(scenario), "paid")
    said: list[str] = []

    def run_here(action: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(action(scenario.app), loop).result(30)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(sending, "with_service", run_here)
    for plant, code in (("", 0), ("update payout_parts set amount = amount + 1", 1)):
        if plant:
            await scenario.app[DATABASE].execute(plant)
        done = await asyncio.to_thread(CliRunner().invoke, sending.reconcile, [], catch_exceptions=False)
        assert done.exit_code == code, done.output
        said.append(done.output)
    assert "1 payouts compared" in said[0]
    assert "0 safe deals compared.\n0 refunds compared." in said[0]
    assert "amount: part" in said[1]


async def test_a_pending_payout_is_followed(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(payouts={"hold": True})
    payout = await approved_payout(scenario)
    await wait_for_status(scenario, payout, "pending")
    assert await scenario.balance() == {"reserved": 125_000}

    [theirs] = await provider_payouts(scenario)
    await scenario.sandbox.payout_action(theirs["id"], "succeed")
    await scenario.later(seconds=2)
    await wait_for_status(scenario, payout, "paid")


async def test_a_lost_answer_is_looked_up_and_pays_once(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(error_after_work=1)
    payout = await approved_payout(scenario)
    await wait_for_status(scenario, payout, "unknown")
    assert (await scenario.read("/api/v1/earnings/"))["paused"] == "payout_unknown"

    await scenario.sandbox.faults()
    await scenario.later(minutes=2)
    await wait_for_status(scenario, payout, "paid")
    assert len(await provider_payouts(scenario)) == 1
    assert await scenario.is_sound()


async def test_a_lost_answer_is_followed_even_after_the_key_is_forgotten(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(error_after_work=1)
    payout = await approved_payout(scenario)
    await wait_for_status(scenario, payout, "unknown")
    await scenario.sandbox.faults()
    await scenario.later(hours=25)
    await wait_for_status(scenario, payout, "paid")

    assert len(await provider_payouts(scenario)) == 1


async def test_a_payout_that_was_never_made_waits_for_a_person_after_twenty_hours(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(error_before_work=1)
    payout = await approved_payout(scenario)
    await wait_for_status(scenario, payout, "unknown")
    part_id = payout["parts"][0]["id"]
    late = await PayoutRepository(scenario.app[DATABASE]).differences(scenario.clock.now() + timedelta(minutes=1))
    assert [(one.what, one.id) for one in late] == [("unknown for a day", part_id)]
    await scenario.sandbox.faults(down=True)
    await scenario.later(hours=20, minutes=1)
    await scenario.sandbox.faults()

    await scenario.reauthenticate(scenario.staff)

    async def proven() -> bool:
        answer = await scenario.api.post(
            f"/admin/payouts/{payout['id']}/send-again/", data={"part": part_id}, as_=scenario.staff
        )
        return answer.status == 204

    await eventually(proven)
    await wait_for_status(scenario, payout, "paid")
    [line] = [line for line in await scenario.sandbox.journal() if line["kind"] == "payout.created"]
    assert line["idempotence_key"] == f"payout:{part_id}:2"
    assert await scenario.is_sound()


async def test_no_other_attempt_begins_while_the_first_may_still_pay(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(error_before_work=1)
    payout = await approved_payout(scenario)
    await wait_for_status(scenario, payout, "unknown")
    await scenario.sandbox.faults(payouts={"hold": True})

    part_id = payout["parts"][0]["id"]
    assert "not_proven_absent" in await scenario.decide(payout["id"], "send-again", status=409, part=part_id)


async def test_a_payout_is_not_sent_while_its_creator_is_stopped(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    payout = await scenario.payout()
    await scenario.app[DATABASE].execute("update payout_queue set stopped_for = 'credentials'")
    await scenario.decide(payout["id"], "approve")
    await scenario.on_balance("stop", reason="a complaint")
    await scenario.panel("payouts/resume-queue")
    await scenario.later(minutes=5)
    assert await provider_payouts(scenario) == []

    await scenario.on_balance("resume")
    await scenario.later(minutes=5)
    await wait_for_status(scenario, payout, "paid")


async def test_a_large_payout_is_sent_in_parts_that_end_alone(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(payouts={"hold": True})
    payout = await approved_payout(scenario, 110_000_000)
    assert [part["amount"] for part in payout["parts"]] == ["500000.00", "500000.00", "100000.00"]

    async def all_pending() -> list[dict[str, Any]] | None:
        theirs = await provider_payouts(scenario)
        return theirs if len(theirs) == 3 else None

    theirs = {one["amount"]: one["id"] for one in await eventually(all_pending) or ()}
    await wait_for_status(scenario, payout, "pending")
    await scenario.sandbox.payout_action(theirs[10_000_000], "cancel", reason="general_decline")
    for one in await provider_payouts(scenario):
        if one["amount"] == 50_000_000:
            await scenario.sandbox.payout_action(one["id"], "succeed")
    await scenario.later(seconds=2)
    ended = await wait_for_status(scenario, payout, "paid")

    assert [part["status"] for part in ended["parts"]] == ["paid", "paid", "failed"]
    assert await scenario.balance() == {"available": 10_000_000, "paid": 100_000_000}


async def test_a_notification_is_a_reason_to_read_the_payout_and_no_more(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(payouts={"hold": True})
    payout = await approved_payout(scenario)
    await wait_for_status(scenario, payout, "pending")
    [theirs] = await provider_payouts(scenario)
    forged = {"type": "notification", "event": "payout.succeeded", "object": {"id": theirs["id"]}}

    answer = await scenario.api.post("/payments/notifications/", forged)
    assert answer.status == 200
    assert (await scenario.read(f"/api/v1/payouts/{payout['id']}/"))["status"] == "pending"

    await scenario.sandbox.payout_action(theirs["id"], "succeed")
    assert (await scenario.api.post("/payments/notifications/", forged)).status == 200
    assert (await scenario.read(f"/api/v1/payouts/{payout['id']}/"))["status"] == "paid"


async def test_reconciliation_finds_planted_differences_and_invents_none(scenario: EarningsScenario) -> None:
    paid = await wait_for_status(scenario, await approved_payout(scenario), "paid")
    await wait_for_status(scenario, await approved_payout(scenario, phone="+79000000006"), "failed")
    reconciliation, db = scenario.app[PAYOUT_RECONCILIATION], scenario.app[DATABASE]

    async def differences() -> list[PayoutDifference]:
        return (await reconciliation.run(timedelta(days=3))).differences

    assert await differences() == []

    part_id = paid["parts"][0]["id"]
    [provider_id] = [one["id"] for one in await provider_payouts(scenario) if one["status"] == "succeeded"]
    plants = {
        "status": "update payout_parts set status = 'failed' where id = %(id)s",
        "amount": "update payout_parts set amount = amount + 1 where id = %(id)s",
        "destination": "update payout_details set mask = '+7 *** ***-00-00' where id = 1",
    }
    for kind, statement in plants.items():
        await db.execute(statement, id=part_id)
        found = await differences()
        assert kind in {one.kind for one in found}, found
    await db.execute("update payout_parts set provider_id = 'po-none' where id = %(id)s", id=part_id)
    found = {(one.kind, one.provider_id) for one in await differences()}
    assert {("missing_there", "po-none"), ("unknown_here", provider_id)} <= found


async def test_a_creator_is_asked_for_details_only_when_they_are_at_fault(scenario: EarningsScenario) -> None:
    for number in ("07", "08"):
        await scenario.details(phone=f"+790000000{number}")
        await wait_for_status(scenario, await approved_payout(scenario, phone=f"+790000000{number}"), "failed")
    listed = await scenario.read("/api/v1/notifications/")

    assert [one["type"] for one in listed["results"] if one["type"].startswith("payout")] == [
        "payout_failed",
        "payout_not_made",
    ]


async def test_reconciliation_finds_fifty_planted_differences_among_a_thousand_payouts(
    scenario: EarningsScenario,
) -> None:
    gateway, db = scenario.app[PAYOUT_SENDING]._providers.balance, scenario.app[DATABASE]
    await scenario.details()
    destination = Destination("sbp", {"phone": "+79161234567", "bank_id": "100000000004"})

    places = asyncio.Semaphore(10)

    async def make(number: int) -> str:
        async with places:
            made = await gateway.create_payout(
                f"planted-{number}", amount=10_000 + number, destination=destination, description="", metadata={}
            )
            return made.id

    ids = [await made for made in asyncio.as_completed([make(number) for number in range(1_000)])]
    listed = {one["id"]: one["amount"] for one in await provider_payouts(scenario)}
    await db.execute(
        "with payout as ("
        " insert into payouts (creator_id, details_id, provider, amount, status, created_at, updated_at)"
        " values (%(creator)s, 1, 'yookassa', 1, 'paid', now(), now()) returning id)"
        " insert into payout_parts (payout_id, number, amount, status, provider_id, sent_at, created_at, updated_at)"
        " select payout.id, row_number() over (), made.amount, 'paid', made.id, now(), now(), now()"
        " from payout, unnest(%(ids)s::text[], %(amounts)s::bigint[]) as made (id, amount)",
        creator=scenario.creator.id,
        ids=ids,
        amounts=[listed[one] for one in ids],
    )
    reconciliation = scenario.app[PAYOUT_RECONCILIATION]
    assert (await reconciliation.run(timedelta(days=3))).differences == []

    await db.execute("update payout_parts set status = 'failed' where provider_id = any(%(ids)s)", ids=ids[:10])
    await db.execute("update payout_parts set amount = amount + 1 where provider_id = any(%(ids)s)", ids=ids[10:20])
    # One that we do not know is also one of ours that is missing there, unless our row is gone.
    await db.execute("delete from payout_parts where provider_id = any(%(ids)s)", ids=ids[20:30])
    await db.execute(
        "update payout_parts set provider_id = 'po-' || id where provider_id = any(%(ids)s)", ids=ids[30:40]
    )
    await db.execute(
        "with other as ("
        " insert into payout_details (creator_id, kind, sealed, mask, fingerprint, usable_at, replaced_at, created_at)"
        " values (%(creator)s, 'sbp', '', '+7 *** ***-00-00', '', now(), now(), now()) returning id), payout as ("
        " insert into payouts (creator_id, details_id, provider, amount, status, created_at, updated_at)"
        " select %(creator)s, other.id, 'yookassa', 1, 'paid', now(), now() from other returning id)"
        " update payout_parts set payout_id = payout.id from payout where provider_id = any(%(ids)s)",
        creator=scenario.creator.id,
        ids=ids[40:50],
    )
    found = Counter(one.kind for one in (await reconciliation.run(timedelta(days=3))).differences)

    # Each of the ten with another id is unknown here under its own, and missing there under the other.
    assert found == {"status": 10, "amount": 10, "unknown_here": 20, "missing_there": 10, "destination": 10}


async def test_the_providers_banks_are_listed_and_ours_while_it_is_down(scenario: EarningsScenario) -> None:
    await scenario.sandbox.faults(down=True)
    ours = await scenario.read("/api/v1/payouts/banks/")
    await scenario.sandbox.faults()
    # The breaker lets a trial call through after a pause.
    theirs = await eventually(lambda: listed_banks(scenario, 5))

    assert ours["count"] == 9
    assert {"id": "100000000111", "name": "Сбербанк"}.items() <= theirs[0].items()


async def listed_banks(scenario: EarningsScenario, count: int) -> list[dict[str, Any]] | None:
    found = await scenario.read("/api/v1/payouts/banks/")
    return list(found["results"]) if found["count"] == count else None
