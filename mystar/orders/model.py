"""Orders: records, errors and events (D20–D25)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple

from mystar.accounts.model import Actor
from mystar.catalog.model import Service
from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text
from mystar.orders.parties import NO_PARTIES, Parties, Party
from mystar.orders.shares import CreatorShare


class Kind(StrEnum):
    GREETING = "greeting"
    SERVICE = "service"
    STUDIO = "studio"


class Status(StrEnum):
    """Status of the work. The last two are used by orders to the studio only."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    DISPUTED = "disputed"
    NEW = "new"
    IN_PROCESS = "in_process"


class Money(StrEnum):
    """Status of the order's latest payment."""

    NONE = "none"
    PENDING = "pending"
    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    REFUNDED = "refunded"
    FAILED = "failed"


#: Paid: on hold or captured.
PAID = (Money.HELD, Money.CAPTURED)


class Goal(StrEnum):
    """Where the order's money should be."""

    HOLD = "hold"
    CAPTURE = "capture"
    REVERSE = "give_back"


class Role(StrEnum):
    BUYER = "buyer"
    CREATOR = "creator"
    STAFF = "staff"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class ChosenOption:
    """An option of the service as it was when the order was placed. ``price`` in kopecks.

    ``id`` None: the modifications that some services sell, described in ``description``.
    """

    id: int | None
    name: str
    description: str
    price: int


class Order(NamedTuple):
    """One order. Money is kopecks, moments are UTC.

    ``creator_id`` is the creator's profile and ``creator_account_id`` its account; a studio order has neither.
    ``deadline_at``: when the system applies the next transition, unless a party moves the order before.
    ``payment_method`` is that of the latest payment; ``payment_refusal`` is why the provider takes no payment for the
    order, None when it may be paid. ``offer_id``: the custom offer that the order was made of.
    """

    id: int
    kind: Kind
    service_id: int | None
    creator_id: int | None
    creator_account_id: int | None
    buyer_id: int | None
    status: Status
    money: Money
    money_goal: Goal
    price: int
    total_price: int
    refunded: int
    for_whom: str
    requirements: str
    occasion: str
    due_date: date | None
    due_time: time | None
    options: tuple[ChosenOption, ...]
    cancellation_reason: str | None
    deadline_at: datetime | None
    accepted_at: datetime | None
    paid_at: datetime | None
    delivered_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    reviewed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    payment_method: str | None = None
    payment_refusal: str | None = None
    offer_id: int | None = None

    def role_of(self, actor: Actor) -> Role | None:
        """The actor's role in this order; None for others. Staff who are a party act as that party only."""
        if actor.id == self.buyer_id:
            return Role.BUYER
        if actor.id == self.creator_account_id:
            return Role.CREATOR
        return Role.STAFF if actor.acts_as_staff() else None

    @property
    def is_open_to_buyer(self) -> bool:
        """Whether the buyer may open the delivered files: a greeting is opened once it is paid."""
        return self.kind is not Kind.GREETING or self.money in PAID

    @property
    def is_charged_at_once(self) -> bool:
        """Whether the payment is charged when it is made, as by SBP, instead of being held."""
        return self.payment_method == "sbp"

    @property
    def shown_status(self) -> str:
        """The status in the market dialect: an order that is paid and not yet in progress is "paid" (D21)."""
        if self.status in (Status.PENDING, Status.ACCEPTED) and self.money in PAID:
            return "paid"
        return self.status.value


class OrderEntry(NamedTuple):
    """An order with its parties, as lists show it. None: a guest's order, or one to the studio.

    ``service`` is read for the market dialect only. For the greetings dialect only: ``profession`` and ``category`` of
    the star, ``video_id`` and ``video``, id and key of the newest delivered video, and ``payment``, the provider's id
    of the latest payment.
    """

    order: Order
    buyer: Party | None
    creator: Party | None
    profession: str | None
    category: str | None
    video_id: int | None
    video: str | None
    payment: str | None
    service: Service | None = None
    share: CreatorShare | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The ``number``-th delivery of an order, with the ids of its files."""

    id: int
    order_id: int
    number: int
    message: str
    file_ids: tuple[int, ...]
    created_by: int | None
    created_at: datetime


class DeliveredFile(NamedTuple):
    """``size`` in bytes, ``key`` its path behind /media/."""

    id: int
    name: str
    key: str
    size: int
    content_type: str


@dataclass(frozen=True, slots=True)
class DeliveryCard:
    """A delivery with its files."""

    delivery: Delivery
    files: tuple[DeliveredFile, ...]


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An entry of the order's history. ``actor`` None: the system, or an erased account."""

    id: int
    action: str
    role: Role
    actor: Party | None
    from_status: str | None
    to_status: str
    from_money: str | None
    to_money: str
    details: dict[str, Any]
    created_at: datetime


class NoModifications(Invalid):
    """Modifications are ordered from a service that does not sell any."""

    code = "no_modifications"
    text = Text("Автор услуги не продаёт доработок.", "The creator sells no changes to this service.")

    def __init__(self) -> None:
        super().__init__(fields={"with_modifications": [self.text]})


