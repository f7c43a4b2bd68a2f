"""Market schemas of orders (docs/dialects/market.md#orders)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_load, validate

from mystar.accounts.model import Actor
from mystar.catalog.schemas import ServiceView, service_shape
from mystar.kit.money import rubles_number, rubles_text
from mystar.kit.web.fields import BaseSchema, BoundedList, Id, PlainText, RubleAmount
from mystar.kit.web.media_urls import Addresses
from mystar.kit.web.pagination import PageQuery
from mystar.orders.model import (
    ChosenOption,
    DeliveryCard,
    Kind,
    Money,
    Order,
    OrderEntry,
    OrderEvent,
    Role,
    Status,
)
from mystar.orders.parties import Party
from mystar.orders.reads import OrderDetail
from mystar.orders.shares import CreatorShare
from mystar.orders.state_machine import allowed_actions
from mystar.payments.model import Payment

MAX_OPTIONS, MAX_FILES, MAX_TEXT_LENGTH, MAX_REASON_LENGTH = 50, 20, 5000, 1000
#: Other names that clients send for the keys of the market document.
_ALIASES = {"service": "service_id", "modifications_description": "modifications"}
SHOWN_STATUSES = ("pending", "paid", *(status.value for status in Status if status is not Status.PENDING))


# Requests


class OrderPath(BaseSchema):
    order_id = Id(required=True)


class OrderQuery(PageQuery):
    status = fields.String(
        load_default=None,
        validate=validate.OneOf(SHOWN_STATUSES),
        metadata={"description": "As it is shown: an open order whose money is there is `paid`."},
    )
    role = fields.String(load_default=None, validate=validate.OneOf([Role.BUYER.value, Role.CREATOR.value]))

    @pre_load
    def read_other_spellings(self, data: Any, **_options: Any) -> Any:
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if not (key in ("status", "role") and value == "")}
            if data.get("status") == "canceled":
                data["status"] = Status.CANCELLED.value
        return data


class ServiceOrderDraft(BaseSchema):
    """Prices, parties and statuses cannot be set: other keys are ignored (D1)."""

    service_id = Id(required=True, metadata={"description": "Or `service`. A greeting service makes a greeting order."})
    requirements = PlainText(load_default="", max_length=MAX_TEXT_LENGTH)
    delivery_date = fields.Date(load_default=None, allow_none=True)
    option_ids = BoundedList(Id(), data_key="selected_option_ids", load_default=list, max_items=MAX_OPTIONS)
    with_modifications = fields.Boolean(load_default=False)
    modifications = PlainText(
        load_default="",
        max_length=MAX_TEXT_LENGTH,
        metadata={"description": "Requested modifications, or `modifications_description`; with `with_modifications`."},
    )

    @pre_load
    def read_other_words(self, data: Any, **_options: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = {_ALIASES[key]: value for key, value in data.items() if key in _ALIASES}
        empty = ("delivery_date", "selected_option_ids")
        return given | {key: value for key, value in data.items() if not (key in empty and value in ("", None))}


class OrderEdit(BaseSchema):
    """Other keys are ignored, also the status, which is changed by actions only."""

    requirements = PlainText(max_length=MAX_TEXT_LENGTH)
    delivery_date = fields.Date()


class OrderReasonDraft(BaseSchema):
    reason = PlainText(load_default="", max_length=MAX_REASON_LENGTH)

    @pre_load
    def read_other_words(self, data: Any, **_options: Any) -> Any:
        if isinstance(data, dict) and "reason" not in data:
            words = next((data[snapshot] for snapshot in ("message", "comment") if snapshot in data), None)
            return data if words is None else {**data, "reason": words}
        return data


class OrderRefundDraft(OrderReasonDraft):
    amount = RubleAmount(
        load_default=None, allow_none=True, metadata={"description": "Rubles; default: all that is left."}
    )


class PaymentDraft(BaseSchema):
    payment_method = PlainText(
        load_default=None,
        allow_none=True,
        max_length=20,
        metadata={
            "description": "bank_card or sbp, to begin with it; default: the buyer may choose on the link's page."
        },
    )


class DeliveryDraft(BaseSchema):
    """A message, files, or both; a greeting needs a file."""

    message = PlainText(load_default="", max_length=MAX_TEXT_LENGTH)
    file_ids = BoundedList(
        Id(),
        load_default=list,
        max_items=MAX_FILES,
        metadata={"description": "Unused uploads of the actor."},
    )


class OrderDeliveryDraft(DeliveryDraft):
    order = Id(required=True)


# Responses


class MoveView(BaseSchema):
    """The money that the action moves."""

    move = fields.String(required=True, metadata={"enum": ["hold", "capture", "release", "refund"]})
    amount = fields.String(required=True, metadata={"description": "Rubles.", "example": "15000.00"})


class AllowedActionView(BaseSchema):
    """An action that is allowed to the reader now (D23)."""

    name = fields.String(required=True)
    until = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When the system ends the wait; null = no end."}
    )
    money = fields.Nested(MoveView, required=True, allow_none=True)


class PartyView(BaseSchema):
    id = fields.Integer(required=True, metadata={"description": "Of the account."})
    username = fields.String(required=True)
    full_name = fields.String(required=True, metadata={"description": "The user name for an account without names."})
    avatar = fields.String(required=True, allow_none=True, metadata={"format": "uri"})


class ChosenOptionView(BaseSchema):
    """As it was when the order was placed."""

    id = fields.Integer(required=True, allow_none=True, metadata={"description": "null: changes to the work."})
    name = fields.String(required=True)
    description = fields.String(required=True)
    price = fields.Decimal(required=True)


class OrderView(BaseSchema):
    """An item of a list. Sums in rubles; ``status`` as shown, ``money`` is the status of the payment."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True, metadata={"enum": [kind.value for kind in Kind]})
    service = fields.Nested(ServiceView, required=True, allow_none=True)
    buyer = fields.Nested(PartyView, required=True, allow_none=True)
    creator = fields.Nested(PartyView, required=True, allow_none=True)
    status = fields.String(required=True, metadata={"enum": list(SHOWN_STATUSES)})
    money = fields.String(required=True, metadata={"enum": [money.value for money in Money]})
    requirements = fields.String(required=True)
    for_whom = fields.String(required=True, metadata={"description": "Of a greeting."})
    price = fields.Decimal(required=True, metadata={"description": "Of the service when it was ordered."})
    total_price = fields.Decimal(required=True, metadata={"description": "With the chosen options."})
    refunded = fields.Decimal(required=True)
    delivery_date = fields.Date(required=True, allow_none=True)
    selected_options = fields.List(fields.Nested(ChosenOptionView), required=True)
    cancellation_reason = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)
    accepted_at = fields.DateTime(required=True, allow_none=True)
    paid_at = fields.DateTime(required=True, allow_none=True)
    delivered_at = fields.DateTime(required=True, allow_none=True)
    completed_at = fields.DateTime(required=True, allow_none=True)
    cancelled_at = fields.DateTime(required=True, allow_none=True)
    reviewed_at = fields.DateTime(required=True, allow_none=True)
    offer_id = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The custom offer that the order was made of.", "example": 12},
    )
    allowed_actions = fields.List(fields.Nested(AllowedActionView), required=True)
    commission = fields.String(metadata={"description": "For the creator alone: what the platform keeps."})
    your_share = fields.String(metadata={"description": "For the creator alone, less what went back to the buyer."})
    clears_at = fields.DateTime(
        allow_none=True, metadata={"description": "For the creator alone: when the share can be paid out."}
    )


