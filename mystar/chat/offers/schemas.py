"""Market schemas of offers (docs/dialects/market.md#offers)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mystar.chat.model import MAX_CLIENT_ID_LENGTH
from mystar.chat.offers.model import (
    MAX_DAYS,
    MAX_OPEN_DAYS,
    MAX_REASON,
    MAX_TEXT,
    MAX_TITLE,
    OPEN_DAYS,
    Offer,
    OfferStatus,
)
from mystar.kit.money import rubles_text
from mystar.kit.web.fields import BaseSchema, BoundedInteger, Id, PlainText, RubleAmount
from mystar.kit.web.pagination import PageQuery
from mystar.orders.model import Role
from mystar.orders.schemas import MAX_TEXT_LENGTH

_STATUSES = [str(status) for status in OfferStatus]


class OfferPath(BaseSchema):
    offer_id = Id(required=True)


class OfferQuery(PageQuery):
    role = fields.String(
        load_default=None,
        validate=validate.OneOf([Role.BUYER.value, Role.CREATOR.value]),
        metadata={"description": "`buyer`: received ones, `creator`: sent ones; default: both.", "example": "buyer"},
    )
    status = fields.String(
        load_default=None,
        validate=validate.OneOf(_STATUSES),
        metadata={"description": "Of the offer.", "example": "pending"},
    )


class OfferDraftSchema(BaseSchema):
    """A service of the actor at a price and a term of its own."""

    service_id = Id(required=True, metadata={"description": "A service of the actor, listed or not.", "example": 4})
    title = PlainText(
        load_default="",
        max_length=MAX_TITLE,
        metadata={"description": "Default: the title of the service.", "example": "Three videos for a blog"},
    )
    text = PlainText(
        load_default="",
        max_length=MAX_TEXT,
        metadata={"description": "What is included.", "example": "Three videos of a minute, with subtitles"},
    )
    price = RubleAmount(required=True, metadata={"description": "The whole price in rubles.", "example": 12000})
    modifications_price = RubleAmount(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The whole price of the version with modifications; default: none are offered.",
            "example": 15000,
        },
    )
    delivery_days = BoundedInteger(
        required=True,
        min_value=1,
        max_value=MAX_DAYS,
        metadata={"description": "The term: days from the acceptance to the delivery.", "example": 5},
    )
    open_days = BoundedInteger(
        load_default=OPEN_DAYS,
        min_value=1,
        max_value=MAX_OPEN_DAYS,
        metadata={"description": "Days until the offer expires.", "example": 7},
    )
    client_id = PlainText(
        load_default=None,
        allow_none=True,
        min_length=1,
        max_length=MAX_CLIENT_ID_LENGTH,
        metadata={
            "description": "An id chosen by the client; sending it again returns the first offer, without expiry.",
            "example": "offer-7f3a",
        },
    )


class OfferAcceptance(BaseSchema):
    """What the buyer adds to the offer. Prices, parties and the term cannot be set."""

    requirements = PlainText(
        load_default="",
        max_length=MAX_TEXT_LENGTH,
        metadata={"description": "Default: the text of the offer.", "example": "Without music"},
    )
    delivery_date = fields.Date(
        load_default=None,
        allow_none=True,
        metadata={"description": "Default: as many days from now as the offer says.", "example": "2030-05-09"},
    )
    with_modifications = fields.Boolean(
        load_default=False, metadata={"description": "The version with modifications, at its price.", "example": False}
    )
    modifications = PlainText(
        load_default="",
        max_length=MAX_TEXT_LENGTH,
        metadata={"description": "Requested modifications; with `with_modifications`.", "example": "Another ending"},
    )


class OfferReason(BaseSchema):
    reason = PlainText(
        load_default="",
        max_length=MAX_REASON,
        metadata={"description": "The other party reads it.", "example": "Too long for us"},
    )


class OfferView(BaseSchema):
    """A custom offer, as both of its parties see it. Sums in rubles."""

    id = fields.Integer(required=True, metadata={"description": "Identifier.", "example": 12})
    conversation_id = fields.Integer(required=True, metadata={"example": 5})
    message_id = fields.Integer(required=True, metadata={"description": "The message that shows it.", "example": 310})
    service_id = fields.Integer(required=True, metadata={"example": 4})
    creator_id = fields.Integer(
        required=True, metadata={"description": "Identifier of the account that made the offer.", "example": 7}
    )
    buyer_id = fields.Integer(
        required=True, metadata={"description": "Identifier of the account that may accept it.", "example": 9}
    )
    title = fields.String(required=True, metadata={"example": "Three videos for a blog"})
    text = fields.String(required=True, metadata={"description": "What is included.", "example": "With subtitles"})
    price = fields.String(required=True, metadata={"description": "The whole price.", "example": "12000.00"})
    modifications_price = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The whole price with modifications; null: none are offered.",
            "example": "15000.00",
        },
    )
    delivery_days = fields.Integer(
        required=True, metadata={"description": "Days from the acceptance to the delivery.", "example": 5}
    )
    status = fields.String(
        required=True,
        metadata={
            "description": "Final unless `pending`. An offer whose time is over becomes `expired` within a minute.",
            "enum": _STATUSES,
            "example": "pending",
        },
    )
    reason = fields.String(
        required=True, metadata={"description": "Why it was declined or withdrawn.", "example": "Too long for us"}
    )
    expires_at = fields.DateTime(
        required=True, metadata={"description": "Until when it can be accepted.", "example": "2030-05-09T12:00:00Z"}
    )
    created_at = fields.DateTime(required=True, metadata={"example": "2030-05-02T12:00:00Z"})
    closed_at = fields.DateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When it was answered, withdrawn or expired.", "example": "2030-05-03T09:30:00Z"},
    )
    order_id = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The order that was made of it.", "example": 41}
    )


def offer_view(offer: Offer) -> dict[str, Any]:
    """As `OfferView`; the same for both parties."""
    return {
        "id": offer.id,
        "conversation_id": offer.conversation_id,
        "message_id": offer.message_id,
        "service_id": offer.service_id,
        "creator_id": offer.creator_account_id,
        "buyer_id": offer.buyer_id,
        "title": offer.title,
        "text": offer.text,
        "price": rubles_text(offer.price),
        "modifications_price": None if offer.modifications_price is None else rubles_text(offer.modifications_price),
        "delivery_days": offer.delivery_days,
        "status": offer.status,
        "reason": offer.reason,
        "expires_at": offer.expires_at,
        "created_at": offer.created_at,
        "closed_at": offer.closed_at,
        "order_id": offer.order_id,
    }
