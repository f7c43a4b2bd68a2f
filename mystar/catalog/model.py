"""Stars, greetings, categories, and what can be refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from mystar.errors import Conflict, Invalid, NotFound, Text
from mystar.kit.money import MAX_KOPECKS, told_rubles
from mystar.kit.text import comparison_key

MAX_TAGS, MAX_TAG_LENGTH = 30, 50
#: Of one service, not counting those that were retired.
MAX_OPTIONS = 50
MAX_SERVICE_IMAGES = 10
#: Of services that are created without a category. It is created with the first of them.
DEFAULT_CATEGORY = "Другое"


@dataclass(frozen=True, slots=True)
class Category:
    """``photo_key``: the path behind /media/."""

    id: int
    name: str
    photo_id: int | None
    photo_key: str | None


@dataclass(frozen=True, slots=True)
class Greeting:
    """The greeting service of a creator. Prices in kopecks; None = does not sell that."""

    service_id: int
    creator_id: int
    account_id: int
    category_id: int | None
    base_price: int | None
    invitation_price: int | None
    delivery_days: int
    is_for_sale: bool
    lead_days: int
    is_limited: bool


class Star(NamedTuple):
    """A creator who sells greetings, with all that lists show. ``id`` is the account's; prices in kopecks.

    ``rating`` is the mean to two places, ``whole_stars`` the same rounded up, both 0 without ratings (D27).
    """

    id: int
    username: str
    first_name: str
    last_name: str
    phone: str | None
    email: str | None
    joined_at: datetime
    avatar_key: str | None
    creator_id: int
    profession: str
    description: str
    is_top: bool
    rating: Decimal
    whole_stars: int
    likes: int
    video_key: str | None
    service_id: int
    category_id: int
    price: int
    invitation_price: int | None
    delivery_days: int
    tags: tuple[str, ...]
    is_available: bool


@dataclass(frozen=True, slots=True)
class GreetingPricing:
    """Prices, delivery days and tags of a creator's greeting. Prices in kopecks.

    A greeting without a price or without a category is not for sale; without ``invitation_price`` no invitations are.
    """

    price: int | None
    category_id: int | None
    days: int = 3
    invitation_price: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GreetingPricingPatch:
    """A partial change of `GreetingPricing` (D30). None leaves a field as it is."""

    price: int | None = None
    category_id: int | None = None
    days: int | None = None
    invitation_price: int | None = None
    tags: tuple[str, ...] | None = None


class Option(NamedTuple):
    """An extra that can be ordered with a service. ``price`` in kopecks, on top of the base price."""

    id: int
    name: str
    description: str
    price: int


class ServiceImage(NamedTuple):
    """``key``: the path after /media/."""

    id: int
    key: str


class Service(NamedTuple):
    """A service with all that lists show. Prices in kopecks.

    A greeting has neither price nor category before its creator sets them. ``modifications_price`` is the whole price
    with modifications, at least ``base_price``; None = there are none. ``is_active`` is set by the creator,
    ``is_withheld`` by staff, ``is_seller_active`` is whether the creator's account is not blocked; ``is_listed``
    follows from all: whether the service can be seen and ordered.
    ``delivery_text``: the delivery time in the creator's words, empty = only ``delivery_days``.
    ``is_available``: its creator is there and has a place free; ``lead_days`` pass before the creator begins to work;
    ``is_limited``: the creator may be absent, or takes so many orders at once.
    ``is_removed`` ones exist only for the orders that name them. ``rating`` and ``completed_orders`` are the creator's.
    """

    id: int
    kind: Literal["greeting", "service"]
    creator_id: int
    account_id: int
    creator_username: str
    avatar_key: str | None
    rating: Decimal
    completed_orders: int
    category_id: int | None
    category_name: str | None
    title: str
    description: str
    base_price: int | None
    delivery_days: int
    delivery_text: str
    modifications_price: int | None
    is_active: bool
    is_withheld: bool
    is_seller_active: bool
    is_listed: bool
    is_removed: bool
    options: tuple[Option, ...]
    tags: tuple[str, ...]
    images: tuple[ServiceImage, ...]
    created_at: datetime
    updated_at: datetime
    is_available: bool
    lead_days: int
    is_limited: bool

    @property
    def can_be_offered(self) -> bool:
        """Whether it can be sold in a custom offer, also one that its creator does not list."""
        return not self.is_withheld and self.is_seller_active and not self.is_removed


@dataclass(frozen=True, slots=True)
class OptionDraft:
    """An option to create, or, with an ``id``, to change. None = unchanged."""

    id: int | None = None
    name: str | None = None
    description: str | None = None
    price: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """A service to create or to change. None = unchanged; prices in kopecks.

    ``options`` and ``tags`` are whole lists: an option that is missing in it is retired. ``kept_images`` are ids of the
    service's images in their new order, the others are deleted; ``image_ids`` are uploads of the creator, to add.
    """

    title: str | None = None
    description: str | None = None
    category_id: int | None = None
    base_price: int | None = None
    delivery_days: int | None = None
    delivery_text: str | None = None
    allows_modifications: bool | None = None
    modifications_price: int | None = None
    is_active: bool | None = None
    options: tuple[OptionDraft, ...] | None = None
    tags: tuple[str, ...] | None = None
    image_ids: tuple[int, ...] = ()
    kept_images: tuple[int, ...] | None = None

    def price_with_modifications(self, old: Service | None) -> int | None:
        """The new price with modifications, None = there are none. Free modifications stay free at a new base price.

        :raises ModificationsTooCheap: it is below the base price.
        """
        base_price = self.base_price if self.base_price is not None or old is None else old.base_price
        price = self._price_with_modifications(old, base_price)
        if price is not None and base_price is not None and price < base_price:
            raise ModificationsTooCheap
        return price

    def _price_with_modifications(self, old: Service | None, base_price: int | None) -> int | None:
        if self.allows_modifications is False:
            return None
        if self.modifications_price is not None:
            return self.modifications_price
        if old is None or old.modifications_price is None:
            return base_price if self.allows_modifications else None
        return base_price if old.modifications_price == old.base_price else old.modifications_price


@dataclass(frozen=True, slots=True)
class Tag:
    """``services``: the number of services with this tag, hidden ones included."""

    id: int
    name: str
    services: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The current terms of a ``service`` for an order, with the chosen ``options``. Prices in kopecks."""

    service: Service
    service_id: int
    creator_id: int
    account_id: int
    title: str
    is_greeting: bool
    base_price: int
    modifications_price: int | None
    delivery_days: int
    options: tuple[Option, ...]