class DeliveredFileView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    url = fields.String(
        required=True, allow_none=True, metadata={"description": "A signed link for an hour; null before payment."}
    )
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    content_type = fields.String(required=True)


class DeliveryView(BaseSchema):
    id = fields.Integer(required=True)
    order_id = fields.Integer(required=True)
    number = fields.Integer(required=True, metadata={"description": "1, 2, 3 … in the order."})
    message = fields.String(required=True)
    files = fields.List(fields.Nested(DeliveredFileView), required=True)
    created_by = fields.Integer(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)


class PaymentView(BaseSchema):
    """One attempt to pay."""

    id = fields.Integer(required=True)
    status = fields.String(required=True)
    amount = fields.Decimal(required=True)
    captured = fields.Decimal(required=True)
    refunded = fields.Decimal(required=True)
    method = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    held_at = fields.DateTime(required=True, allow_none=True)
    expires_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When the provider would drop the hold."}
    )


class TimelineEventView(BaseSchema):
    """``role`` "system": caused by a deadline or by the payment provider."""

    id = fields.Integer(required=True)
    action = fields.String(required=True)
    role = fields.String(required=True, metadata={"enum": [role.value for role in Role]})
    actor = fields.Nested(PartyView, required=True, allow_none=True)
    from_status = fields.String(required=True, allow_none=True)
    to_status = fields.String(required=True)
    from_money = fields.String(required=True, allow_none=True)
    to_money = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    amount = fields.Decimal(required=True, allow_none=True, metadata={"description": "Rubles of a partial refund."})
    created_at = fields.DateTime(required=True)


