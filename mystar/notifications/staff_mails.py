"""Mails to the support mailbox about money that needs a person."""

from __future__ import annotations

from typing import Any

from mystar.earnings.sending.model import PayoutQueueStopped, PayoutUnclear
from mystar.kit.events import Events
from mystar.kit.money import format_rubles
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Tx
from mystar.payments.model import PaymentFailed, RefundFailed
from mystar.receipts.model import ReceiptRefused


class StaffMails:
    """Queues mails in the transaction of their cause.

    :param mailbox: where they go.
    :param public_url: base of the links to the panel.
    """

    def __init__(self, mailer: Mailer, mailbox: str, public_url: str, language: str = "ru") -> None:
        self._mailer, self._mailbox, self._public_url, self._language = mailer, mailbox, public_url, language

    def listen(self, events: Events) -> None:
        events.on(PaymentFailed, self._payment_failed)
        events.on(RefundFailed, self._refund_failed)
        events.on(ReceiptRefused, self._receipt_refused)
        events.on(PayoutQueueStopped, self._queue_stopped)
        events.on(PayoutUnclear, self._payout_unclear)

    async def _payment_failed(self, tx: Tx, event: PaymentFailed) -> None:
        refusal, order_id = event.payment.refusal, event.payment.order_id
        if refusal is not None:
            await self._queue(tx, "staff_payment_refused", _page(order_id), order=order_id, details=refusal)

    async def _refund_failed(self, tx: Tx, event: RefundFailed) -> None:
        order_id, amount = event.payment.order_id, format_rubles(event.amount, self._language)
        details = {"order": order_id, "amount": amount, "details": event.reason}
        await self._queue(tx, "staff_refund_failed", _page(order_id), **details)

    async def _receipt_refused(self, tx: Tx, event: ReceiptRefused) -> None:
        order_id = event.receipt.order_id
        await self._queue(tx, "staff_receipt_refused", _page(order_id), order=order_id, details=event.reason)

    async def _queue_stopped(self, tx: Tx, event: PayoutQueueStopped) -> None:
        await self._queue(tx, "staff_payouts_stopped", "/admin/", details=event.reason)

    async def _payout_unclear(self, tx: Tx, event: PayoutUnclear) -> None:
        """At first it is looked up by itself; only what lasts needs a person."""
        if event.is_lasting:
            path, details = f"/admin/payouts/{event.payout_id}/", f"part {event.part_id}"
            await self._queue(tx, "staff_payout_unclear", path, payout=event.payout_id, details=details)

    async def _queue(self, tx: Tx, name: str, path: str, **values: Any) -> None:
        link = f"{self._public_url}{path}"
        await self._mailer.queue(tx, name, self._mailbox, self._language, link=link, **values)


def _page(order_id: int) -> str:
    return f"/admin/orders/{order_id}/"
