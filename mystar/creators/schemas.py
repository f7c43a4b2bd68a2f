"""What the house shows of somebody who may or may not be a creator (seed 001)."""

from __future__ import annotations

from marshmallow import fields, validate

from mystar.accounts.schemas import NAME_LONGEST, PhoneNumber
from mystar.kit.fields import AvatarSizes, Line, Shape

CLIENT, CREATOR = "Клиент", "Креатор"
_BIO_LONGEST = 2000


class UserView(Shape):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    email = fields.String(required=True, metadata={"description": "empty for none"})
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    full_name = fields.String(required=True)
    avatar = fields.String(required=True, allow_none=True, metadata={"format": "uri"})
    avatar_sizes = AvatarSizes(required=True, allow_none=True)
    phone = fields.String(required=True, metadata={"description": "E.164, empty for none"})
    bio = fields.String(required=True)
    is_verified = fields.Boolean(required=True)
    user_type = fields.String(required=True, validate=validate.OneOf([CLIENT, CREATOR]))
    date_joined = fields.DateTime(required=True, attribute="created_at")
    has_creator_profile = fields.Boolean(required=True)
    has_client_profile = fields.Boolean(required=True)


class UserChange(Shape):
    """User name and e-mail are not changed here; an empty phone takes it away."""

    first_name = Line(most=NAME_LONGEST)
    last_name = Line(most=NAME_LONGEST)
    phone = PhoneNumber()
    bio = Line(most=_BIO_LONGEST)
