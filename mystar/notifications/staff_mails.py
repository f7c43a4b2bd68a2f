"""Mails to the support mailbox about money that needs a person."""

from __future__ import annotations

from mystar.earnings.sending.model import PayoutQueueStopped, PayoutUnclear
from mystar.errors import Text
from mystar.kit.events import Events
from mystar.kit.money import rubles_text
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Tx
from mystar.payments.model import PaymentFailed, RefundFailed
from mystar.receipts.model import ReceiptRefused

_PAYMENT_REFUSED = Text(
    "Провайдер не принимает оплату заказа №{order}. Заказ нельзя оплатить, пока причина не устранена.",
    "The provider does not accept a payment for order no. {order}. It cannot be paid until the cause is mended.",
)
_REFUND_FAILED = Text(
    "Возврат {amount} ₽ за заказ №{order} не прошёл. Деньги остались у нас.",
    "The refund of {amount} RUB for order no. {order} failed. The money is still with us.",
)

_RECEIPT_REFUSED = Text(
    "Чек за заказ №{order} не зарегистрирован. Его нужно исправить и отправить снова.",
    "The receipt of order no. {order} was not registered. It has to be mended and sent again.",
)

_QUEUE_STOPPED = Text(
    "Выплаты остановлены: провайдер их не проводит. Пополните баланс или исправьте доступ и запустите очередь снова.",
    "Payouts are stopped: the provider does not make them. Fund the balance or mend the credentials, then resume them.",
)
_PAYOUT_UNCLEAR = Text(
    "Исход выплаты №{payout} неизвестен: у провайдера её нет, а повторить прежний запрос уже нельзя.",
    "The outcome of payout no. {payout} is unknown: the provider does not have it, and its call cannot be repeated.",
)


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
            await self._send(tx, order_id, _PAYMENT_REFUSED.in_(self._language, order=order_id), refusal)

    async def _refund_failed(self, tx: Tx, event: RefundFailed) -> None:
        order_id, amount = event.payment.order_id, rubles_text(event.amount)
        await self._send(tx, order_id, _REFUND_FAILED.in_(self._language, order=order_id, amount=amount), event.reason)

    async def _receipt_refused(self, tx: Tx, event: ReceiptRefused) -> None:
        order_id = event.receipt.order_id
        await self._send(tx, order_id, _RECEIPT_REFUSED.in_(self._language, order=order_id), event.reason)

    async def _queue_stopped(self, tx: Tx, event: PayoutQueueStopped) -> None:
        await self._queue(tx, "/admin/", _QUEUE_STOPPED.in_(self._language), event.reason)

    async def _payout_unclear(self, tx: Tx, event: PayoutUnclear) -> None:
        """At first it is looked up by itself; only what lasts needs a person."""
        if event.is_lasting:
            what = _PAYOUT_UNCLEAR.in_(self._language, payout=event.payout_id)
            await self._queue(tx, "/admin/", what, f"part {event.part_id}")

    async def _send(self, tx: Tx, order_id: int, what: str, details: str) -> None:
        await self._queue(tx, f"/admin/orders/{order_id}/", what, details)

    async def _queue(self, tx: Tx, path: str, what: str, details: str) -> None:
        link = f"{self._public_url}{path}"
        await self._mailer.queue(
            tx, "staff_notice", self._mailbox, self._language, what=what, details=details, link=link
        )