class ServiceUnknown(NotFound):
    """The service does not exist, or is hidden from the actor (D4)."""

    code = "service_unknown"
    text = Text("Услуга не найдена.", "The service was not found.")


class OptionUnknown(Invalid):
    """A chosen option does not belong to the ordered service."""

    code = "option_unknown"
    text = Text("У этой услуги нет такой опции.", "This service has no such option.")

    def __init__(self, field: str = "selected_option_ids") -> None:
        super().__init__(fields={field: [self.text]})


class ImageUnknown(Invalid):
    """An image that is to stay is not one of the service's."""

    code = "image_unknown"
    text = Text("У этой услуги нет такого изображения.", "This service has no such image.")

    def __init__(self) -> None:
        super().__init__(fields={"images": [self.text]})


class TooManyServiceImages(Invalid):
    """A service would have more than ten images."""

    code = "too_many_service_images"
    text = Text(f"Не больше {MAX_SERVICE_IMAGES} изображений.", f"No more than {MAX_SERVICE_IMAGES} images.")

    def __init__(self) -> None:
        super().__init__(fields={"uploaded_images": [self.text]})


class GreetingStays(Conflict):
    """The greeting service of a creator cannot be deleted (D20); it can be hidden."""

    code = "greeting_stays"
    text = Text(
        "Видео-поздравление нельзя удалить, его можно скрыть.", "A greeting cannot be removed, but it can be hidden."
    )


class StarUnknown(NotFound):
    """The star does not exist."""

    code = "star_unknown"
    text = Text("Звезда не найдена.", "The star was not found.")


class NoStars(NotFound):
    """The category has no stars, or does not exist."""

    code = "no_stars"
    text = Text("В этой категории нет звезд.", "There are no stars in this category.")


class CategoryUnknown(Invalid):
    """The category that a service or a profile names does not exist."""

    code = "category_unknown"
    text = Text("Такой категории нет.", "There is no such category.")

    def __init__(self) -> None:
        super().__init__(fields={"category_id": [self.text]})


class CategoryExists(Conflict):
    """Another category has this name."""

    code = "category_exists"
    text = Text("Такая категория уже есть.", "There is such a category already.")


class CategoryInUse(Conflict):
    """A category that has services cannot be deleted."""

    code = "category_in_use"
    text = Text("В этой категории есть услуги.", "There are services in this category.")


class TagExists(Conflict):
    """Another tag has this name; two tags can be merged."""

    code = "tag_exists"
    text = Text("Такой тег уже есть: объедините их.", "There is such a tag already: merge them.")


class PriceImpossible(Invalid):
    """A price of zero or less, or one that the database cannot keep."""

    code = "price_impossible"
    text = Text("Цена должна быть больше нуля.", "The price must be greater than zero.")

    def __init__(self) -> None:
        super().__init__(fields={"price": [self.text]})


class PriceOutsideLimits(Invalid):
    """A price that the payment provider would refuse. ``minimum``, ``maximum``: in rubles as text."""

    code = "price_outside_limits"
    text = Text("Цена должна быть от {minimum} до {maximum}.", "The price must be from {minimum} to {maximum}.")

    def __init__(self, fields: Iterable[str] = (), minimum: int = 0, maximum: int = MAX_KOPECKS) -> None:
        limits = {"minimum": told_rubles(minimum), "maximum": told_rubles(maximum)}
        text = self.text.filled(**limits)
        super().__init__(fields={name: [text] for name in fields}, **limits)


@dataclass(frozen=True, slots=True)
class PriceLimits:
    """What the payment provider accepts, in kopecks."""

    minimum: int = 0
    maximum: int = MAX_KOPECKS

    def check(self, **prices: int | None) -> None:
        """Nothing, or less, is no price here: where it is not free of charge, it is refused as impossible.

        :raises PriceOutsideLimits: names the fields of the prices that are outside.
        """
        given = {name: price for name, price in prices.items() if price is not None and price > 0}
        outside = [name for name, price in given.items() if not self.minimum <= price <= self.maximum]
        if outside:
            raise PriceOutsideLimits(outside, self.minimum, self.maximum)


class ModificationsTooCheap(Invalid):
    """The price with modifications is below the base price: it includes the base price."""

    code = "modifications_too_cheap"
    text = Text(
        "Цена с доработками не может быть ниже базовой.",
        "The price with modifications cannot be below the base price.",
    )

    def __init__(self) -> None:
        super().__init__(fields={"modifications_price": [self.text]})


def tags_by_key(names: Iterable[str]) -> Mapping[str, str]:
    """Names by key: each tag once, in its first spelling; empty ones are dropped."""
    names_by_key: dict[str, str] = {}
    for name in names:
        if key := comparison_key(name):
            names_by_key.setdefault(key, " ".join(unicodedata.normalize("NFC", name).split()))
    return names_by_key
