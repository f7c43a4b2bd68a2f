"""One run of payouts: creators ask for their money while the service that sends it is killed repeatedly.

The staff's side runs in this process, on the same database; requests and sending are the service's, which is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
from aiohttp import web

from mystar.app import broken_invariants, create_app
from mystar.earnings.keys import EARNINGS, PAYOUT_RECONCILIATION, PAYOUT_SENDING, PAYOUTS
from mystar.earnings.payouts.model import Approver, PayoutWrongTime
from mystar.errors import MystarError
from mystar.kit.keys import DATABASE
from mystar.settings import load_settings
from tests.factory import Factory, Person
from tests.harness.service import Service
from tests.sandbox_process import SandboxClient
from tests.server_process import environment

#: Kopecks of every payout, and rubles of a part: three whole parts and a rest.
AMOUNT, CARD_MAXIMUM = 350_000, 1_000
STAFF = Approver("operator:harness", None, True)
_A_DAY = timedelta(days=1)
#: After the last kill: how many polls in a row may show the same states, and how many there are at most. Progress is
#: waited for, not a time, which a loaded machine may need for its first call.
_SAME_POLLS, _MOST_POLLS, _POLL_SECONDS = 240, 3600, 0.5
FAULTS: Mapping[str, Any] = {
    "delay_seconds": [0.0, 0.1],
    "error_before_work": 0.05,
    "error_after_work": 0.3,
    "hang_after_work": {"probability": 0.05, "seconds": 3.0},
    "payouts": {"pending_seconds": 0.5, "canceled": 0.15},
    "webhook_duplicates": 1,
    "webhook_lost": 0.3,
}


@dataclass(frozen=True)
class PayoutPlan:
    """:param payouts: asked for by as many creators, each in four parts."""

    seed: int
    payouts: int
    kills: int
    faults: Mapping[str, Any] = field(default_factory=lambda: FAULTS)
    #: Seconds within which every payout must have been asked for and every kill been made.
    limit: float = 300.0


@dataclass
class PayoutReport:
    plan: PayoutPlan
    statuses: Mapping[str, int]
    paid: int
    sent: int
    recovery: float
    seconds: float
    problems: Sequence[str]

    def __str__(self) -> str:
        head = (
            f"MYSTAR_SEED={self.plan.seed}: {self.plan.payouts} payouts, {self.plan.kills} kills; parts: "
            f"{dict(self.statuses)}; {self.sent} calls made a payout, {self.paid / 100:.2f} RUB paid; "
            f"all right {self.recovery:.1f} s after the end; {self.seconds:.0f} s in all"
        )
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


async def run_payouts(plan: PayoutPlan, dsn: str, sandbox: SandboxClient, directory: Path) -> PayoutReport:
    """A whole run, in bounded time."""
    began = time.monotonic()
    variables = {
        "PAYOUTS__PROVIDER": "yookassa",
        "PAYOUTS__COOLDOWN_DAYS": 0,
        "PAYOUTS__POLL_SECONDS": 0.5,
        "PAYOUTS__CARD_MAXIMUM": CARD_MAXIMUM,
        "PAYMENTS__YOOKASSA__TIMEOUT_SECONDS": 2,
        "OUTBOX__LEASE_SECONDS": 5,
    }
    service = Service(dsn, sandbox, directory, **variables)
    try:
        await service.start().wait_ready()
        await sandbox.fund_payouts(10**12)
        await sandbox.set_webhook(f"{service.url}/payments/notifications/")
        async with staff_side(dsn, sandbox, directory, variables) as app:
            creators = await _earning_creators(app, plan.payouts)
            await sandbox.faults(seed=plan.seed, **plan.faults)
            async with asyncio.timeout(plan.limit):
                await asyncio.gather(_kill_repeatedly(plan, service), _ask_all(plan, app, service, creators))
            await sandbox.faults()
            recovery = await _wait_for_the_end(app)
            problems = [text async for text in _problems(app, sandbox, creators)]
            rows = await app[DATABASE].all("select status, amount from payout_parts")
        code = service.stop()
        problems += [] if code == 0 else [f"the service ended with exit code {code}"]
    finally:
        service.kill()
    journal = await sandbox.journal()
    return PayoutReport(
        plan=plan,
        statuses=Counter(row["status"] for row in rows),
        paid=sum(row["amount"] for row in rows if row["status"] == "paid"),
        sent=sum(line["kind"] == "payout.created" for line in journal),
        recovery=recovery,
        seconds=time.monotonic() - began,
        problems=problems,
    )


@contextlib.asynccontextmanager
async def staff_side(
    dsn: str, sandbox: SandboxClient, directory: Path, variables: Mapping[str, object]
) -> AsyncIterator[web.Application]:
    """The service, built and not started: it sends nothing itself."""
    given = {"DATABASE__URL": dsn, "PAYMENTS__YOOKASSA__URL": sandbox.yookassa, **variables}
    with mock.patch.dict(os.environ, environment(directory, **given)):
        settings = load_settings()
    app = await create_app(settings, dsn)
    app.freeze()
    try:
        yield app
    finally:
        await app.cleanup()


async def _earning_creators(app: web.Application, count: int) -> list[Person]:
    """Creators with money; their payout details are still to be set."""
    factory = Factory(app)
    creators = [await factory.person(channel="market") for _ in range(count)]
    for creator in creators:
        await app[EARNINGS].adjust(None, creator.id, AMOUNT, "earned elsewhere")
    return creators


async def _ask_all(plan: PayoutPlan, app: web.Application, service: Service, creators: Sequence[Person]) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        chances = [random.Random(f"{plan.seed}:{number}") for number in range(len(creators))]
        tasks = (
            _ask(app, session, service.url, creator, number, chance)
            for number, (creator, chance) in enumerate(zip(creators, chances, strict=True))
        )
        await asyncio.gather(*tasks)


async def _ask(
    app: web.Application,
    session: aiohttp.ClientSession,
    url: str,
    creator: Person,
    number: int,
    chance: random.Random,
) -> None:
    """Set details and ask, again and again until both are acknowledged; then staff approve."""
    await asyncio.sleep(chance.uniform(0, 5))
    card = {"kind": "card", "token": f"pt-220220-{number:04d}-0123456789abcdef", "mask": f"220220******{number:04d}"}
    await _until_acknowledged(session, creator, "PUT", f"{url}/api/v1/payouts/details/", card)
    answer = await _until_acknowledged(session, creator, "POST", f"{url}/api/v1/payouts/", {})
    await asyncio.sleep(chance.uniform(0, 1))
    with contextlib.suppress(PayoutWrongTime):
        await app[PAYOUTS].approve(STAFF, answer["id"])


async def _until_acknowledged(
    session: aiohttp.ClientSession, creator: Person, method: str, url: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {creator.token}", "Idempotency-Key": str(uuid.uuid4())}
    given = {**body, "password": creator.password} if method == "PUT" else body
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.request(method, url, json=given, headers=headers) as answer:
                if answer.status < 300:
                    found: dict[str, Any] = await answer.json()
                    return found
                assert answer.status >= 500 or answer.status == 409, f"{answer.status}: {await answer.text()}"
        await asyncio.sleep(0.1)


async def _kill_repeatedly(plan: PayoutPlan, service: Service) -> None:
    chance = random.Random(plan.seed)
    for _ in range(plan.kills):
        if chance.random() < 5 / 6:
            await service.wait_ready()
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        service.kill()
        service.start()
    await service.wait_ready()


async def _wait_for_the_end(app: web.Application) -> float:
    """Until no part is open, or nothing changes any more: how many seconds it took."""
    began, before, same = time.monotonic(), None, 0
    for _ in range(_MOST_POLLS):
        open_parts = await app[DATABASE].all(
            "select id, status, attempt, provider_id from payout_parts"
            " where status not in ('paid', 'failed', 'cancelled') order by id"
        )
        same = same + 1 if open_parts == before else 0
        if not open_parts or same == _SAME_POLLS:
            break
        before = open_parts
        await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic() - began


async def _problems(app: web.Application, sandbox: SandboxClient, creators: Sequence[Person]) -> AsyncIterator[str]:
    """The provider's journal against our parts and balances."""
    db, journal = app[DATABASE], await sandbox.journal()
    parts = await db.all("select payout_parts.*, creator_id from payout_parts join payouts on payouts.id = payout_id")
    for text in compare_journal(journal, parts):
        yield text
    balances = {row["creator_id"]: row for row in await db.all("select * from creator_balances")}
    for creator in creators:
        balance = balances[creator.id]
        paid = sum(row["amount"] for row in parts if row["creator_id"] == creator.id and row["status"] == "paid")
        found = (balance["available"], balance["reserved"], balance["paid"])
        if found != (AMOUNT - paid, 0, paid):
            yield f"creator {creator.id}: {found} where {paid} of {AMOUNT} were paid"
    for text in await broken_invariants(app):
        yield text
    try:
        compared = await app[PAYOUT_RECONCILIATION].run(back=_A_DAY)
    except MystarError as error:
        yield f"the reconciliation failed: {error}"
    else:
        for difference in compared.differences:
            yield str(difference)
    if (await app[PAYOUT_SENDING].queue_state()).stopped_for:
        yield "the queue is stopped"


