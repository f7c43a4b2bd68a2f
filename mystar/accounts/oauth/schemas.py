"""Market schemas of linked sign-ins (docs/dialects/market.md)."""

from __future__ import annotations

from marshmallow import fields

from mystar.kit.web.fields import BaseSchema, Id


class IdentityPath(BaseSchema):
    id = Id(required=True)


class IdentityView(BaseSchema):
    id = fields.Integer(required=True)
    provider = fields.String(required=True, metadata={"description": "yandex, vk or mailru"})
    linked_at = fields.DateTime(required=True)
