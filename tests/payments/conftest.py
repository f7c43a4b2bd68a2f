"""A process with payments only: real database, real sandbox, orders that are no more than numbers."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import pytest

from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database
from mystar.kit.security.tokens import Signer
from mystar.payments.gateways.breaker import Breaker
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.methods import OfferedMethods
from mystar.payments.model import EVENTS, HoldExpiring, Payment, RefundFailed, SettlementBegins
from mystar.payments.repository import CONSTRAINTS
from mystar.payments.service import PaymentService
from mystar.payments.settlement import TOPIC, Settlement
from mystar.payments.tasks import ProviderCalls
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

PUBLIC_URL = "http://mystar.example"
AMOUNT = 1_500_000
#: What each move writes into the ledger.
HOLD = [("hold", "payer", -AMOUNT), ("hold", "held", AMOUNT)]
CAPTURE = [("capture", "held", -AMOUNT), ("capture", "creator", AMOUNT)]
RELEASE = [("release", "held", -AMOUNT), ("release", "payer", AMOUNT)]
REFUND = [("refund", "creator", -AMOUNT), ("refund", "payer", AMOUNT)]
#: Over all tests, since the sandbox remembers; far from the orders of tests that have real ones.
_ORDERS = itertools.count(1_000_000)


class MovedClock(Clock):
    """The real time, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class PaymentProcess:
    """One process that serves payments, and what orders call of it. ``heard``: events in order."""

    def __init__(self, db: Database, sandbox: SandboxProcess, clock: MovedClock, **options: Any) -> None:
        self.db, self.sandbox, self.clock = db, sandbox, clock
        self.signer = Signer("a secret of at least thirty-two bytes")
        self.outbox = Outbox(db, clock)
        self.breaker = Breaker("YooKassa", failures=options.pop("failures", 50), pause=0.2)
        shop = {"url": sandbox.yookassa, "shop_id": "100500", "secret_key": "sandbox-secret-key", "timeout": 5}
        self.gateway = YooKassa(**{**shop, **options.pop("shop", {})}, breaker=self.breaker)
        self.settlement = Settlement(db, self.outbox, clock, poll_seconds=1)
        methods = OfferedMethods(options.pop("methods", ("bank_card",)), clock)
        self.calls = ProviderCalls(db, self.gateway, self.settlement, methods, clock)
        self.outbox.handle(TOPIC, self.calls.send, concurrency=4)
        self.payments = PaymentService(
            db,
            self.outbox,
            self.gateway,
            self.settlement,
            self.signer,
            clock,
            public_url=PUBLIC_URL,
            poll_seconds=1,
            methods=methods,
            **options,
        )
        self.heard: list[Any] = []
        self.begun: list[int] = []
        for event in (*EVENTS.values(), HoldExpiring, RefundFailed):
            db.events.on(event, self._hear)
        db.events.on(SettlementBegins, self._hear_beginning)

    async def _hear(self, _tx: Any, event: Any) -> None:
        self.heard.append(event)

    async def _hear_beginning(self, _tx: Any, event: SettlementBegins) -> None:
        self.begun.append(event.order_id)

    def facts(self) -> list[str]:
        return [type(event).__name__.removeprefix("Payment") for event in self.heard]

    async def start(self, order_id: int | None = None, amount: int = AMOUNT, method: str | None = None) -> Payment:
        order_id = order_id or next(_ORDERS)
        async with self.db.transaction() as tx:
            return await self.payments.start(
                tx,
                order_id=order_id,
                payer_id=None,
                amount=amount,
                description=f"Заказ №{order_id}",
                method=method,
            )

    async def created(self, amount: int = AMOUNT) -> Payment:
        """A payment whose page waits for the payer."""
        payment = await self.start(amount=amount)
        await self.payments.confirmation_url(payment.id, timeout=10)
        return await self.get(payment)

    async def held(self, amount: int = AMOUNT) -> Payment:
        payment = await self.created(amount)
        await self.sandbox.pay(payment.provider_id)
        return await self.payments.refresh(payment.id)

    async def captured(self, amount: int = AMOUNT) -> Payment:
        payment = await self.held(amount)
        await self.set_goal(payment, "capture")
        return await self.becomes(payment, "captured")

    async def set_goal(self, payment: Payment, goal: Any) -> Payment | None:
        async with self.db.transaction() as tx:
            return await self.payments.set_goal(tx, payment.order_id, goal)

    async def get(self, payment: Payment) -> Payment:
        found = await self.payments.of_order(payment.order_id)
        assert found is not None
        return found

    async def becomes(self, payment: Payment, status: str) -> Payment:
        async def look() -> Payment | None:
            found = await self.get(payment)
            return found if found.status == status else None

        found = await eventually(look)
        assert found is not None
        return found

    async def theirs(self, payment: Payment) -> dict[str, Any]:
        """The payment in the provider's own book: kopecks."""
        found = [
            one
            for one in await self.sandbox.payments()
            if one["metadata"].get("payment_id") == str(payment.id)
            and one["metadata"].get("order_id") == str(payment.order_id)
        ]
        assert len(found) == 1, f"{len(found)} payments at the provider"
        return found[0]

    async def ledger(self, payment: Payment) -> list[tuple[str, str, int]]:
        """(reason, account, kopecks), oldest first."""
        rows = await self.db.all(
            "select reason, account, amount from ledger_entries where payment_id = %(id)s order by id", id=payment.id
        )
        return [(row["reason"], row["account"], row["amount"]) for row in rows]

    async def letters(self) -> list[dict[str, Any]]:
        return await self.db.all("select name, attempts, done_at, failed_at, last_error from outbox order by id")

    async def close(self) -> None:
        await self.outbox.stop()
        await self.gateway.close()
        await self.db.close()

    def open(self) -> Self:
        self.outbox.start()
        return self


MakeProcess = Callable[..., Awaitable[PaymentProcess]]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxProcess]:
    yield sandbox_process
    await sandbox_process.reset()


@pytest.fixture
async def make_process(dsn: str, sandbox: SandboxProcess, clock: MovedClock) -> AsyncIterator[MakeProcess]:
    """Makes a process over this test's database; several are several processes."""
    async with AsyncExitStack() as stack:

        async def make(*, serving: bool = True, **options: Any) -> PaymentProcess:
            db = await Database.connect(dsn, max_size=5, constraints=CONSTRAINTS, events=Events())
            process = PaymentProcess(db, sandbox, clock, **options)
            stack.push_async_callback(process.close)
            return process.open() if serving else process

        yield make


@pytest.fixture
async def process(make_process: MakeProcess) -> PaymentProcess:
    return await make_process()
