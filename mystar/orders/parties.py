"""Buyer and creator of an order, as its readers see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Party:
    """A party of an order, as lists show it. ``avatar`` is the key of the picture's file."""

    id: int
    username: str
    full_name: str
    avatar: str | None


@dataclass(frozen=True, slots=True)
class Parties:
    """The parties of a new order, and where the creator's mail goes. Without an ``email`` none is sent."""

    buyer: Party | None = None
    creator: Party | None = None
    email: str | None = None
    language: str = "ru"


NO_PARTIES = Parties()
