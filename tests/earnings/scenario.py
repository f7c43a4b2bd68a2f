"""A creator who sells at any price, a buyer, and a clock that can be moved; every step through the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from mystar.app import broken_invariants
from mystar.catalog.keys import CATALOG, LISTINGS
from mystar.catalog.model import ServiceDraft
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS
from mystar.earnings.rules.schemas import read_rules
from mystar.earnings.tasks import Clearance
from mystar.kit.keys import DATABASE
from mystar.kit.money import kopecks, rubles_text
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.payments.conftest import MovedClock
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

TWENTY_PER_CENT = [{"name": "default", "percent": "20"}]


@dataclass
class EarningsScenario:
    """``category_id`` is the category of the creator's services."""

    app: web.Application
    api: Api
    factory: Factory
    sandbox: SandboxProcess
    clock: MovedClock
    buyer: Person
    creator: Person
    staff: Person
    category_id: int
    _services: dict[tuple[int, int], int] = field(default_factory=dict)

    # The clock and the rules

    async def later(self, **time: float) -> None:
        """Move the clock, and let the clearance run."""
        self.clock.ahead += timedelta(**time)
        await Clearance(self.app[EARNINGS]).run()

    async def rules(self, rules: list[dict[str, Any]]) -> None:
        await self.app[COMMISSION_RULES].set_list(read_rules(rules))

    # Orders; prices in kopecks

    async def service(self, price: int, creator: Person | None = None, category_id: int | None = None) -> int:
        creator = creator or self.creator
        draft = ServiceDraft(
            title="Ролик", category_id=category_id or self.category_id, base_price=price, delivery_days=3
        )
        return (await self.app[LISTINGS].create(actor(creator), draft)).id

    async def place(self, price: int, creator: Person | None = None) -> int:
        creator = creator or self.creator
        key = (price, creator.id)
        if key not in self._services:
            self._services[key] = await self.service(price, creator)
        answer = await self.api.post("/api/v1/orders/", {"service_id": self._services[key]}, as_=self.buyer)
        assert answer.status == 201, await answer.text()
        order_id: int = (await answer.json())["id"]
        return order_id

    async def completed(self, price: int, creator: Person | None = None) -> int:
        """An order that was paid, delivered, approved and captured.

        At the real time, wherever the clock is: the sandbox's holds end a week from it.
        """
        ahead, self.clock.ahead = self.clock.ahead, timedelta()
        order_id = await self.place(price, creator)
        await self.deliver(order_id, creator)
        await self.approve(order_id)
        self.clock.ahead = ahead
        return order_id

    async def deliver(self, order_id: int, creator: Person | None = None) -> None:
        """The buyer pays and the creator delivers."""
        await self.factory.hold(order_id, self.sandbox)
        await self.act(order_id, "deliveries", {"message": "Готово"}, as_=creator or self.creator, status=201)

    async def approve(self, order_id: int, as_: Person | None = None) -> None:
        await self.act(order_id, "approve", as_=as_ or self.buyer)
        await self.until(order_id, money="captured")

    async def refund(self, order_id: int, amount: int | None = None) -> None:
        """The staff give back so many kopecks, or everything."""
        before = kopecks(str((await self.order(order_id))["refunded"]))
        body = {} if amount is None else {"amount": rubles_text(amount)}
        await self.act(order_id, "refund", body, as_=self.staff)
        if amount is None:
            await self.until(order_id, money="refunded")
        else:
            await self.until(order_id, refunded=(before + amount) / 100)

    async def reauthenticate(self, person: Person) -> None:
        """Refunds want a session that is not older than ten minutes, and the clock of these tests jumps."""
        body = {"password": person.password}
        answer = await self.api.post("/api/v1/users/me/reauthentication/", body, as_=person)
        assert answer.status in (200, 204), await answer.text()

    async def act(self, order_id: int, action: str, body: Any = None, *, as_: Person, status: int = 200) -> Any:
        if action == "refund":
            await self.reauthenticate(as_)
        answer = await self.api.post(f"/api/v1/orders/{order_id}/{action}/", body, as_=as_)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def order(self, order_id: int, as_: Person | None = None) -> dict[str, Any]:
        return await self.read(f"/api/v1/orders/{order_id}/", as_ or self.buyer)

    async def until(self, order_id: int, **values: Any) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            order = await self.order(order_id)
            return order if values.items() <= order.items() else None

        found = await eventually(look)
        assert found is not None
        return found

    # What the staff do, through the panel

    async def panel(self, path: str, by: Person | None = None, status: int = 204, **fields: object) -> str:
        """Send a form of the panel; answer the text. The staff are an owner, unless said otherwise."""
        person = by or self.staff
        answer = await self.api.post(f"/admin/{path}/", data=fields, as_=person)
        text = await answer.text()
        if "reauthentication_needed" in text and status < 400:
            await self.reauthenticate(person)
            answer = await self.api.post(f"/admin/{path}/", data=fields, as_=person)
            text = await answer.text()
        assert answer.status == status, text
        return text

    async def decide(
        self, payout_id: int, verb: str, by: Person | None = None, status: int = 204, **fields: object
    ) -> str:
        """What the page of a payout offers: approve, paid, failed, returned, send-again."""
        return await self.panel(f"payouts/{payout_id}/{verb}", by, status, **fields)

    async def on_order(self, order_id: int, verb: str, status: int = 204, **fields: object) -> str:
        """What the page of an order offers: stop, resume, settle, chargeback."""
        return await self.panel(f"orders/{order_id}/earning/{verb}", None, status, **fields)

    async def on_balance(self, verb: str, status: int = 204, **fields: object) -> str:
        """What the page of the creator's balance offers: adjust, write-off, stop, resume."""
        return await self.panel(f"earnings/{self.creator.id}/{verb}", None, status, **fields)

    async def earned(self, amount: int, reason: str = "earned elsewhere") -> None:
        """A bonus of so many kopecks, or a fine."""
        direction, sum_ = "fine" if amount < 0 else "bonus", rubles_text(abs(amount))
        await self.on_balance("adjust", amount=sum_, direction=direction, reason=reason)

    # Payouts

    async def details(self, status: int = 200, **fields: Any) -> dict[str, Any]:
        """Set the creator's payout details, by SBP unless said otherwise."""
        sbp = {"kind": "sbp", "phone": "+79161234567", "bank_id": "100000000004"}
        body = {**(fields if "kind" in fields else sbp | fields), "password": self.creator.password}
        answer = await self.api.put("/api/v1/payouts/details/", body, as_=self.creator)
        found: dict[str, Any] = await answer.json()
        assert answer.status == status, found
        return found

    async def payout(self, amount: str | None = None, *, status: int = 201, **how: Any) -> dict[str, Any]:
        body = {} if amount is None else {"amount": amount}
        answer = await self.api.post("/api/v1/payouts/", body, as_=self.creator, **how)
        found: dict[str, Any] = await answer.json()
        assert answer.status == status, found
        return found

    # What is seen

    async def read(self, path: str, as_: Person | None = None) -> dict[str, Any]:
        answer = await self.api.get(path, as_=as_ or self.creator)
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def balance(self, creator: Person | None = None) -> dict[str, int]:
        """The creator's accounts that are not empty, in kopecks, as the API tells them."""
        shown = await self.read("/api/v1/earnings/", creator)
        accounts = ("pending", "frozen", "available", "reserved", "paid")
        amounts = {name: _kopecks(shown[name]) for name in accounts}
        return {name: amount for name, amount in amounts.items() if amount}

    async def ledger(self, order_id: int | None = None, *, acquiring: bool = False) -> dict[str, int]:
        """Every account that is not empty, in kopecks, of an order or of all.

        :param acquiring: whether the provider's fees for payments count, which the sandbox takes of every one.
        """
        rows = await self.app[DATABASE].all(
            "select account, sum(amount)::bigint as amount from earning_entries"
            " where (%(id)s::bigint is null or order_id = %(id)s) and (note <> 'acquiring' or %(acquiring)s)"
            " group by account having sum(amount) <> 0",
            id=order_id,
            acquiring=acquiring,
        )
        return {row["account"]: row["amount"] for row in rows}

    async def is_sound(self) -> bool:
        """Nothing differs from its recount."""
        broken = await broken_invariants(self.app)
        assert broken == []
        return True


def _kopecks(text: str) -> int:
    return -kopecks(text[1:]) if text.startswith("-") else kopecks(text)


async def open_scenario(
    app: web.Application, api: Api, factory: Factory, sandbox: Any, clock: MovedClock
) -> EarningsScenario:
    buyer, creator = await factory.person(channel="market"), await factory.star(channel="market")
    category_id = (await app[CATALOG].greeting_of(creator.id)).category_id
    staff = await factory.staff("owner")
    return EarningsScenario(app, api, factory, sandbox, clock, buyer, creator, staff, category_id)
