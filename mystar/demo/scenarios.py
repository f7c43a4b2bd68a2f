"""Places the orders of the demo and applies their scenarios as buyer, star and payment provider."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from yarl import URL

from mystar.accounts.model import Actor
from mystar.catalog.model import Service
from mystar.demo.fixtures import Scenario
from mystar.demo.sandbox_payer import SandboxPayer
from mystar.demo.videos import Video
from mystar.errors import Unavailable
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.web.pagination import PageRequest
from mystar.orders.model import Role
from mystar.orders.reads import OrderReads
from mystar.orders.service import OrderService
from mystar.orders.state_machine import Action
from mystar.payments.methods import OfferedMethods
from mystar.payments.service import PaymentService

log = logging.getLogger(__name__)

#: More than the scenarios place for one buyer.
_MAX_ORDERS = 1000


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """A placed order with its parties. ``video`` is delivered by the ``deliver`` action."""

    order_id: int
    buyer: Actor
    star: Actor
    video: Video
    actions: tuple[Action, ...]
    by_sbp: bool = False


class ScenarioRunner:
    """Runs scenarios; one that was interrupted continues after its last recorded action.

    :param payer: pays the orders; with None a scenario ends before its first payment.
    :param call_timeout: seconds to wait for a call to the provider. Usually none, but a call of a run that was
        killed is not repeated before its lease has expired.
    """

    def __init__(
        self,
        orders: OrderService,
        reads: OrderReads,
        payments: PaymentService,
        files: FileService,
        payer: SandboxPayer | None,
        *,
        call_timeout: float,
    ) -> None:
        self._orders, self._reads, self._payments, self._files = orders, reads, payments, files
        self._payer, self._call_timeout = payer, call_timeout

    async def place(
        self, scenario: Scenario, buyer: Actor, star: Actor, video: Video, service: Service | None
    ) -> PlacedOrder:
        """Place the order unless it exists; it is recognised by its requirements."""
        bought = await self._reads.page(buyer, PageRequest(size=_MAX_ORDERS), role=Role.BUYER)
        order = next((one.order for one in bought.rows if one.order.requirements == scenario.wish), None)
        if order is None and service is not None:
            options = [option.id for option in service.options if option.name in scenario.options]
            placed = await self._orders.place_service(
                buyer, service_id=service.id, requirements=scenario.wish, option_ids=options
            )
            order = placed.order
        if order is None:
            order = await self._orders.place_greeting(
                buyer,
                star_id=star.id,
                for_whom=scenario.for_whom,
                requirements=scenario.wish,
                occasion=scenario.occasion,
            )
        return PlacedOrder(order.id, buyer, star, video, tuple(map(Action, scenario.actions.split())), scenario.by_sbp)

    async def run(self, placed: PlacedOrder) -> bool:
        """Apply the remaining actions. Returns whether the scenario ended: without a payer it stops before a payment.

        :raises Unavailable: the provider does not answer.
        """
        for number, action in enumerate(placed.actions):
            timeline = await self._reads.timeline(placed.buyer, placed.order_id)
            happened = tuple(event.action for event in timeline[1:])
            if happened[: number + 1] == placed.actions[: number + 1]:
                continue
            if happened != placed.actions[:number]:
                log.warning("order %s of the demo left its scenario: %s", placed.order_id, ", ".join(happened))
                return True
            if action is Action.PAY and self._payer is None:
                return False
            await self._do(action, placed)
        return True

    async def _do(self, action: Action, placed: PlacedOrder) -> None:
        orders, order_id = self._orders, placed.order_id
        match action:
            case Action.PAY if placed.by_sbp:
                link = URL(await orders.payment_link(placed.buyer, order_id))
                await self._pay_by_sbp(order_id, link.query["sig"])
            case Action.PAY:
                # The default, at once: nothing of the demo follows the link.
                await orders.pay(placed.buyer, order_id, self._payments.methods.choose(None, is_deal=False))
                await self._payments.wait_for(order_id, self._call_timeout)
            case Action.MONEY_HELD:
                await self._decide_payment(placed, "pay")
            case Action.MONEY_FAILED:
                await self._decide_payment(placed, "decline")
            case Action.MONEY_CAPTURED | Action.MONEY_RELEASED | Action.MONEY_REFUNDED:
                await self._payments.wait_for(order_id, self._call_timeout)
            case Action.ACCEPT:
                await orders.accept(placed.star, order_id)
            case Action.REJECT:
                await orders.reject(placed.star, order_id, "Улетаю на гастроли, простите!")
            case Action.DELIVER:
                await self._deliver(placed)
            case Action.APPROVE:
                await orders.approve(placed.buyer, order_id)
            case Action.REQUEST_REVISION:
                await orders.request_revision(placed.buyer, order_id, "Чудесно! Но сестру зовут Ксения, а не Аксинья.")
            case Action.DISPUTE:
                await orders.dispute(placed.buyer, order_id, "В поздравлении забыли самого именинника.")
            case Action.CANCEL:
                await orders.cancel(placed.buyer, order_id, "Праздник перенесли.")
            case _:
                raise ValueError(f"a scenario cannot contain {action}")

    async def _pay_by_sbp(self, order_id: int, signature: str) -> None:
        """Whatever methods buyers of this installation choose from."""
        offered = self._payments.methods
        self._payments.methods = OfferedMethods(("bank_card", "sbp"), Clock())
        try:
            await self._orders.pay_by_link(order_id, signature, "sbp")
        finally:
            self._payments.methods = offered

    async def _decide_payment(self, placed: PlacedOrder, action: Literal["pay", "decline"]) -> None:
        await self._payments.wait_for(placed.order_id, self._call_timeout)
        payment = await self._payments.of_order(placed.order_id)
        if self._payer is None or payment is None or payment.provider_id is None:
            raise Unavailable(retry_after=5)
        await self._payer.decide(payment.provider_id, action)
        await self._payments.refresh(payment.id)

    async def _deliver(self, placed: PlacedOrder) -> None:
        file = await self._files.receive(
            placed.star,
            single_chunk(placed.video.data),
            kinds=("video",),
            folder=f"congratulation/{placed.star.id}",
            name=f"greeting.{placed.video.extension}",
        )
        await self._orders.deliver(placed.star, placed.order_id, message="С праздником!", file_ids=[file.id])


async def single_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data