class OrderUnknown(NotFound):
    """The order does not exist, or the actor is not a party to it (D4)."""

    code = "order_not_found"
    text = Text("Заказ не найден.", "There is no such order.")


class ActionForbidden(Forbidden):
    """The actor's role may never do this to the order (D23)."""

    code = "order_not_yours"
    text = Text("Это действие с заказом вам недоступно.", "This is not for you to do with the order.")


class ActionNotAllowedNow(Conflict):
    """Not allowed in the order's present state (D23); ``status`` and ``allowed_actions`` tell it."""

    code = "order_wrong_time"
    text = Text("Сейчас с заказом этого сделать нельзя.", "This cannot be done with the order now.")


class PriceChanged(Conflict):
    """The client sent a price that is not the current one (D1); ``price`` is the current one, rubles as text."""

    code = "price_changed"
    text = Text("Цена изменилась: сейчас {price}.", "The price has changed: it is {price} now.")


class OwnService(Invalid):
    """An order from oneself (D25)."""

    code = "own_service"
    text = Text("Нельзя заказать у самого себя.", "You cannot order from yourself.")


class NotForSale(NotFound):
    """The ordered star or service does not exist, is hidden or takes no orders."""

    code = "not_for_sale"
    text = Text("Звезда не найдена или не принимает заказы.", "There is no such star, or no orders are taken.")


class NoInvitations(Invalid):
    """An invitation is ordered from a star that does not record any."""

    code = "no_invitations"
    text = Text("Эта звезда не записывает приглашения.", "This star does not record invitations.")


class NothingDelivered(Invalid):
    """A delivery without a file."""

    code = "nothing_delivered"
    text = Text("Приложите файл.", "Attach a file.")


class PaymentLinkRefused(Forbidden):
    """The signature of a payment link is wrong, or the link is older than a month (D26)."""

    code = "payment_link_refused"
    text = Text(
        "Ссылка на оплату недействительна или устарела. Новая есть на странице заказа.",
        "The payment link is not valid or too old. The order's page has a new one.",
    )


# Events. Each is published in the transaction that changes the order; ``by`` is the role that acted.


@dataclass(frozen=True, slots=True)
class OrderFact:
    """``was``: the status before."""

    order: Order
    by: Role
    was: Status | None = None


@dataclass(frozen=True, slots=True)
class OrderPlaced(OrderFact):
    parties: Parties = NO_PARTIES


class OrderAccepted(OrderFact): ...


class OrderRejected(OrderFact): ...


class OrderCancelled(OrderFact): ...


class OrderDelivered(OrderFact): ...


class OrderReopened(OrderFact):
    """The buyer requested a revision."""


class OrderDisputed(OrderFact): ...


class OrderCompleted(OrderFact): ...


class OrderPaid(OrderFact):
    """The money is held."""


class OrderCaptured(OrderFact): ...


class OrderPaymentFailed(OrderFact):
    """The buyer did not pay, or the provider refused; another payment can be started."""


class OrderMoneyReturned(OrderFact):
    """A hold was released or a captured sum refunded in full."""


@dataclass(frozen=True, slots=True)
class OrderPartlyRefunded(OrderFact):
    """``amount`` kopecks of the captured sum were refunded; the rest stays."""

    amount: int = 0


@dataclass(frozen=True, slots=True)
class OrderMoneyDecided(OrderFact):
    """Staff decided about the money and left the status unchanged: "capture", "refund", "refund_part" of ``amount``
    kopecks, "refund_again" after a refund had failed, or "resume_payment" after a refusal. The money moves later."""

    what: str = ""
    amount: int | None = None


class OrderEdited(OrderFact):
    """The buyer changed the requirements or the due date."""


#: The event of reaching a status, of the work or of the money.
STATUS_FACTS: dict[Status, type[OrderFact]] = {
    Status.ACCEPTED: OrderAccepted,
    Status.REJECTED: OrderRejected,
    Status.CANCELLED: OrderCancelled,
    Status.DELIVERED: OrderDelivered,
    Status.IN_PROGRESS: OrderReopened,
    Status.DISPUTED: OrderDisputed,
    Status.COMPLETED: OrderCompleted,
}
MONEY_FACTS: dict[Money, type[OrderFact]] = {
    Money.HELD: OrderPaid,
    Money.CAPTURED: OrderCaptured,
    Money.FAILED: OrderPaymentFailed,
    Money.RELEASED: OrderMoneyReturned,
    Money.REFUNDED: OrderMoneyReturned,
}


#: Columns that are called otherwise than the attributes.
_COLUMNS = {"requirements": "wish", "due_date": "by_date", "due_time": "by_time"}
_VALUES = itemgetter(*(_COLUMNS.get(name, name) for name in Order._fields))


def order_of(row: dict[str, Any]) -> Order:
    """The order of a row that has all columns of the table and ``creator_account_id``.

    A page has many: a tuple of values in order is made in a third of the time of keywords.
    """
    row = {**row, "kind": Kind(row["kind"]), "status": Status(row["status"])}
    row["money"], row["money_goal"] = Money(row["money"]), Goal(row["money_goal"])
    row["options"] = tuple(ChosenOption(**option) for option in row["options"] or ())
    return Order._make(_VALUES(row))
