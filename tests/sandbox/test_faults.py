import asyncio
import time

import aiohttp
import pytest

from tests.sandbox.conftest import DRAFT, Sandbox


async def test_an_error_after_the_work_hides_what_was_done(sandbox: Sandbox) -> None:
    await sandbox.faults(error_after_work=1)
    hidden, body = await sandbox.ask("POST", "/payments", DRAFT, key="k")
    await sandbox.faults()
    status, payment = await sandbox.ask("POST", "/payments", DRAFT, key="k")

    assert (hidden, body["code"]) == (500, "internal_server_error")
    assert status == 200
    assert [line["payment_id"] for line in await sandbox.journal()] == [payment["id"]]


async def test_an_error_before_the_work_does_nothing(sandbox: Sandbox) -> None:
    await sandbox.faults(error_before_work=1)
    status, body = await sandbox.ask("POST", "/payments", DRAFT)

    assert (status, body["code"]) == (500, "internal_server_error")
    assert await sandbox.journal() == []


async def test_a_hanging_call_has_done_its_work(sandbox: Sandbox) -> None:
    await sandbox.faults(hang_after_work={"probability": 1, "seconds": 60})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await sandbox.ask("POST", "/payments", DRAFT)

    assert [line["kind"] for line in await sandbox.journal()] == ["payment.created"]


async def test_answers_can_be_delayed(sandbox: Sandbox) -> None:
    await sandbox.faults(delay_seconds=[0.2, 0.2])
    start = time.monotonic()
    await sandbox.create()

    assert time.monotonic() - start >= 0.2


async def test_a_provider_that_is_down_disconnects_or_answers_503(sandbox: Sandbox) -> None:
    payment = await sandbox.create()
    await sandbox.faults(seed=1, down=True)

    outcomes = {await _outcome(sandbox, payment["id"]) for _ in range(20)}

    assert outcomes == {503, "cut"}
    await sandbox.faults()
    assert await _outcome(sandbox, payment["id"]) == 200


async def test_the_same_seed_repeats_the_same_failures(sandbox: Sandbox) -> None:
    runs = []
    for seed in (7, 7, 8):
        await sandbox.faults(seed=seed, error_after_work=0.3)
        runs.append([(await sandbox.ask("GET", "/payments"))[0] for _ in range(40)])

    assert runs[0] == runs[1] != runs[2]
    assert 0 < runs[0].count(500) < 40


async def test_one_fault_does_not_change_another(sandbox: Sandbox) -> None:
    runs = []
    for more in ({}, {"delay_seconds": [0, 0.001]}):
        await sandbox.faults(seed=7, error_after_work=0.3, **more)
        runs.append([(await sandbox.ask("GET", "/payments"))[0] for _ in range(20)])

    assert runs[0] == runs[1]


async def test_setting_faults_replaces_all_of_them(sandbox: Sandbox) -> None:
    nothing = await sandbox.call("GET", "/sandbox/faults")
    await sandbox.faults(down=True, smtp={"temporary": 0.5})
    changed = await sandbox.faults(webhook_lost=0.1)
    assert changed == nothing | {"webhook_lost": 0.1}

    assert await sandbox.call("DELETE", "/sandbox/faults") == nothing


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"error": 0.3}, "error"),
        ({"smtp": {"gone": 1}}, "smtp.gone"),
        ({"smtp": 1}, "smtp"),
        ({"seed": "1"}, "seed"),
        ({"seed": True}, "seed"),
        ({"error_after_work": 1.1}, "error_after_work"),
        ({"error_after_work": "0.3"}, "error_after_work"),
        ({"hang_after_work": {"probability": 1, "seconds": -1}}, "hang_after_work.seconds"),
        ({"hang_after_work": 0.3}, "hang_after_work"),
        ({"delay_seconds": 1}, "delay_seconds"),
        ({"delay_seconds": [2, 1]}, "delay_seconds"),
        ({"webhook_duplicates": 1.5}, "webhook_duplicates"),
        ({"down": 1}, "down"),
        ({"refuse_payments": 1}, "refuse_payments"),
        ({"payouts": {"pending": 1}}, "payouts.pending"),
    ],
)
async def test_an_invalid_setting_is_refused_by_name(sandbox: Sandbox, settings: dict, name: str) -> None:
    await sandbox.faults(webhook_lost=0.5)
    async with (
        aiohttp.ClientSession() as session,
        session.put(f"{sandbox.http}/sandbox/faults", json=settings) as answer,
    ):
        assert answer.status == 400
        assert list((await answer.json())["fields"]) == [name]

    assert (await sandbox.call("GET", "/sandbox/faults"))["webhook_lost"] == 0.5


async def test_settings_that_are_not_json_are_refused(sandbox: Sandbox) -> None:
    for body in (b"{", b"[]", b"1"):
        with pytest.raises(AssertionError, match="400"):
            await sandbox.call("PUT", "/sandbox/faults", data=body)


async def _outcome(sandbox: Sandbox, payment_id: str) -> int | str:
    try:
        return (await sandbox.ask("GET", f"/payments/{payment_id}"))[0]
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        return "cut"
