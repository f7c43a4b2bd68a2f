"""Which facts of orders and payments change an earning, each in the transaction of the fact."""

from __future__ import annotations

from mystar.earnings.service import EarningService
from mystar.kit.events import Events
from mystar.kit.postgres.database import Tx
from mystar.orders.model import OrderCompleted, OrderDisputed, OrderPlaced
from mystar.payments.model import MoneyMoved


class Listeners:
    """An order that is cancelled in a dispute stays frozen: its money goes back to the buyer from there."""

    def __init__(self, earnings: EarningService) -> None:
        self._earnings = earnings

    def listen(self, events: Events) -> None:
        events.on(OrderPlaced, self._placed)
        events.on(MoneyMoved, self._money_moved)
        events.on(OrderCompleted, self._completed)
        events.on(OrderDisputed, self._disputed)

    async def _placed(self, tx: Tx, fact: OrderPlaced) -> None:
        await self._earnings.freeze_terms(tx, fact.order)

    async def _money_moved(self, tx: Tx, event: MoneyMoved) -> None:
        if event.reason == "capture":
            await self._earnings.capture(
                tx, event.payment.order_id, event.amount, event.payment.income, event.payment.deal_id
            )
        elif event.reason == "refund":
            await self._earnings.refund(tx, event.payment.order_id, event.amount)

    async def _completed(self, tx: Tx, fact: OrderCompleted) -> None:
        await self._earnings.complete(tx, fact.order.id)

    async def _disputed(self, tx: Tx, fact: OrderDisputed) -> None:
        await self._earnings.dispute(tx, fact.order.id)