def compare_journal(journal: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each part is one payout of the provider at most, with the same amount and end."""
    made = [line for line in journal if line["kind"] == "payout.created"]
    ends = {line["payout_id"]: line["kind"].removeprefix("payout.") for line in journal if line["payout_id"]}
    for key, count in Counter(line["idempotence_key"] for line in made).items():
        if count > 1:
            yield f"key {key} made {count} payouts"
    of_part: dict[str, list[Mapping[str, Any]]] = {}
    for line in made:
        of_part.setdefault(line["metadata"]["payout_part"], []).append(line)
    for part in parts:
        yield from _compare_part(part, of_part.pop(str(part["id"]), []), ends)
    for part_id in of_part:
        yield f"the provider paid part {part_id}, which does not exist"


def _compare_part(
    part: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], ends: Mapping[str, str]
) -> Iterator[str]:
    if len(lines) > 1:
        yield f"part {part['id']} was paid {len(lines)} times"
    expected = {"paid": "succeeded", "failed": "canceled"}.get(part["status"])
    if expected is None:
        yield f"part {part['id']} has not ended: {part['status']}"
    for line in lines:
        if line["amount"] != part["amount"]:
            yield f"part {part['id']} is {part['amount']} here and {line['amount']} there"
        if ends[line["payout_id"]] != expected:
            yield f"part {part['id']} is {part['status']} here and {ends[line['payout_id']]} there"
    if not lines and part["status"] == "paid":
        yield f"part {part['id']} is paid here and was never made there"
