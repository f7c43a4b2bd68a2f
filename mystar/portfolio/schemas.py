"""Market schemas of creators' pages and works.

See docs/dialects/market.md#accounts-and-users and docs/dialects/market.md#skills-and-portfolio, D30.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from marshmallow import fields, post_load

from mystar.catalog.model import MAX_TAG_LENGTH, MAX_TAGS, GreetingPricingPatch
from mystar.creators.schemas import CreatorSkillView, CreatorView, UserChange, creator_skill_view, creator_view
from mystar.errors import Text
from mystar.kit.money import rubles_text
from mystar.kit.web.fields import BaseSchema, BoundedInteger, BoundedList, Id, PlainText, RubleAmount, WebAddress
from mystar.kit.web.media_urls import media_path
from mystar.kit.web.pagination import PageQuery
from mystar.portfolio.model import CreatorPage, Image, Item, ProfileChange

_MAX_SITES, _MAX_SITE_LENGTH, _MAX_ADDRESS_LENGTH = 20, 50, 500
_MAX_TEXT_LENGTH = 5000
_MAX_DAYS = 365
_PRICING = ("price", "invitation_price", "category_id", "days", "tags")
#: PostgreSQL's integer.
_MAX_POSITION = 2**31 - 1 - 1000


class SocialLinks(fields.Field[dict[str, str]]):
    """An object of addresses by site; a list of ``{name, url}``, as older clients send it, means the same."""

    default_error_messages = {
        "links": [
            Text(
                "Введите объект: название сайта и адрес или имя на нём, до 20 сайтов.",
                "Must be an object of addresses, or names, by site; at most 20 sites.",
            )
        ],
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> dict[str, str]:
        if isinstance(value, str):
            value = self._from_json(value)
        if isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
            value = {one.get("name"): one.get("url") for one in value}
        if not isinstance(value, Mapping) or len(value) > _MAX_SITES:
            raise self.make_error("links")
        site, address = PlainText(min_length=1, max_length=_MAX_SITE_LENGTH), WebAddress(max_length=_MAX_ADDRESS_LENGTH)
        if not all(isinstance(name, str) and isinstance(link, str) for name, link in value.items()):
            raise self.make_error("links")
        return {str(site.deserialize(name)): str(address.deserialize(link)) for name, link in value.items()}

    def _from_json(self, text: str) -> Any:
        """As a multipart form sends an object."""
        try:
            return orjson.loads(text or "{}")
        except orjson.JSONDecodeError as error:
            raise self.make_error("links") from error


class ProfileDraft(UserChange):
    """Absent fields are unchanged; ratings, orders and ids are not read. The account may be changed with it."""

    specialization = PlainText(max_length=200)
    experience = PlainText(max_length=_MAX_TEXT_LENGTH)
    portfolio_link = WebAddress(max_length=_MAX_ADDRESS_LENGTH)
    social_links = SocialLinks(metadata={"type": "object", "additionalProperties": {"type": "string"}})
    profession = PlainText(max_length=100)
    description = PlainText(max_length=_MAX_TEXT_LENGTH)
    price = RubleAmount(
        metadata={"type": "string", "description": "Price of a greeting, in rubles.", "example": "15000.00"}
    )
    invitation_price = RubleAmount(
        metadata={"type": "string", "description": "Price of an invitation.", "example": "30000.00"}
    )
    category_id = Id()
    days = BoundedInteger(min_value=0, max_value=_MAX_DAYS, metadata={"description": "Time to make a greeting."})
    tags = BoundedList(PlainText(min_length=1, max_length=MAX_TAG_LENGTH), max_items=MAX_TAGS)

    @post_load
    def _sorted(self, data: dict[str, Any], **_: Any) -> ProfileChange:
        pricing = {name: data.pop(name) for name in _PRICING if name in data}
        if "tags" in pricing:
            pricing["tags"] = tuple(pricing["tags"])
        account = {name: data.pop(name) for name in UserChange().fields if name in data}
        return ProfileChange(account, data, GreetingPricingPatch(**pricing))


class ProfileUpload(ProfileDraft):
    """The same as a multipart form."""

    avatar = fields.Raw(metadata={"type": "string", "format": "binary"})


class CreatorPath(BaseSchema):
    creator_id = Id(required=True)


class CreatorsQuery(PageQuery):
    user = Id(load_default=None, metadata={"description": "The profile of this account alone."})


class DetailQuery(BaseSchema):
    detail = fields.Boolean(load_default=False, metadata={"description": "true: with skills and the newest works."})


class ItemPath(BaseSchema):
    item_id = Id(required=True)


class ImagePath(BaseSchema):
    image_id = Id(required=True)


class OfItemQuery(PageQuery):
    """Both names mean the same; without either, all own images."""

    portfolio_item_id = Id(load_default=None)
    portfolio_item = Id(load_default=None)

    @post_load
    def _one_name(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        other = data.pop("portfolio_item")
        data["portfolio_item_id"] = data["portfolio_item_id"] or other
        return data


class ItemChange(BaseSchema):
    title = PlainText(min_length=1, max_length=200)
    description = PlainText(max_length=_MAX_TEXT_LENGTH)
    external_url = WebAddress(max_length=_MAX_ADDRESS_LENGTH)


class ItemDraft(ItemChange):
    title = PlainText(required=True, min_length=1, max_length=200)


class ImageChange(BaseSchema):
    caption = PlainText(max_length=500)
    order = BoundedInteger(min_value=0, max_value=_MAX_POSITION, attribute="position")


class ImageDraft(ImageChange):
    portfolio_item = Id(required=True, attribute="item_id")


def _file(*, required: bool = False) -> fields.Raw:
    words = {"type": "string", "format": "binary", "description": "JPEG, PNG, WEBP, GIF or AVIF"}
    return fields.Raw(required=required, metadata=words)


class ItemForm(ItemDraft):
    cover_image = _file(required=True)
    uploaded_images = fields.List(_file())


class ItemPutForm(ItemDraft):
    cover_image = _file()


class ItemChangeForm(ItemChange):
    cover_image = _file()


class ImageForm(ImageDraft):
    image = _file(required=True)


class ImageChangeForm(ImageChange):
    image = _file()


class WorkImageView(BaseSchema):
    """``image_url`` repeats ``image`` for other clients."""

    id = fields.Integer(required=True)
    image = fields.String(required=True, metadata={"format": "uri"})
    image_url = fields.String(required=True, metadata={"format": "uri"})
    caption = fields.String(required=True)
    order = fields.Integer(required=True)


class ImageView(WorkImageView):
    portfolio_item = fields.Integer(required=True)


class ItemView(BaseSchema):
    """``cover_image_url`` repeats ``cover_image`` for other clients."""

    id = fields.Integer(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    cover_image = fields.String(required=True, allow_none=True, metadata={"format": "uri"})
    cover_image_url = fields.String(required=True, allow_none=True, metadata={"format": "uri"})
    images = fields.List(fields.Nested(WorkImageView), required=True)
    external_url = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)
    creator_profile = fields.Integer(required=True)


class CreatorPageView(CreatorView):
    """``skills`` and ``portfolio`` only with ``detail=true``."""

    price = fields.String(required=True, allow_none=True, metadata={"description": "Rubles.", "example": "15000.00"})
    invitation_price = fields.String(required=True, allow_none=True)
    category_id = fields.Integer(required=True, allow_none=True)
    days = fields.Integer(required=True)
    tags = fields.List(fields.String(), required=True)
    skills = fields.List(fields.Nested(CreatorSkillView))
    portfolio = fields.List(fields.Nested(ItemView))


def image_view(image: Image, public_url: str) -> dict[str, Any]:
    """:param public_url: the beginning of absolute addresses, here and below."""
    return {**_work_image_view(image, public_url), "portfolio_item": image.item_id}


def item_view(item: Item, public_url: str) -> dict[str, Any]:
    cover = public_url + media_path(item.cover_key) if item.cover_key else None
    return {
        "id": item.id,
        "title": item.title,
        "description": item.description,
        "cover_image": cover,
        "cover_image_url": cover,
        "images": [_work_image_view(image, public_url) for image in item.images],
        "external_url": item.external_url,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "creator_profile": item.creator_id,
    }


def page_view(page: CreatorPage, public_url: str) -> dict[str, Any]:
    pricing = page.pricing
    view = {
        **creator_view(page.card, public_url),
        "price": None if pricing.price is None else rubles_text(pricing.price),
        "invitation_price": None if pricing.invitation_price is None else rubles_text(pricing.invitation_price),
        "category_id": pricing.category_id,
        "days": pricing.days,
        "tags": pricing.tags,
    }
    if page.skills is not None:
        view["skills"] = [creator_skill_view(given) for given in page.skills]
    if page.works is not None:
        view["portfolio"] = [item_view(item, public_url) for item in page.works]
    return view


def _work_image_view(image: Image, public_url: str) -> dict[str, Any]:
    address = public_url + media_path(image.key)
    return {
        "id": image.id,
        "image": address,
        "image_url": address,
        "caption": image.caption,
        "order": image.position,
    }
