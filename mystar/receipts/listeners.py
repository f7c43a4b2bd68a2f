"""Which facts of payments and orders bring receipts, each in the transaction of the fact."""

from __future__ import annotations

from mystar.kit.events import Events
from mystar.kit.postgres.database import Tx
from mystar.orders.model import OrderCompleted, Status
from mystar.orders.service import OrderService
from mystar.payments.model import MoneyMoved
from mystar.payments.service import PaymentService
from mystar.receipts.service import ReceiptService


class Listeners:
    def __init__(self, receipts: ReceiptService, orders: OrderService, payments: PaymentService) -> None:
        self._receipts, self._orders, self._payments = receipts, orders, payments

    def listen(self, events: Events) -> None:
        events.on(MoneyMoved, self._money_moved)
        events.on(OrderCompleted, self._completed)

    async def _money_moved(self, tx: Tx, event: MoneyMoved) -> None:
        if event.reason == "capture":
            status = await self._orders.status_of(tx, event.payment.order_id)
            is_completed = status is Status.COMPLETED
            await self._receipts.captured(tx, event.payment, event.amount, is_completed=is_completed)
        elif event.reason == "refund":
            await self._receipts.refunded(tx, event.payment, event.amount)

    async def _completed(self, tx: Tx, fact: OrderCompleted) -> None:
        payment = await self._payments.latest_in(tx, fact.order.id)
        if payment is not None and payment.status == "captured":
            await self._receipts.completed(tx, fact.order.id, payment.id)
