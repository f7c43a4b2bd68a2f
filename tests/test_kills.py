"""No money move is lost and none is doubled, wherever the service is killed (promises M1, M4, M6 in their short form).

A run prints its seed; MYSTAR_SEED repeats it. `python -m tests.harness` runs the same at full size.
"""

from __future__ import annotations

import asyncio
import copy
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.accidents import CommonDeath, Moment
from tests.harness.checker import differences
from tests.harness.run import Plan, Stage, chosen_seed, run
from tests.harness.stories import STORIES, Walk, paid_first
from tests.harness.world import World
from tests.sandbox_process import SandboxProcess, sandbox_in


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A provider whose journal holds nothing but this test's money."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


async def test_money_survives_a_service_that_is_killed_again_and_again(
    dsn: str, own_sandbox: SandboxProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = chosen_seed()
    print(f"MYSTAR_SEED={seed}")
    report = await run(Plan(seed, orders=24, kills=5), dsn, own_sandbox, tmp_path / "service")
    with capsys.disabled():
        print(f"\n{report}")
    assert not report.troubles


#: The main job from the first step to the last, by the names under which the deeds are asked.
STEPS = (
    *("star registers", "star confirms", "star logs in", "star shows up", "avatar", "hello"),
    *("customer registers", "customer confirms", "customer logs in", "stars", "star", "place", "ask to pay"),
    *("open the link", "come back", "accept", "upload", "detail", "play", "rate", "like"),
)


#: The lost answer is the worst moment: the client repeats what is done already. The others are of the long form.
MOMENTS = [Moment.LOST, *(pytest.param(one, marks=pytest.mark.long) for one in Moment if one is not Moment.LOST)]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name.lower())
async def test_the_main_job_ends_well_when_the_service_dies_at_any_of_its_steps(
    moment: Moment, dsn: str, own_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """One walk for every step. All stand before theirs, and one death meets them all; then they walk on to the end."""
    seed = chosen_seed()
    print(f"MYSTAR_SEED={seed}")
    stage = Stage(dsn, own_sandbox, tmp_path / "service", seed)
    try:
        await stage.open()
        death = CommonDeath(stage.service, moment, len(STEPS), random.Random(seed))
        walks = [stage.walk(f"dies at {step}", {step: death}) for step in STEPS]
        async with asyncio.timeout(150), asyncio.TaskGroup() as everybody:
            for number, walk in enumerate(walks):
                everybody.create_task(_main_job(walk, number, stage))
        _, world, found = await stage.recover()
        complaints = await stage.close()
    finally:
        stage.service.kill()
    assert not found
    assert not complaints
    assert [line["kind"] for line in world.journal].count("payment.captured") == len(STEPS)


async def _main_job(walk: Walk, number: int, stage: Stage) -> None:
    async with walk.client:
        walk.star = await walk.become_star(await walk.join("star", f"comet{number}"), stage.category)
        await walk.show_face()
        await walk.say_hello()
        walk.customer = await walk.join("customer", f"olga{number}")
        await paid_first(walk)


# The checker itself.


Plant = Callable[[World], object]


def the_last(rows: list[Any], **values: object) -> dict[str, Any]:
    """The last row that has these values."""
    return next(row for row in reversed(rows) if values.items() <= row.items())


def forget_a_capture(world: World) -> None:
    capture = the_last(world.ledger, reason="capture")
    world.ledger[:] = [entry for entry in world.ledger if entry["move_id"] != capture["move_id"]]


def capture_twice(world: World) -> None:
    line = the_last(world.journal, kind="payment.captured")
    world.journal.append({**line, "idempotence_key": "another"})


def pay_an_order_twice(world: World) -> None:
    line = the_last(world.journal, kind="payment.captured")
    world.journal.append({**line, "payment_id": "another", "idempotence_key": "another"})


def lose_money_at_the_provider(world: World) -> None:
    world.journal.remove(the_last(world.journal, kind="payment.captured"))
    the_last(world.journal, kind="payment.held")["amount"] += 1


def capture_without_knowing(world: World) -> None:
    """The provider took the money, and its answer was forgotten."""
    line = the_last(world.journal, kind="payment.captured")
    row = the_last(world.payments, provider_id=line["payment_id"])
    row.update(status="held", captured=0)


def refund_more_than_was_taken(world: World) -> None:
    line = the_last(world.journal, kind="payment.captured")
    world.journal.append({**line, "kind": "payment.refunded", "amount": line["amount"] + 1})


def release_after_an_acceptance(world: World) -> None:
    """Money that was promised to the star goes back to the customer."""
    line = the_last(world.journal, kind="payment.captured")
    line["kind"] = "payment.canceled"
    line["payment"].update(status="canceled", captured=0)


def unbalance_a_move(world: World) -> None:
    world.ledger[-1]["amount"] += 1


def forget_an_order(world: World) -> None:
    world.orders.pop()


def place_an_order_twice(world: World) -> None:
    world.orders.append({**world.orders[-1], "id": 10**6})


def forget_a_delivery(world: World) -> None:
    world.deliveries.pop()


def forget_a_vote(world: World) -> None:
    world.votes.clear()


def leave_a_hold(world: World) -> None:
    the_last(world.orders, money="released")["money"] = "held"


def skip_a_page_of_history(world: World) -> None:
    world.events.remove(the_last(world.events, action="money_held"))


def hear_of_a_hold_twice(world: World) -> None:
    event = the_last(world.events, action="money_held")
    place = world.events.index(event)
    standing = {"from_status": event["to_status"], "from_money": event["to_money"]}
    world.events.insert(place + 1, {**event, **standing})


def keep_a_letter(world: World) -> None:
    world.outbox[-1]["done_at"] = None


def give_up_a_letter(world: World) -> None:
    world.outbox[-1].update(done_at=None, failed_at=world.outbox[-1]["created_at"])


def tell_twice(world: World) -> None:
    letter = the_last(world.outbox, topic="mail")
    world.outbox.append({**letter, "id": 10**6, "idempotency_key": uuid.uuid4()})


def keep_silent(world: World) -> None:
    letters = [row for row in world.outbox if row["topic"] == "mail" and "новый заказ" in row["payload"]["text"]]
    world.outbox.remove(letters[-1])


def lose_a_mail(world: World) -> None:
    world.mails.pop(0)


def invent_a_payment(world: World) -> None:
    row = the_last(world.payments, status="captured")
    row["provider_id"] = "invented"


def disbelieve_the_provider(world: World) -> None:
    world.discrepancies.append({"payment_id": 1, "provider_id": "x", "kind": "amount", "details": {}})


def lose_the_payment_of_a_customer(world: World) -> None:
    """He pressed the button, and the provider knows nothing of it."""
    line = the_last(world.journal, kind="payment.held")
    world.journal[:] = [one for one in world.journal if one["payment_id"] != line["payment_id"]]


PLANTED: dict[Plant, str] = {
    forget_a_capture: "ledger_equals_journal",
    capture_twice: "nothing_done_twice",
    pay_an_order_twice: "paid_once",
    lose_money_at_the_provider: "provider_conserves_money",
    refund_more_than_was_taken: "provider_conserves_money",
    capture_without_knowing: "both_books_agree",
    release_after_an_acceptance: "money_ends_where_people_were_told",
    unbalance_a_move: "ledger_sums_to_zero",
    forget_an_order: "acknowledged_orders_exist_once",
    place_an_order_twice: "acknowledged_orders_exist_once",
    forget_a_delivery: "acknowledged_deeds_hold",
    forget_a_vote: "acknowledged_deeds_hold",
    leave_a_hold: "orders_reach_their_goal",
    skip_a_page_of_history: "history_is_whole",
    hear_of_a_hold_twice: "history_is_whole",
    keep_a_letter: "outbox_is_empty",
    give_up_a_letter: "outbox_is_empty",
    tell_twice: "nobody_is_told_twice",
    keep_silent: "everybody_is_told",
    lose_a_mail: "mails_arrive",
    invent_a_payment: "both_books_name_the_same_payments",
    disbelieve_the_provider: "nobody_had_to_wonder",
    lose_the_payment_of_a_customer: "payments_pressed_are_held",
}


async def test_the_checker_accepts_a_calm_run_and_finds_every_planted_fault(
    dsn: str, own_sandbox: SandboxProcess, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Every story, and the service is not killed."""
    plan = Plan(chosen_seed(), orders=len(STORIES), kills=0, faults={})
    calm = await run(plan, dsn, own_sandbox, tmp_path / "service")
    assert not calm.troubles, str(calm)
    for plant, kind in PLANTED.items():
        with subtests.test(plant.__name__):
            world = copy.deepcopy(calm.world)
            plant(world)
            assert kind in {difference.kind for difference in differences(world)}
