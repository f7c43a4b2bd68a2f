"""Offers, their events and errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mystar.accounts.model import Actor
from mystar.errors import Conflict, Forbidden, NotFound, Text

#: Characters of the title, of the text, and of a reason.
MAX_TITLE, MAX_TEXT, MAX_REASON = 200, 3000, 500
#: Days of the term, and days until an offer expires: at most, and unless the creator says otherwise.
MAX_DAYS, MAX_OPEN_DAYS, OPEN_DAYS = 365, 30, 7
#: Offers of one conversation that wait for an answer.
MAX_PENDING = 10


class OfferStatus(StrEnum):
    """All but the first are final."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class OfferDraft:
    """What a creator proposes. Money in kopecks, ``open_days`` until it expires.

    :param modifications_price: the whole price of the version with modifications; None = none are offered.
    """

    service_id: int
    title: str
    text: str
    price: int
    delivery_days: int
    modifications_price: int | None = None
    open_days: int = OPEN_DAYS


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer. ``creator_id`` is the creator's profile, the other parties are accounts. Money in kopecks."""

    id: int
    conversation_id: int
    message_id: int
    service_id: int
    creator_id: int
    creator_account_id: int
    buyer_id: int
    title: str
    text: str
    price: int
    modifications_price: int | None
    delivery_days: int
    status: OfferStatus
    reason: str
    expires_at: datetime
    created_at: datetime
    closed_at: datetime | None
    order_id: int | None

    def require_party(self, actor: Actor) -> None:
        """:raises OfferUnknown: the actor is neither of the two."""
        if actor.id not in (self.buyer_id, self.creator_account_id):
            raise OfferUnknown


def offer_of(row: dict[str, Any]) -> Offer:
    """The offer of a row of ``shown_offers``, also as JSON, where moments are text."""
    moments = {name: _moment(row[name]) for name in ("expires_at", "created_at", "closed_at")}
    return Offer(**row | moments | {"status": OfferStatus(row["status"])})


def _moment(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


# Events, each in the transaction of the change.


@dataclass(frozen=True, slots=True)
class OfferFact:
    """``offer`` as it is after the change."""

    offer: Offer


class OfferDeclined(OfferFact): ...


class OfferWithdrawn(OfferFact): ...


class OfferExpired(OfferFact): ...


OFFER_FACTS: dict[OfferStatus, type[OfferFact]] = {
    OfferStatus.DECLINED: OfferDeclined,
    OfferStatus.WITHDRAWN: OfferWithdrawn,
    OfferStatus.EXPIRED: OfferExpired,
}


class OfferUnknown(NotFound):
    """The offer does not exist, or the actor is not a party to it (D4)."""

    code = "offer_unknown"
    text = Text("Предложение не найдено.", "The offer was not found.")


class OfferNotYours(Forbidden):
    """The action belongs to the other party: the buyer accepts and declines, the creator withdraws."""

    code = "offer_not_yours"
    text = Text("Это действие с предложением вам недоступно.", "This is not for you to do with the offer.")


class OfferClosed(Conflict):
    """The offer is no longer pending.

    ``status``: "accepted", "declined", "withdrawn" or "expired".
    """

    code = "offer_closed"
    text = Text("Это предложение больше не действует.", "This offer is no longer open.")


class TooManyOffers(Conflict):
    """The conversation has as many pending offers as it may have.

    ``limit``: their number.
    """

    code = "too_many_offers"
    text = Text(
        "Больше {limit} предложений не могут ждать ответа сразу.", "No more than {limit} offers can wait for an answer."
    )
