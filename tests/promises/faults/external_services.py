"""The provider, the mail server and the bucket: away, slow, failing, lying, and answering after the client has gone."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import defaultdict
from enum import Enum

import aiohttp
from aiohttp import web

from tests.harness.run import FAULTS, Deployment, Report
from tests.ports import unused_port
from tests.promises.faults.environment import AnonymousClient, Environment
from tests.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server

#: What each phase does to the provider.
_PROVIDER = {
    "slow": {"delay_seconds": [0.5, 1.5]},
    "failing": {"error_before_work": 0.5},
    "lying": {"error_after_work": 0.7, "webhook_lost": 0.5, "webhook_duplicates": 2},
    "answering after the client has gone": {"hang_after_work": {"probability": 0.7, "seconds": 3.0}},
}
_MAIL = {
    "slow": {"smtp": {"delay_seconds": 1.0}},
    "busy": {"smtp": {"temporary": 0.7}},
    "taking mails without an answer": {"smtp": {"lost_answer": 0.3}},
}


async def _goes_on(client: AnonymousClient, what: str) -> None:
    for path in ("/healthz", "/readyz", "/api/v1/services/", "/api/v1/categories/"):
        status = await client.status(path)
        assert status == 200, f"{path} is {status} while {what}"


async def provider_away(env: Environment) -> None:
    """The provider is away for 10 s (10 min), then slow, failing and lying; orders and lists go on (O3, M6)."""
    sandbox = env.sandbox()
    away, phase = env.size(10, 600), env.size(5, 20)

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client = AnonymousClient(deployment.service.url)
        await asyncio.sleep(chance.uniform(1, 3))
        await sandbox.faults(seed=env.seed, down=True)
        seen = False
        for _ in range(away * 2):
            await _goes_on(client, "the provider is away")
            seen = seen or "_breaker_open 1.0" in await client.text("/metrics")
            await asyncio.sleep(0.5)
        assert seen, "no metric shows that the provider is away"
        for name, faults in _PROVIDER.items():
            await sandbox.faults(seed=env.seed, **faults)
            for _ in range(phase):
                await _goes_on(client, f"the provider is {name}")
                await asyncio.sleep(1)
        await sandbox.faults()

    await env.orders(accident, sandbox=sandbox, span=float(away))
    env.measure(f"away {away} s, then {', '.join(_PROVIDER)}, {phase} s each")


async def provider_lies(env: Environment) -> None:
    """A third of the provider's answers are lost and its notifications late, doubled or missing (M6)."""

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        await _goes_on(AnonymousClient(deployment.service.url), "the provider lies")

    await env.orders(accident, faults=FAULTS, orders=env.size(24, 300))


async def mail_away(env: Environment) -> None:
    """The mail server is away for 10 s (10 min), then slow, busy and silent; every mail arrives, in order (O3)."""
    sandbox = env.sandbox()
    away, phase = env.size(10, 600), env.size(5, 20)

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client = AnonymousClient(deployment.service.url)
        await asyncio.sleep(chance.uniform(1, 3))
        await sandbox.faults(seed=env.seed, smtp={"down": True})
        for _ in range(away):
            await _goes_on(client, "the mail server is away")
            await asyncio.sleep(1)
        for name, faults in _MAIL.items():
            await sandbox.faults(seed=env.seed, **faults)
            for _ in range(phase):
                await _goes_on(client, f"the mail server is {name}")
                await asyncio.sleep(1)
        await sandbox.faults()

    report = await env.orders(accident, sandbox=sandbox, span=float(away))
    mails = _in_order(report)
    env.measure(f"away {away} s, then {', '.join(_MAIL)}; {mails} mails, in order for each recipient")


