"""Payments: the record, its errors, and the events it publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from mystar.errors import Conflict, Invalid, Text
from mystar.kit.money import told_rubles

if TYPE_CHECKING:
    from mystar.kit.postgres.database import Queryable, Tx

Status = Literal["pending", "held", "captured", "released", "refunded", "failed"]
Goal = Literal["hold", "capture", "give_back"]
Method = Literal["bank_card", "sbp"]
FeeMoment = Literal["deal_closed", "payment_succeeded"]


class PaymentOpen(Conflict):
    """The order has an open payment already."""

    code = "payment_open"
    text = Text("Этот заказ уже оплачивается.", "This order is being paid already.")


class PaymentOver(Conflict):
    """The payment behind the link has ended; the link makes a new one when it is opened again."""

    code = "payment_over"
    text = Text(
        "Этот платёж завершён. Откройте ссылку на оплату ещё раз.",
        "This payment is over. Please open the payment link again.",
    )


class PaymentNotTaken(Conflict):
    """A refund of an order whose money was not captured."""

    code = "payment_not_taken"
    text = Text("Деньги за этот заказ не списаны.", "No money has been taken for this order.")


class RefundUnderWay(Conflict):
    """An earlier partial refund of the payment has not ended."""

    code = "refund_under_way"
    text = Text("Предыдущий возврат ещё выполняется.", "The refund before this one is still under way.")


class RefundTooMuch(Invalid):
    """A partial refund exceeds what is left of the captured money.

    ``left``: in rubles as text.
    """

    code = "refund_too_much"
    text = Text("Вернуть можно не больше {left}.", "No more than {left} can be refunded.")

    def __init__(self, left: int) -> None:
        amount = told_rubles(left)
        super().__init__(fields={"amount": [self.text.filled(left=amount)]}, left=amount)


#: Why the provider refuses a payment, by the beginning of the parameter that it names.
_REFUSALS = {
    "amount": Text("сумма вне пределов, которые он допускает", "the amount is outside its limits"),
    "receipt": Text("не удаётся оформить чек", "the receipt cannot be made"),
}
_OTHER_REFUSAL = Text("он отклонил запрос", "it rejected the request")


def refusal_reason(refusal: str) -> Text:
    """What to tell people of ``refusal``, which is the provider's "parameter: description"."""
    parameter = refusal.partition(":")[0]
    return next((text for start, text in _REFUSALS.items() if parameter.startswith(start)), _OTHER_REFUSAL)


class PaymentStopped(Conflict):
    """The provider refuses to take a payment for this order and would refuse it again."""

    code = "payment_stopped"
    text = Text(
        "Платёжный сервис не принимает оплату этого заказа: {reason}. Повторять не нужно, мы уже разбираемся.",
        "The payment provider does not accept a payment for this order: {reason}. There is no need to try again: "
        "we are looking into it.",
    )

    def __init__(self, refusal: str = "") -> None:
        super().__init__()
        self._refusal = refusal

    def message(self, language: str) -> str:
        return self.text.in_(language, reason=refusal_reason(self._refusal).in_(language))


class RefundNotFailed(Conflict):
    """A refund is to be begun anew, and none has failed."""

    code = "refund_not_failed"
    text = Text("Возврат за этот заказ не срывался.", "No refund of this order has failed.")


class PaymentNotStopped(Conflict):
    """Payment is to be allowed again, and the provider has not refused it."""

    code = "payment_not_stopped"
    text = Text("Оплата этого заказа не остановлена.", "The payment of this order is not stopped.")


class MethodNotOffered(Invalid):
    """The payment method is not one of those that the installation offers."""

    code = "method_not_offered"
    text = Text("Этим способом оплатить нельзя.", "This payment method is not offered.")

    def __init__(self) -> None:
        super().__init__(fields={"method": [self.text]})


#: Why a payment failed whose method the provider does not take from this shop.
METHOD_REFUSED = "method_refused"


class MethodRefused(Conflict):
    """The provider does not take the chosen method, as from a shop without a contract for it; another one may do."""

    code = "payment_method_refused"
    text = Text(
        "Этот способ оплаты сейчас недоступен. Выберите другой.",
        "This payment method is not available now. Please choose another one.",
    )


class PaymentSettled(Conflict):
    """The order is paid already."""

    code = "payment_settled"
    text = Text("Этот заказ уже оплачен.", "This order is paid already.")


