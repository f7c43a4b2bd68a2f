"""The base schema and the fields that all dialects share."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from mystar.errors import Text
from mystar.kit.money import kopecks
from mystar.kit.web.media_urls import SIDES, copy_key

#: PostgreSQL's bigint.
_MAX_BIGINT = 2**63 - 1
#: Wrong items of a list that are reported.
_MAX_ITEM_ERRORS = 20
_DIGITS = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
#: Control characters other than line breaks and tabs, and halves of surrogate pairs.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class BaseSchema(Schema):
    """A schema that ignores unknown keys, which clients send."""

    class Meta:
        unknown = EXCLUDE

    #: Of the query of a list: parameters without effect are reported, see `validation.add_preference_headers`.
    reports_unknown: ClassVar[bool] = False


class NoParameters(BaseSchema):
    """The query of a list without filters: whatever it is sent is reported."""

    reports_unknown = True


class BoundedList(fields.List[Any]):
    """A list of at most ``max_items``, whose length is checked before its items are loaded.

    At most 20 items are reported as wrong: loading ends there.
    """

    def __init__(self, item: fields.Field[Any], *, max_items: int, **options: Any) -> None:
        # The validator is for OpenAPI; its message does not speak of characters, as marshmallow's own does.
        self._bound = validate.Length(max=max_items, error="No more than {max} items.")
        super().__init__(item, validate=self._bound, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise self.make_error("invalid")
        self._bound(value)
        loaded, errors = [], {}
        for index, item in enumerate(value):
            try:
                loaded.append(self.inner.deserialize(item, **options))
            except ValidationError as error:
                errors[index] = error.messages
                if len(errors) == _MAX_ITEM_ERRORS:
                    break
        if errors:
            raise ValidationError(errors)
        return loaded


class _StrictInteger(fields.Integer):
    """An integer, or text in ASCII digits; no floats, booleans, other digits or ``1_000``, which Python accepts."""

    def _validated(self, value: Any) -> Any:
        if isinstance(value, bool | float) or (isinstance(value, str) and not _DIGITS.fullmatch(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Id(_StrictInteger):
    """An id of the database, as an integer or as text: old clients send "5"."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=1, max=_MAX_BIGINT), **options)


class BoundedInteger(_StrictInteger):
    """An integer between bounds, inclusive."""

    def __init__(self, *, min_value: int, max_value: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=min_value, max=max_value), **options)


class PlainText(fields.String):
    """Text of bounded length without control characters other than line breaks and tabs; ends are trimmed."""

    default_error_messages = {
        "control": [Text("Недопустимые символы.", "Contains characters that are not allowed.")],
    }

    def __init__(self, *, max_length: int, min_length: int = 0, **options: Any) -> None:
        super().__init__(validate=validate.Length(min=min_length or None, max=max_length), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        text = super()._deserialize(value, attr, data, **options).strip()
        if _NO_TEXT.search(text):
            raise self.make_error("control")
        return text


class StrictText(PlainText):
    """Text only: a JSON number is refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **options)


class WebAddress(PlainText):
    """An http or https URL, or a name on some site. Other schemes are refused, since browsers run some of them."""

    default_error_messages = {
        "address": [
            Text("Введите адрес, который начинается с https://.", "Enter an address that begins with https://.")
        ],
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        scheme = _SCHEME.match(text)
        if any(character.isspace() for character in text) or (scheme and scheme[0].lower() not in ("http:", "https:")):
            raise self.make_error("address")
        return text


class AvatarSizes(fields.Dict):
    """The URLs of `mystar.kit.web.media_urls.copy_paths`."""

    def __init__(self, **options: Any) -> None:
        example = {str(side): f"/media/{copy_key('avatars/5f0c.jpeg', side)}" for side in SIDES}
        words = {"description": "square WEBP copies by side in pixels", "example": example}
        super().__init__(fields.String(), fields.String(), metadata=words, **options)


class RubleAmount(fields.Field[int]):
    """An amount in rubles, as number or text, read as kopecks without rounding."""

    default_error_messages = {
        "money": [
            Text("Введите сумму в рублях, не больше двух знаков после запятой.", "Not a valid amount of rubles.")
        ],
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        # The repr of a float is the shortest text that reads back as it, so it is what the client wrote.
        text = repr(value) if isinstance(value, float) else value
        if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
            raise self.make_error("money")
        try:
            return kopecks(text.strip().replace(",", ".") if isinstance(text, str) else text)
        except ValueError as error:
            raise self.make_error("money") from error