def _in_order(report: Report) -> int:
    """How many mails there are. :raises AssertionError: two of one recipient arrived in another order."""
    written = [row for row in report.snapshot.outbox if row["topic"] == "mail"]
    place = {uuid.UUID(str(row["idempotency_key"])).hex: row["id"] for row in written}
    arrived: dict[str, list[int]] = defaultdict(list)
    for mail in reversed(report.snapshot.mails):
        number = next((id_ for key, id_ in place.items() if key in mail["message_id"]), None)
        if number is not None and number not in arrived[mail["to"][0]]:
            arrived[mail["to"][0]].append(number)
    for recipient, numbers in arrived.items():
        assert numbers == sorted(numbers), (
            f"mails to {recipient} were written as {sorted(numbers)}, arrived as {numbers}"
        )
    return len(place)


class Behaviour(Enum):
    """What happens to a request for the bucket."""

    WELL = "well"
    AWAY = "away"
    SLOW = "slow"
    #: Done, and answered with an error.
    LYING = "saying 500 after the work"
    #: Done, and the answer cut off.
    LATE = "cutting its answers off"


class Bucket:
    """Stands in front of a server that speaks S3 and passes requests on, as its behaviour is."""

    def __init__(self, behind: S3Server, chance: random.Random) -> None:
        self._behind, self._chance, self.behaviour = behind, chance, Behaviour.WELL
        self.port = unused_port()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        behaviour = self.behaviour
        if behaviour is Behaviour.AWAY:
            return self._cut(request)
        if behaviour is Behaviour.SLOW:
            await asyncio.sleep(self._chance.uniform(0.2, 1.0))
        headers = {name: value for name, value in request.headers.items() if name.lower() != "accept-encoding"}
        url, body = self._behind.url + str(request.rel_url), await request.read()
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            content = await answer.read()
            if behaviour in (Behaviour.LYING, Behaviour.LATE) and self._chance.random() < 0.5:
                return (
                    self._cut(request) if behaviour is Behaviour.LATE else web.Response(status=500, text="told to fail")
                )
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OF_THE_CONNECTION}
            return web.Response(status=answer.status, body=content, headers=kept)

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


_OF_THE_CONNECTION = ("transfer-encoding", "content-length", "connection", "server", "date")


async def bucket_away(env: Environment) -> None:
    """The bucket is away for 8 s (10 min), slow, lying and cutting answers off; no greeting is lost (O3)."""
    (env.directory / "s3").mkdir()
    behind = S3Server(unused_port(), env.directory / "s3")
    behind.start()
    env.stack.callback(behind.stop)
    behind.bucket("media")
    bucket, away = Bucket(behind, random.Random(env.seed)), env.size(8, 600)
    phase = env.size(6, 30)
    await bucket.start()

    async def accident(deployment: Deployment, chance: random.Random) -> None:
        client = AnonymousClient(deployment.service.url)
        await asyncio.sleep(chance.uniform(1, 3))
        for behaviour in (Behaviour.AWAY, Behaviour.SLOW, Behaviour.LYING, Behaviour.LATE):
            bucket.behaviour = behaviour
            for _ in range(away if behaviour is Behaviour.AWAY else phase):
                for path in ("/healthz", "/api/v1/services/", "/api/v1/categories/"):
                    status = await client.status(path)
                    assert status == 200, f"{path} is {status} while the bucket is {behaviour.value}"
                await asyncio.sleep(1)
        bucket.behaviour = Behaviour.WELL

    variables = {
        "STORAGE__KIND": "s3",
        "STORAGE__S3__ENDPOINT": f"http://127.0.0.1:{bucket.port}",
        "STORAGE__S3__BUCKET": "media",
        "STORAGE__S3__REGION": REGION,
        "STORAGE__S3__ACCESS_KEY": ACCESS_KEY,
        "STORAGE__S3__SECRET_KEY": SECRET_KEY,
    }
    try:
        await env.orders(accident, span=float(away), **variables)
    finally:
        await bucket.stop()
    env.measure(f"away {away} s, then slow, saying 500 after the work and cutting answers off, {phase} s each")