class OrderDetailView(OrderView):
    deliveries = fields.List(fields.Nested(DeliveryView), required=True, metadata={"description": "Newest first."})
    payments = fields.List(fields.Nested(PaymentView), required=True, metadata={"description": "Newest first."})
    timeline_events = fields.List(
        fields.Nested(TimelineEventView), required=True, metadata={"description": "Oldest first."}
    )


class PaymentLinkView(BaseSchema):
    link = fields.String(required=True, metadata={"description": "Leads to the provider's page; needs no token."})


def order_view(entry: OrderEntry, reader: Actor, at: Addresses, language: str) -> dict[str, Any]:
    """As `OrderView`."""
    order, role = entry.order, entry.order.role_of(reader)
    return {
        "id": order.id,
        "kind": order.kind,
        "service": service_shape(entry.service, at.public_url, language) if entry.service else None,
        "buyer": _party(entry.buyer, at),
        "creator": _party(entry.creator, at),
        "status": order.shown_status,
        "money": order.money,
        "requirements": order.requirements,
        "for_whom": order.for_whom,
        "price": rubles_number(order.price),
        "total_price": rubles_number(order.total_price),
        "refunded": rubles_number(order.refunded),
        "delivery_date": order.due_date,
        "selected_options": [_option(option) for option in order.options],
        "cancellation_reason": order.cancellation_reason,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "accepted_at": order.accepted_at,
        "paid_at": order.paid_at,
        "delivered_at": order.delivered_at,
        "completed_at": order.completed_at,
        "cancelled_at": order.cancelled_at,
        "reviewed_at": order.reviewed_at,
        "offer_id": order.offer_id,
        "allowed_actions": [one.plain() for one in allowed_actions(order, role)] if role else [],
        **(_share(entry.share) if entry.share else {}),
    }


def _share(share: CreatorShare) -> dict[str, Any]:
    return {
        "commission": rubles_text(share.commission),
        "your_share": rubles_text(share.share),
        "clears_at": share.clears_at,
    }


def order_detail_view(detail: OrderDetail, reader: Actor, at: Addresses, language: str) -> dict[str, Any]:
    """As `OrderDetailView`."""
    order = detail.entry.order
    return {
        **order_view(detail.entry, reader, at, language),
        "deliveries": [delivery_view(card, order, reader, at) for card in detail.deliveries],
        "payments": [_payment(payment) for payment in detail.payments],
        "timeline_events": [_event(one, at) for one in detail.timeline],
    }


def delivery_view(card: DeliveryCard, order: Order, reader: Actor, at: Addresses) -> dict[str, Any]:
    """As `DeliveryView`. The buyer of an unpaid greeting sees that there is a file, without its address."""
    delivery, is_open = card.delivery, order.is_open_to_buyer or reader.id != order.buyer_id
    return {
        "id": delivery.id,
        "order_id": delivery.order_id,
        "number": delivery.number,
        "message": delivery.message,
        "files": [
            {
                "id": file.id,
                "name": file.name,
                "url": at.private(file.key) if is_open else None,
                "size": file.size,
                "content_type": file.content_type,
            }
            for file in card.files
        ],
        "created_by": delivery.created_by,
        "created_at": delivery.created_at,
    }


def _party(person: Party | None, at: Addresses) -> dict[str, Any] | None:
    if person is None:
        return None
    full_name = person.full_name or person.username
    return {
        "id": person.id,
        "username": person.username,
        "full_name": full_name,
        "avatar": at.public(person.avatar),
    }


def _option(option: ChosenOption) -> dict[str, Any]:
    return {
        "id": option.id,
        "name": option.name,
        "description": option.description,
        "price": rubles_number(option.price),
    }


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "id": payment.id,
        "status": payment.status,
        "amount": rubles_number(payment.amount),
        "captured": rubles_number(payment.captured),
        "refunded": rubles_number(payment.refunded),
        "method": payment.method,
        "created_at": payment.created_at,
        "held_at": payment.held_at,
        "expires_at": payment.expires_at,
    }


def _event(one: OrderEvent, at: Addresses) -> dict[str, Any]:
    amount = one.details.get("amount")
    return {
        "id": one.id,
        "action": one.action,
        "role": one.role,
        "actor": _party(one.actor, at),
        "from_status": one.from_status,
        "to_status": one.to_status,
        "from_money": one.from_money,
        "to_money": one.to_money,
        "reason": one.details.get("reason"),
        "amount": rubles_number(amount) if amount is not None else None,
        "created_at": one.created_at,
    }
