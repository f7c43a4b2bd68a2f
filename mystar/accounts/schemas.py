"""Market schemas of accounts (docs/dialects/market.md), and fields that all dialects share."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields, validate, validates_schema

from mystar.accounts.credentials import USERNAME_MAX_LENGTH
from mystar.errors import Text
from mystar.kit.web.fields import BaseSchema, PlainText

#: RFC 5321, 4.5.3.1.3.
EMAIL_MAX_LENGTH = 254
NAME_MAX_LENGTH = 150
#: The types of accounts, as market shows them (D28).
CLIENT, CREATOR = "Клиент", "Креатор"
_DIFFERENT = Text("Пароли не совпадают.", "The passwords differ.")


class Password(fields.String):
    """Every character counts, spaces as well; the password rule is checked by the service."""

    def __init__(self, **options: Any) -> None:
        super().__init__(load_only=True, metadata={"format": "password"}, **options)


class PhoneNumber(PlainText):
    """In any spelling, also as a JSON integer, which old clients send."""

    default_error_messages = {
        "invalid": [Text("Введите правильный номер телефона.", "Not a valid phone number.")],
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=40, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if isinstance(value, float):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **options)


class BirthDate(fields.Date):
    """ISO 8601; an empty text counts as missing, as forms send it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return None if value == "" else super()._deserialize(value, attr, data, **options)


class TokenDraft(BaseSchema):
    username = PlainText(
        required=True, max_length=EMAIL_MAX_LENGTH, metadata={"description": "user name, e-mail or phone"}
    )
    password = Password(required=True)


class TokenPair(BaseSchema):
    access = fields.String(required=True)
    refresh = fields.String(required=True)


class RefreshDraft(BaseSchema):
    refresh = fields.String(required=True)
    rotate = fields.Boolean(load_default=False, metadata={"description": "replace the refresh token as well"})


class AccessView(BaseSchema):
    access = fields.String(required=True)
    refresh = fields.String(metadata={"description": "the new one, if it was replaced"})


class TokenQuestion(BaseSchema):
    token = fields.String(required=True)


class Nothing(BaseSchema):
    """An empty object."""


class Locale(fields.String):
    """The language of mails: "ru" or "en", also as browsers write it: "ru-RU"."""

    def __init__(self, **options: Any) -> None:
        words = {"description": "The language of mails and notifications: ru or en.", "example": "ru"}
        super().__init__(validate=validate.OneOf(["ru", "en"]), metadata=words, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options).strip().lower()
        return text.replace("_", "-").partition("-")[0]


class TimeZone(PlainText):
    """A name of the database of time zones; empty for the installation's own."""

    default_error_messages = {
        "zone": [Text("Введите часовой пояс, например Asia/Almaty.", "Enter a time zone, such as Asia/Almaty.")],
    }

    def __init__(self, **options: Any) -> None:
        words = {"description": "In which mails name moments; empty: the service's own.", "example": "Asia/Almaty"}
        super().__init__(max_length=50, metadata=words, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        name = super()._deserialize(value, attr, data, **options)
        try:
            return ZoneInfo(name).key if name else ""
        except (LookupError, ValueError, OSError) as error:
            raise self.make_error("zone") from error


class UserDraft(BaseSchema):
    """``user_type`` is read as the client sends it, or as answers show it."""

    username = PlainText(required=True, min_length=1, max_length=USERNAME_MAX_LENGTH)
    email = PlainText(required=True, min_length=1, max_length=EMAIL_MAX_LENGTH)
    password = Password(required=True)
    password_confirm = Password()
    first_name = PlainText(load_default="", max_length=NAME_MAX_LENGTH)
    last_name = PlainText(load_default="", max_length=NAME_MAX_LENGTH)
    phone = PhoneNumber(load_default=None, allow_none=True)
    user_type = fields.String(
        load_default="client",
        validate=validate.OneOf(["", "client", CLIENT, "creator", CREATOR]),
        metadata={"description": "creator: a creator profile is created with the account."},
    )

    @validates_schema
    def compare(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("password_confirm") not in (None, data.get("password")):
            raise ValidationError({"password_confirm": [_DIFFERENT]})


class RegisteredView(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    email = fields.String(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)


class MailedTokenDraft(BaseSchema):
    token = PlainText(required=True, min_length=1, max_length=200)


class EmailDraft(BaseSchema):
    email = PlainText(required=True, min_length=1, max_length=EMAIL_MAX_LENGTH)


class AcknowledgementView(BaseSchema):
    message = fields.String(required=True)


class PasswordChange(BaseSchema):
    old_password = Password(required=True)
    new_password = Password(required=True)


class SessionPath(BaseSchema):
    sid = fields.UUID(required=True)


class SessionView(BaseSchema):
    id = fields.UUID(required=True, metadata={"description": "the claim `sid` of its tokens"})
    door = fields.String(
        required=True, attribute="channel", metadata={"description": "the dialect it was opened through"}
    )
    is_current = fields.Boolean(required=True, metadata={"description": "whether this request belongs to it"})
    address = fields.String(required=True)
    user_agent = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    refreshed_at = fields.DateTime(required=True, allow_none=True)
    expires_at = fields.DateTime(required=True)


class ImportedPerson(BaseSchema):
    """A record of an import, in Django's own names; other columns, such as roles, are ignored."""

    username = PlainText(load_default="", max_length=USERNAME_MAX_LENGTH)
    email = PlainText(load_default=None, max_length=EMAIL_MAX_LENGTH, allow_none=True)
    phone = PhoneNumber(load_default=None, allow_none=True)
    password = fields.String(load_default="", load_only=True)
    first_name = PlainText(load_default="", max_length=NAME_MAX_LENGTH)
    last_name = PlainText(load_default="", max_length=NAME_MAX_LENGTH)
    birth_date = BirthDate(load_default=None, allow_none=True)
    is_verified = fields.Boolean(load_default=False)
    is_active = fields.Boolean(load_default=True)