class ReversalInProgress(Conflict):
    """A refund or a capture while the order's money is being returned."""

    code = "payment_giving_back"
    text = Text("Деньги за этот заказ уже возвращаются.", "The money for this order is being returned already.")


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay for an order. Amounts are kopecks, moments are aware.

    :param status: where the money is, as the provider reported it last.
    :param goal: where the money should be.
    :param refunding: amount of the partial refund in progress; ``refunds`` is the number of partial refunds so far.
    :param check_at: when the poll asks the provider next.
    :param chosen_method: by SBP the money is charged at once and never held.
    :param is_method_open: the payer may still choose; until then the provider is not called.
    :param refusal: why the provider refused to create it, as "parameter: description".
    :param refund_failure: why the latest refund failed, until the next one is begun.
    :param refund_attempt: how many times a refund of all the rest was begun anew.
    :param refund_id: the provider's, of a refund that is pending.
    :param income: what is left of the captured amount after the provider's fee.
    :param deal_share: the creator's part, when the money rests at the provider as a safe deal; None = no deal.
    :param deal_fee_moment: when the platform's part leaves the deal.
    :param refund_limit: kopecks that can be refunded in all; None = all that was captured.
    """

    id: int
    order_id: int
    payer_id: int | None
    amount: int
    currency: str
    description: str
    return_url: str
    status: Status
    goal: Goal
    captured: int
    refunded: int
    refunding: int
    refunds: int
    provider_id: str | None
    confirmation_url: str | None
    method: str | None
    expires_at: datetime | None
    cancellation_party: str | None
    cancellation_reason: str | None
    held_at: datetime | None
    settled_at: datetime | None
    check_at: datetime | None
    created_at: datetime
    updated_at: datetime
    chosen_method: Method = "bank_card"
    refusal: str | None = None
    refund_failure: str | None = None
    refund_attempt: int = 0
    refund_id: str | None = None
    income: int | None = None
    deal_share: int | None = None
    deal_id: str | None = None
    deal_fee_moment: FeeMoment | None = None
    refund_limit: int | None = None
    is_method_open: bool = False

    @property
    def refundable(self) -> int:
        """Kopecks of the captured money that can still go back."""
        limit = self.captured if self.refund_limit is None else min(self.captured, self.refund_limit)
        return max(limit - self.refunded, 0)

    @property
    def refunds_asked(self) -> int:
        """How many refunds were asked for, of parts and of all the rest."""
        return self.refunds + (self.goal == "give_back")

    @property
    def is_over(self) -> bool:
        """Whether the status is final."""
        return self.status in ("released", "refunded", "failed")

    @property
    def is_unsettled(self) -> bool:
        if self.status == "captured":
            return (self.goal == "give_back" and self.refundable > 0) or self.refunding > 0
        return self.status in ("pending", "held")


@dataclass(frozen=True, slots=True)
class PaymentChoice:
    """What a buyer chooses from on the pay page. ``amount`` in kopecks.

    :param is_after_refusal: the provider has refused the method that was chosen before.
    """

    order_id: int
    amount: int
    methods: Sequence[str]
    is_after_refusal: bool


@dataclass(frozen=True, slots=True)
class DealPart:
    """What a payment has to know of the safe deal that it is made in.

    :param share: kopecks that are the creator's.
    :param refund_limit: kopecks that can be refunded in all; None = everything.
    """

    share: int
    fee_moment: FeeMoment
    refund_limit: int | None


class DealTerms(Protocol):
    """What payments have to know of safe deals; the earnings know it."""

    async def deal_part(self, tx: Queryable, order_id: int) -> DealPart | None:
        """None = the order is no deal."""

    async def require_refundable(self, tx: Tx, order_id: int) -> None:
        """:raises Conflict: the deal is paid out, or about to be, and the provider refunds nothing of it."""

    async def deal_refund_share(self, order_id: int, amount: int) -> int:
        """By how much the creator's part falls when ``amount`` kopecks are refunded."""


# Events


@dataclass(frozen=True, slots=True)
class SettlementBegins:
    """Published before a payment is locked, so that orders can lock their row first: locks are always taken in the
    order order, payment."""

    order_id: int


@dataclass(frozen=True, slots=True)
class PaymentHeld:
    payment: Payment


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    payment: Payment


@dataclass(frozen=True, slots=True)
class PaymentReleased:
    payment: Payment


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    payment: Payment


@dataclass(frozen=True, slots=True)
class PaymentPartlyRefunded:
    """``amount`` kopecks went back; something is left."""

    payment: Payment
    amount: int


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    """An entry of the ledger: ``amount`` kopecks were held, captured, released or refunded, as ``reason`` says."""

    payment: Payment
    reason: str
    amount: int


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    payment: Payment


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """The provider canceled a refund of ``amount`` kopecks, at once or days later. The money is still taken."""

    payment: Payment
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class HoldExpiring:
    """The hold ends soon and its goal is still "hold". A listener may set the goal to "capture"; else it is voided."""

    payment: Payment


EVENTS: Mapping[Status, type] = {
    "held": PaymentHeld,
    "captured": PaymentCaptured,
    "released": PaymentReleased,
    "refunded": PaymentRefunded,
    "failed": PaymentFailed,
}
