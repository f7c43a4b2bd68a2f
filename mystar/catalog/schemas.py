"""Market schemas of services (docs/dialects/market.md#services)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from mystar.catalog.delivery_time import days_text
from mystar.catalog.model import (
    MAX_TAG_LENGTH,
    Category,
    Option,
    Service,
    ServiceImage,
    Tag,
)
from mystar.catalog.search import MAX_COUNTED, MAX_FOUND, ServiceFilter, SortOrder
from mystar.errors import Text
from mystar.kit.money import rubles_number, rubles_text
from mystar.kit.web.bare_lists import ListQuery
from mystar.kit.web.fields import BaseSchema, Id, PlainText, RubleAmount
from mystar.kit.web.media_urls import media_path
from mystar.kit.web.pagination import PageQuery

_MINE = "me"
#: Names of the orders of a list. Rating and popularity sort descending with either sign.
_ORDERS: Mapping[str, SortOrder] = {
    "created_at": SortOrder.OLDEST,
    "-created_at": SortOrder.NEWEST,
    "price": SortOrder.PRICE_ASC,
    "-price": SortOrder.PRICE_DESC,
    "base_price": SortOrder.PRICE_ASC,
    "-base_price": SortOrder.PRICE_DESC,
    "rating": SortOrder.BEST,
    "-rating": SortOrder.BEST,
    "popularity": SortOrder.POPULAR,
    "-popularity": SortOrder.POPULAR,
}
_NO_CREATOR = Text("Введите id креатора или me.", "Must be the id of a creator, or me.")


class ServicePath(BaseSchema):
    service_id = Id(required=True)


class ServiceQuery(PageQuery):
    """``count`` is exact up to a bound, and always for whole categories; there are no pages beyond it."""

    category = PlainText(max_length=1000, metadata={"description": "Ids or names, several joined by commas."})
    creator = PlainText(
        max_length=20,
        metadata={"description": "The id of a creator profile; me: the actor's services, hidden ones included."},
    )
    creator_profile = Id(metadata={"description": "The id of a creator profile, as clients send it."})
    available = fields.Boolean(
        metadata={"description": "true: only of creators who take orders now.", "example": True},
    )
    kind = fields.String(
        validate=validate.OneOf(["service", "greeting", "all"]),
        metadata={"description": "Default: service; all for the actor's services."},
    )
    search = PlainText(
        max_length=200,
        metadata={
            "description": "Words of title, tags, description or the creator's name, in Russian or English. "
            f"Finds the best {MAX_FOUND}; other lists count and show the first {MAX_COUNTED:,}."
        },
    )
    min_price = RubleAmount()
    max_price = RubleAmount()
    ordering = fields.String(
        validate=validate.OneOf(list(_ORDERS)),
        metadata={"description": "Default: newest first, and in a search by relevance."},
    )

    @pre_load
    def _empty_is_absent(self, data: Mapping[str, Any], **_options: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value != ""}

    @validates_schema
    def _creator_is_an_id(self, data: Mapping[str, Any], **_options: Any) -> None:
        creator = data.get("creator", _MINE)
        if creator != _MINE and not (creator.isascii() and creator.isdecimal() and len(creator) <= 18):
            raise ValidationError({"creator": [_NO_CREATOR]})


class TagQuery(ListQuery):
    search = PlainText(load_default="", max_length=MAX_TAG_LENGTH, metadata={"description": "How the tag begins."})


class OptionView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    price = fields.Decimal(required=True, metadata={"description": "Rubles, on top of the base price."})


class ServiceUserView(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)


class ServiceCreatorView(BaseSchema):
    id = fields.Integer(required=True, metadata={"description": "Of the creator's profile."})
    user_id = fields.Integer(required=True)
    username = fields.String(required=True)
    user = fields.Nested(ServiceUserView, required=True)
    avatar = fields.String(required=True, allow_none=True, metadata={"format": "uri"})
    rating = fields.Float(required=True, metadata={"description": "1 to 5; 0 without ratings."})
    completed_orders = fields.Integer(required=True)


class ServiceImageView(BaseSchema):
    """``image_url`` repeats ``image`` for other clients."""

    id = fields.Integer(required=True)
    image = fields.String(required=True, metadata={"format": "uri"})
    image_url = fields.String(required=True, metadata={"format": "uri"})


class ServiceCategoryView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)


class BriefServiceView(BaseSchema):
    """The second shape of a service in the document: money and time are text."""

    id = fields.Integer(required=True)
    creator_profile = fields.Integer(required=True)
    creator_username = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    price = fields.String(required=True, metadata={"description": "Rubles.", "example": "1000.00"})
    estimated_time = fields.String(
        required=True,
        metadata={"description": "In the creator's words, or in the language of the request.", "example": "7 дней"},
    )
    allows_modifications = fields.Boolean(required=True)
    modifications_price = fields.String(
        required=True, metadata={"description": "Rubles, the whole price with modifications.", "example": "1200.00"}
    )
    is_active = fields.Boolean(required=True, metadata={"description": "Switched by the creator."})
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class ServiceView(BriefServiceView):
    """Both shapes of the document in one: a client reads either."""

    category_id = fields.Integer(required=True, allow_none=True)
    category = fields.Nested(ServiceCategoryView, required=True, allow_none=True)
    base_price = fields.Decimal(required=True, metadata={"description": "Rubles.", "example": 1000.0})
    delivery_time = fields.Integer(required=True, metadata={"description": "Days."})
    options = fields.List(fields.Nested(OptionView), required=True)
    tags = fields.List(fields.String(), required=True)
    creator = fields.Nested(ServiceCreatorView, required=True)
    images = fields.List(fields.Nested(ServiceImageView), required=True)
    kind = fields.String(required=True, metadata={"enum": ["service", "greeting"]})
    is_listed = fields.Boolean(required=True, metadata={"description": "Whether it is listed and can be ordered."})


class CatalogCategoryView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    photo = fields.String(required=True, allow_none=True, metadata={"format": "uri"})


class CatalogTagView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    services = fields.Integer(required=True, metadata={"description": "Services with this tag."})


def filter_of(
    query: Mapping[str, Any], category_ids: tuple[int, ...] | None, *, default_kind: str = "service"
) -> ServiceFilter:
    """From the values of a `ServiceQuery`; its categories are looked up by the caller."""
    creator, kind = query.get("creator", _MINE), query.get("kind", default_kind)
    return ServiceFilter(
        category_ids=category_ids,
        creator_id=query.get("creator_profile") if creator == _MINE else int(creator),
        kind=None if kind == "all" else kind,
        min_price=query.get("min_price"),
        max_price=query.get("max_price"),
        text=query.get("search", ""),
        order=_ORDERS.get(query.get("ordering", ""), SortOrder.FIT),
        is_available=query.get("available", False),
    )


def is_own(query: Mapping[str, Any]) -> bool:
    return query.get("creator") == _MINE


def category_shape(category: Category, public_url: str) -> dict[str, Any]:
    """:param public_url: here and below: what absolute addresses begin with."""
    photo = public_url + media_path(category.photo_key) if category.photo_key else None
    return {"id": category.id, "name": category.name, "photo": photo}


def tag_shape(tag: Tag) -> dict[str, Any]:
    return {"id": tag.id, "name": tag.name, "services": tag.services}


def brief_service_shape(service: Service, language: str) -> dict[str, Any]:
    """As `BriefServiceView`. :param language: of a delivery time that the creator wrote as a number."""
    return {
        "id": service.id,
        "creator_profile": service.creator_id,
        "creator_username": service.creator_username,
        "title": service.title,
        "description": service.description,
        "price": rubles_text(service.base_price or 0),
        "estimated_time": service.delivery_text or days_text(service.delivery_days, language),
        "allows_modifications": service.modifications_price is not None,
        "modifications_price": rubles_text(service.modifications_price or 0),
        "is_active": service.is_active,
        "created_at": service.created_at,
        "updated_at": service.updated_at,
    }


def service_shape(service: Service, public_url: str, language: str) -> dict[str, Any]:
    """As `ServiceView`: an item of the catalogue, whole."""
    category = {"id": service.category_id, "name": service.category_name}
    return {
        **brief_service_shape(service, language),
        "category_id": service.category_id,
        "category": category if service.category_id is not None else None,
        "base_price": rubles_number(service.base_price or 0),
        "delivery_time": service.delivery_days,
        "options": [option_shape(option) for option in service.options],
        "tags": list(service.tags),
        "creator": {
            "id": service.creator_id,
            "user_id": service.account_id,
            "username": service.creator_username,
            "user": {"id": service.account_id, "username": service.creator_username},
            "avatar": public_url + media_path(service.avatar_key) if service.avatar_key else None,
            "rating": float(service.rating),
            "completed_orders": service.completed_orders,
        },
        "images": [_image_shape(image, public_url) for image in service.images],
        "kind": service.kind,
        "is_listed": service.is_listed,
        "is_available": service.is_available,
        "lead_days": service.lead_days,
    }


def _image_shape(image: ServiceImage, public_url: str) -> dict[str, Any]:
    url = public_url + media_path(image.key)
    return {"id": image.id, "image": url, "image_url": url}


def option_shape(option: Option) -> dict[str, Any]:
    """As `OptionView`."""
    return {
        "id": option.id,
        "name": option.name,
        "description": option.description,
        "price": rubles_number(option.price),
    }
