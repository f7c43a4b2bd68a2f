"""Buyer and creator of an order, as its readers see them."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.errors import Forbidden, Text


@dataclass(frozen=True, slots=True)
class Party:
    """A party of an order, as lists show it. ``avatar`` is the key of the picture's file."""

    id: int
    username: str
    full_name: str
    avatar: str | None


@dataclass(frozen=True, slots=True)
class Parties:
    """The parties of a new order, and where the creator's mail goes. Without an ``email`` none is sent.

    ``is_confirmed``: whether the creator's e-mail is.
    ``recent_orders``: how many orders the creator was notified of in the hour before, counted up to a thousand;
    0 without an ``email``.
    ``title``: what was ordered. ``time_zone``: the creator's own.
    """

    buyer: Party | None = None
    creator: Party | None = None
    email: str | None = None
    language: str = "ru"
    recent_orders: int = 0
    is_confirmed: bool = True
    time_zone: str | None = None
    title: str = ""


NO_PARTIES = Parties()


class BuyerBlocked(Forbidden):
    """The creator has blocked the buyer, who cannot order."""

    code = "buyer_blocked"
    text = Text("Этот исполнитель не принимает от вас заказы.", "This creator does not take orders from you.")


class CreatorBlocked(Forbidden):
    """The buyer has blocked the creator of an order."""

    code = "creator_blocked"
    text = Text(
        "Вы заблокировали этого исполнителя. Чтобы сделать заказ, снимите блокировку.",
        "You have blocked this creator. Unblock them to order.",
    )
