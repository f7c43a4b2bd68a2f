"""What the house reads and writes about people (seed 001), and fields that every door needs the same way."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from mystar.errors import Text
from mystar.kit.fields import Line, Shape

#: RFC 5321, 4.5.3.1.3.
EMAIL_LONGEST = 254


class Password(fields.String):
    """Every character counts, spaces too; what makes a good one is the domain's business."""

    def __init__(self, **options: Any) -> None:
        super().__init__(load_only=True, metadata={"format": "password"}, **options)


class PhoneNumber(Line):
    """As people or old clients write it, also as a JSON integer."""

    default_error_messages = {
        "invalid": [Text("Введите правильный номер телефона.", "Not a valid phone number.")],
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(most=40, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if isinstance(value, float):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **options)


class BirthDate(fields.Date):
    """ISO 8601; forms send an empty text for none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return None if value == "" else super()._deserialize(value, attr, data, **options)


class TokenDraft(Shape):
    username = Line(required=True, most=EMAIL_LONGEST, metadata={"description": "user name, e-mail or phone"})
    password = Password(required=True)


class TokenPair(Shape):
    access = fields.String(required=True)
    refresh = fields.String(required=True)


class RefreshDraft(Shape):
    refresh = fields.String(required=True)


class AccessView(Shape):
    access = fields.String(required=True)


class UserView(Shape):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    full_name = fields.String(required=True)
    avatar = fields.Function(
        lambda account: account.avatar_key and f"/media/{account.avatar_key}", metadata={"type": ["string", "null"]}
    )
    phone = fields.String(required=True, allow_none=True)
    bio = fields.String(required=True)
    is_verified = fields.Boolean(required=True)
    date_joined = fields.DateTime(required=True, attribute="created_at")
