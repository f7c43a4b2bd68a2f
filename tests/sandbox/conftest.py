"""A sandbox inside the test, on real sockets, with the test's own clock."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import orjson
import pytest
from aiohttp import web

from mystar.sandbox.process import listen, running
from tests.sandbox_process import SandboxClient

SHOP = aiohttp.encode_basic_auth("100500", "sandbox-secret-key")
GATEWAY = aiohttp.encode_basic_auth("500100", "sandbox-payout-secret-key")
DRAFT = {
    "amount": {"value": "1500.50", "currency": "RUB"},
    "capture": False,
    "confirmation": {"type": "redirect", "return_url": "http://shop.example/thanks?order=7"},
    "description": "Заказ №7",
    "metadata": {"order_id": "7"},
}


class Clock:
    """Does not run; a test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Sandbox(SandboxClient):
    """The controls, and the calls of a shop and of a sender of mail."""

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = "", auth: str | None = SHOP
    ) -> tuple[int, dict[str, Any]]:
        """A call to YooKassa: its status and JSON. A POST gets a fresh key unless one is given; None means no key."""
        fresh = str(uuid.uuid4()) if method == "POST" and key == "" else key
        headers = {"Authorization": auth} if auth else {}
        headers |= {"Idempotence-Key": fresh} if fresh else {}
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        async with aiohttp.ClientSession() as session:
            call = session.request(method, self.yookassa + path, data=data, headers=headers)
            async with call as answer:
                return answer.status, orjson.loads(await answer.read())

    async def create(self, **changes: Any) -> dict[str, Any]:
        status, payment = await self.ask("POST", "/payments", DRAFT | changes)
        assert status == 200, payment
        return payment

    async def hold(self, **changes: Any) -> dict[str, Any]:
        return await self.pay((await self.create(**changes))["id"])

    async def payout(self, destination: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        """A payout of 1200.00 by SBP, unless told otherwise, as it is right after its creation."""
        body = {
            "amount": {"value": "1200.00", "currency": "RUB"},
            "payout_destination_data": destination
            or {"type": "sbp", "phone": "79161234567", "bank_id": "100000000111"},
            "metadata": {"payout_part": "1"},
        }
        status, payout = await self.ask("POST", "/payouts", body | changes, auth=GATEWAY)
        assert (status, payout.get("status")) == (200, "pending"), payout
        return (await self.ask("GET", f"/payouts/{payout['id']}", auth=GATEWAY))[1]

    async def send(self, message: EmailMessage, **how: Any) -> Any:
        return await aiosmtplib.send(message, hostname=self.smtp_host, port=self.smtp_port, **how)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(tmp_path: Path, clock: Clock) -> AsyncIterator[Sandbox]:
    with listen("127.0.0.1", 0) as http, listen("127.0.0.1", 0) as smtp:
        async with running(http, smtp, data_dir=tmp_path, clock=clock) as addresses:
            client = Sandbox()
            client.http, client.yookassa = addresses.http, addresses.yookassa
            client.smtp_host, _, port = addresses.smtp.rpartition(":")
            client.smtp_port = int(port)
            yield client


class WebhookReceiver:
    """The shop's endpoint for notifications: what came, and the statuses to answer with (then 200)."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        self.received.append(await request.json())
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def events(self) -> list[str]:
        return [notification["event"] for notification in self.received]


@pytest.fixture
async def shop(sandbox: Sandbox) -> AsyncIterator[WebhookReceiver]:
    shop, app = WebhookReceiver(), web.Application()
    app.router.add_post("/hook", shop.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    with listen("127.0.0.1", 0) as listening:
        await web.SockSite(runner, listening).start()
        shop.url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        await sandbox.set_webhook(shop.url)
        yield shop
        await runner.cleanup()


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what happens at the other end of a socket; TimeoutError after 20 seconds."""
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)
