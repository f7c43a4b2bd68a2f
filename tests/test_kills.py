"""No money movement is lost or doubled, whenever the service is killed (promises M1, M4, M6 in their short form).

A run prints its seed; MYSTAR_SEED repeats it. `python -m tests.harness` runs the same at full size.
"""

from __future__ import annotations

import asyncio
import copy
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.harness.checker import differences
from tests.harness.interruptions import Moment, SharedKill
from tests.harness.run import UNSURE_MAILS, Deployment, Plan, chosen_seed, run
from tests.harness.scenarios import SCENARIOS, OrderFlow, paid_first
from tests.harness.snapshot import Snapshot
from tests.sandbox_process import SandboxProcess, sandbox_in


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A provider whose journal holds nothing but this test's money."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


async def test_no_money_is_lost_or_doubled_when_the_service_is_killed_repeatedly(
    dsn: str, own_sandbox: SandboxProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = chosen_seed()
    print(f"MYSTAR_SEED={seed}")
    report = await run(Plan(seed, orders=16, kills=4), dsn, own_sandbox, tmp_path / "service")
    with capsys.disabled():
        print(f"\n{report}")
    assert not report.problems


#: The actions of the main job, from the first to the last.
STEPS = (
    *("star registers", "star confirms", "star logs in", "star shows up", "avatar", "hello"),
    *("customer registers", "customer confirms", "customer logs in", "stars", "star", "place", "ask to pay"),
    *("open the link", "come back", "accept", "upload", "detail", "play", "rate", "like"),
)


#: The lost answer is the hardest: the client repeats what has been done. The other moments belong to the long form.
MOMENTS = [
    Moment.BEFORE_ANSWER,
    *(pytest.param(one, marks=pytest.mark.long) for one in Moment if one is not Moment.BEFORE_ANSWER),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name.lower())
async def test_the_main_job_completes_when_the_service_is_killed_at_any_step(
    moment: Moment, dsn: str, own_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """One order for every step: each waits before its own, one kill interrupts all, and all go on to the end."""
    seed = chosen_seed()
    print(f"MYSTAR_SEED={seed}")
    deployment = Deployment(dsn, own_sandbox, tmp_path / "service", seed)
    deployment.unsure_mails = UNSURE_MAILS
    try:
        await deployment.open()
        death = SharedKill(deployment.service, moment, len(STEPS), random.Random(seed))
        flows = [deployment.flow(f"killed at {step}", {step: death}) for step in STEPS]
        async with asyncio.timeout(150), asyncio.TaskGroup() as everybody:
            for number, flow in enumerate(flows):
                everybody.create_task(_main_job(flow, number, deployment))
        _, snapshot, found = await deployment.recover()
        violations = await deployment.close()
    finally:
        deployment.service.kill()
    assert not found
    assert not violations
    assert [line["kind"] for line in snapshot.journal].count("payment.captured") == len(STEPS)


async def _main_job(flow: OrderFlow, number: int, deployment: Deployment) -> None:
    async with flow.client:
        flow.star = await flow.become_star(await flow.register("star", f"comet{number}"), deployment.category)
        await flow.upload_avatar()
        await flow.upload_hello_video()
        flow.customer = await flow.register("customer", f"olga{number}")
        await paid_first(flow)


# The checker itself.


Plant = Callable[[Snapshot], object]


def the_last(rows: list[Any], **values: object) -> dict[str, Any]:
    """The last row that has these values."""
    return next(row for row in reversed(rows) if values.items() <= row.items())


def forget_a_capture(snapshot: Snapshot) -> None:
    capture = the_last(snapshot.ledger, reason="capture")
    snapshot.ledger[:] = [entry for entry in snapshot.ledger if entry["move_id"] != capture["move_id"]]


def capture_twice(snapshot: Snapshot) -> None:
    line = the_last(snapshot.journal, kind="payment.captured")
    snapshot.journal.append({**line, "idempotence_key": "another"})


def pay_an_order_twice(snapshot: Snapshot) -> None:
    line = the_last(snapshot.journal, kind="payment.captured")
    snapshot.journal.append({**line, "payment_id": "another", "idempotence_key": "another"})


def lose_money_at_the_provider(snapshot: Snapshot) -> None:
    snapshot.journal.remove(the_last(snapshot.journal, kind="payment.captured"))
    the_last(snapshot.journal, kind="payment.held")["amount"] += 1


def capture_without_knowing(snapshot: Snapshot) -> None:
    """The provider captured the money, and the database does not show it."""
    line = the_last(snapshot.journal, kind="payment.captured")
    row = the_last(snapshot.payments, provider_id=line["payment_id"])
    row.update(status="held", captured=0)


def refund_more_than_was_taken(snapshot: Snapshot) -> None:
    line = the_last(snapshot.journal, kind="payment.captured")
    snapshot.journal.append({**line, "kind": "payment.refunded", "amount": line["amount"] + 1})


def release_after_an_acceptance(snapshot: Snapshot) -> None:
    """Money that was promised to the star goes back to the customer."""
    line = the_last(snapshot.journal, kind="payment.captured")
    line["kind"] = "payment.canceled"
    line["payment"].update(status="canceled", captured=0)


def unbalance_a_move(snapshot: Snapshot) -> None:
    snapshot.ledger[-1]["amount"] += 1


def forget_an_order(snapshot: Snapshot) -> None:
    snapshot.orders.pop()


def place_an_order_twice(snapshot: Snapshot) -> None:
    snapshot.orders.append({**snapshot.orders[-1], "id": 10**6})


def forget_a_delivery(snapshot: Snapshot) -> None:
    snapshot.deliveries.pop()


def lose_a_vote(snapshot: Snapshot) -> None:
    snapshot.votes.clear()


def leave_a_hold(snapshot: Snapshot) -> None:
    the_last(snapshot.orders, money="released")["money"] = "held"


def drop_an_event(snapshot: Snapshot) -> None:
    snapshot.events.remove(the_last(snapshot.events, action="money_held"))


def record_a_hold_twice(snapshot: Snapshot) -> None:
    event = the_last(snapshot.events, action="money_held")
    place = snapshot.events.index(event)
    standing = {"from_status": event["to_status"], "from_money": event["to_money"]}
    snapshot.events.insert(place + 1, {**event, **standing})


def leave_a_message_unsent(snapshot: Snapshot) -> None:
    snapshot.outbox[-1]["done_at"] = None


def fail_a_message(snapshot: Snapshot) -> None:
    snapshot.outbox[-1].update(done_at=None, failed_at=snapshot.outbox[-1]["created_at"])


def send_a_mail_twice(snapshot: Snapshot) -> None:
    letter = the_last(snapshot.outbox, topic="mail")
    snapshot.outbox.append({**letter, "id": 10**6, "idempotency_key": uuid.uuid4()})


def send_no_mail(snapshot: Snapshot) -> None:
    letters = [row for row in snapshot.outbox if row["topic"] == "mail" and "новый заказ" in row["payload"]["text"]]
    snapshot.outbox.remove(letters[-1])


def lose_a_mail(snapshot: Snapshot) -> None:
    snapshot.mails.pop(0)


def invent_a_payment(snapshot: Snapshot) -> None:
    row = the_last(snapshot.payments, status="captured")
    row["provider_id"] = "invented"


def record_a_discrepancy(snapshot: Snapshot) -> None:
    snapshot.discrepancies.append({"payment_id": 1, "provider_id": "x", "kind": "amount", "details": {}})


def lose_the_payment_of_a_customer(snapshot: Snapshot) -> None:
    """The payment page was confirmed, and the provider has no such payment."""
    line = the_last(snapshot.journal, kind="payment.held")
    snapshot.journal[:] = [one for one in snapshot.journal if one["payment_id"] != line["payment_id"]]


def answer_a_key_anew(snapshot: Snapshot) -> None:
    place, one = next((place, one) for place, one in enumerate(snapshot.repeats) if not one.is_changed)
    snapshot.repeats[place] = replace(one, again=(201, {"order_id": 10**6}))


def take_another_request_with_a_used_key(snapshot: Snapshot) -> None:
    one = snapshot.repeats[0]
    snapshot.repeats.append(replace(one, again=one.first, is_changed=True))


def deliver_a_mail_twice(snapshot: Snapshot) -> None:
    snapshot.mails.append({**snapshot.mails[-1]})


def mail_a_fact_twice(snapshot: Snapshot) -> None:
    """Other words about the same: the checker knows the recipient, the kind and the order."""
    letter = next(mail for mail in snapshot.mails if "новый заказ" in mail["text"])
    snapshot.mails.append({**letter, "message_id": "<another>", "text": f"{letter['text']} Добро пожаловать."})


def write_no_audit_entry(snapshot: Snapshot) -> None:
    snapshot.audit.remove(the_last(snapshot.audit, act="money_moved"))


def audit_another_sum(snapshot: Snapshot) -> None:
    the_last(snapshot.audit, act="money_moved")["details"]["amount"] = "1.00"


def notify_no_party(snapshot: Snapshot) -> None:
    snapshot.notifications.remove(the_last(snapshot.notifications, kind="order_paid"))


def notify_twice(snapshot: Snapshot) -> None:
    snapshot.notifications.append({**the_last(snapshot.notifications, kind="new_order")})


PLANTED: dict[Plant, str] = {
    forget_a_capture: "ledger_equals_journal",
    capture_twice: "nothing_done_twice",
    pay_an_order_twice: "paid_once",
    lose_money_at_the_provider: "provider_conserves_money",
    refund_more_than_was_taken: "provider_conserves_money",
    capture_without_knowing: "both_sides_agree",
    release_after_an_acceptance: "money_ends_as_acknowledged",
    unbalance_a_move: "ledger_sums_to_zero",
    forget_an_order: "acknowledged_orders_exist_once",
    place_an_order_twice: "acknowledged_orders_exist_once",
    forget_a_delivery: "acknowledged_actions_persist",
    lose_a_vote: "acknowledged_actions_persist",
    leave_a_hold: "orders_reach_their_goal",
    drop_an_event: "history_is_complete",
    record_a_hold_twice: "history_is_complete",
    leave_a_message_unsent: "outbox_is_empty",
    fail_a_message: "outbox_is_empty",
    send_a_mail_twice: "no_mail_is_sent_twice",
    send_no_mail: "every_event_is_mailed",
    lose_a_mail: "mails_arrive",
    invent_a_payment: "both_sides_have_the_same_payments",
    record_a_discrepancy: "no_discrepancy_is_recorded",
    lose_the_payment_of_a_customer: "payments_pressed_are_held",
    answer_a_key_anew: "a_key_has_one_answer",
    take_another_request_with_a_used_key: "a_key_has_one_answer",
    deliver_a_mail_twice: "every_mail_arrives_once",
    mail_a_fact_twice: "every_mail_arrives_once",
    write_no_audit_entry: "every_move_is_audited",
    audit_another_sum: "every_move_is_audited",
    notify_no_party: "every_event_is_notified_once",
    notify_twice: "every_event_is_notified_once",
}


async def test_the_checker_accepts_an_undisturbed_run_and_finds_every_planted_fault(
    dsn: str, own_sandbox: SandboxProcess, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Every scenario runs once, without kills."""
    plan = Plan(chosen_seed(), orders=len(SCENARIOS), kills=0, faults={})
    calm = await run(plan, dsn, own_sandbox, tmp_path / "service")
    assert not calm.problems, str(calm)
    for plant, kind in PLANTED.items():
        with subtests.test(plant.__name__):
            snapshot = copy.deepcopy(calm.snapshot)
            plant(snapshot)
            assert kind in {difference.kind for difference in differences(snapshot)}
