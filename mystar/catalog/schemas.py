"""What the house reads and writes about services (seed 001, facts 2.3)."""

from __future__ import annotations

from typing import Any

import orjson
from marshmallow import fields

from mystar.catalog.model import Option, Service
from mystar.kit.fields import Shape
from mystar.kit.media import media_path
from mystar.kit.money import rubles_text


class OptionView(Shape):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    price = fields.Decimal(required=True, metadata={"description": "Rubles, on top of the base price."})


class ServiceCreatorView(Shape):
    id = fields.Integer(required=True, metadata={"description": "Of the creator's profile."})
    user_id = fields.Integer(required=True)
    username = fields.String(required=True)
    avatar = fields.String(required=True, allow_none=True)
    rating = fields.Float(required=True, metadata={"description": "1 to 5, 0 while nobody has rated."})
    completed_orders = fields.Integer(required=True)


class ServiceCategoryView(Shape):
    id = fields.Integer(required=True)
    name = fields.String(required=True)


class BriefServiceView(Shape):
    """The seed's other shape of a service: money and time are text."""

    id = fields.Integer(required=True)
    creator_profile = fields.Integer(required=True)
    creator_username = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    price = fields.String(required=True, metadata={"description": "Rubles.", "example": "1000.00"})
    estimated_time = fields.String(required=True, metadata={"description": "Days.", "example": "7"})
    allows_modifications = fields.Boolean(required=True)
    modifications_price = fields.String(required=True, metadata={"description": "Rubles.", "example": "200.00"})
    is_active = fields.Boolean(required=True, metadata={"description": "The creator's own switch."})
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class ServiceView(BriefServiceView):
    """Both shapes at once: the catalogue's clients read the one or the other."""

    category_id = fields.Integer(required=True, allow_none=True)
    category = fields.Nested(ServiceCategoryView, required=True, allow_none=True)
    base_price = fields.Decimal(required=True, metadata={"description": "Rubles.", "example": 1000.0})
    delivery_time = fields.Integer(required=True, metadata={"description": "Days."})
    options = fields.List(fields.Nested(OptionView), required=True)
    tags = fields.List(fields.String(), required=True)
    creator = fields.Nested(ServiceCreatorView, required=True)
    kind = fields.String(required=True, metadata={"enum": ["service", "greeting"]})
    is_listed = fields.Boolean(required=True, metadata={"description": "Whether anybody can see and buy it."})


def brief_service_shape(service: Service) -> dict[str, Any]:
    """As `BriefServiceView`."""
    return {
        "id": service.id,
        "creator_profile": service.creator_id,
        "creator_username": service.creator_username,
        "title": service.title,
        "description": service.description,
        "price": rubles_text(service.base_price or 0),
        "estimated_time": str(service.delivery_days),
        "allows_modifications": service.modifications_price is not None,
        "modifications_price": rubles_text(service.modifications_price or 0),
        "is_active": service.is_active,
        "created_at": service.created_at,
        "updated_at": service.updated_at,
    }


def service_shape(service: Service) -> dict[str, Any]:
    """As `ServiceView`: an item of the catalogue, whole."""
    category = {"id": service.category_id, "name": service.category_name}
    return {
        **brief_service_shape(service),
        "category_id": service.category_id,
        "category": category if service.category_id is not None else None,
        "base_price": number(service.base_price or 0),
        "delivery_time": service.delivery_days,
        "options": [option_shape(option) for option in service.options],
        "tags": list(service.tags),
        "creator": {
            "id": service.creator_id,
            "user_id": service.account_id,
            "username": service.creator_username,
            "avatar": media_path(service.avatar_key) if service.avatar_key else None,
            "rating": float(service.rating),
            "completed_orders": service.completed_orders,
        },
        "kind": service.kind,
        "is_listed": service.is_listed,
    }


def option_shape(option: Option) -> dict[str, Any]:
    """As `OptionView`."""
    return {
        "id": option.id,
        "name": option.name,
        "description": option.description,
        "price": number(option.price),
    }


def number(amount: int) -> orjson.Fragment:
    """Kopecks as a JSON number of rubles with two places, exact."""
    return orjson.Fragment(rubles_text(amount))
