"""Works and their images, and errors (docs/dialects/market.md#skills-and-portfolio)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from mystar.catalog.model import GreetingPricing, GreetingPricingPatch
from mystar.creators.model import CreatorCard, CreatorSkill
from mystar.errors import Conflict, NotFound, Text

#: Images of one item.
MAX_IMAGES = 20
#: Works on a creator's page; the list has the rest.
MAX_SHOWN_ITEMS = 20


@dataclass(frozen=True, slots=True)
class Image:
    """``key``: the path after /media/. Images are sorted by ``position``, then by id."""

    id: int
    item_id: int
    key: str
    caption: str
    position: int


@dataclass(frozen=True, slots=True)
class Item:
    """A work. ``cover_key``: the path after /media/."""

    id: int
    creator_id: int
    title: str
    description: str
    external_url: str
    cover_key: str | None
    created_at: datetime
    updated_at: datetime
    images: tuple[Image, ...]


class ProfileChange(NamedTuple):
    """``account``: see `ProfileService.check`; ``profile``: see `CreatorService.edit`."""

    account: Mapping[str, Any]
    profile: Mapping[str, Any]
    pricing: GreetingPricingPatch


@dataclass(frozen=True, slots=True)
class CreatorPage:
    """The page of a creator. ``skills`` and ``works`` are None unless requested."""

    card: CreatorCard
    pricing: GreetingPricing
    skills: tuple[CreatorSkill, ...] | None = None
    works: tuple[Item, ...] | None = None


class ItemUnknown(NotFound):
    """The work does not exist, or belongs to another creator (D4)."""

    code = "portfolio_item_unknown"
    text = Text("Работа не найдена.", "The work was not found.")


class ImageUnknown(NotFound):
    """The image does not exist, or belongs to another creator (D4)."""

    code = "portfolio_image_unknown"
    text = Text("Изображение не найдено.", "The image was not found.")


class TooManyImages(Conflict):
    """A work has as many images as it can have.

    ``limit``: their number.
    """

    code = "too_many_images"
    text = Text("У работы может быть не больше {limit} изображений.", "A work can have no more than {limit} images.")
