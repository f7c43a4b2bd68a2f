"""What creators send of a service: JSON, or a multipart form with pictures (docs/dialects/market.md#services)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from marshmallow import ValidationError, fields, post_load, pre_load, validates_schema

from mystar.catalog.delivery_time import MAX_DAYS, DeliveryTime, read_delivery_time
from mystar.catalog.model import (
    DEFAULT_CATEGORY,
    MAX_OPTIONS,
    MAX_SERVICE_IMAGES,
    MAX_TAG_LENGTH,
    MAX_TAGS,
    OptionDraft,
    PriceImpossible,
    ServiceDraft,
)
from mystar.errors import Text
from mystar.kit.web.fields import BaseSchema, BoundedInteger, BoundedList, Id, PlainText, RubleAmount

#: Fields that a form sends as JSON, or part by part as ``tags[]``.
_LISTS = ("options", "tags", "images")
_REQUIRED = Text("Обязательное поле.", "Missing data for required field.")


def _require_positive(amount: int) -> None:
    if amount <= 0:
        raise ValidationError([PriceImpossible.text])


class OptionForm(BaseSchema):
    """With ``id``: an existing option of the service. Without: a new one."""

    id = Id()
    name = PlainText(min_length=1, max_length=100)
    description = PlainText(max_length=1000)
    price = RubleAmount(metadata={"description": "Rubles, on top of the base price; 0 = free of charge."})

    @validates_schema
    def _new_ones_are_complete(self, data: Mapping[str, Any], **_options: Any) -> None:
        missing = {name: [_REQUIRED] for name in ("name", "price") if name not in data}
        if "id" not in data and missing:
            raise ValidationError(missing)


class EstimatedTime(fields.Field[DeliveryTime]):
    """A delivery time in words, such as "3-5 рабочих дней"."""

    default_error_messages = {
        "days": [
            Text(f"Введите срок числом, не больше {MAX_DAYS} дней.", f"Enter a number of at most {MAX_DAYS} days.")
        ],
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> DeliveryTime:
        time = read_delivery_time(PlainText(max_length=100).deserialize(value, attr, data) or "")
        if time is None:
            raise self.make_error("days")
        return time


class ImageRef(Id):
    """The id of an image, or the image as it was read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        return super()._deserialize(value.get("id") if isinstance(value, Mapping) else value, attr, data, **options)


class ServiceForm(BaseSchema):
    """A whole service. Optional fields that are absent stay unchanged when a service is replaced.

    ``price`` and ``estimated_time`` are the client's names; a list may be JSON in a text, as in a multipart form.
    """

    title = PlainText(required=True, min_length=1, max_length=200)
    description = PlainText(max_length=5000)
    category_id = Id(metadata={"description": f"Default: the category {DEFAULT_CATEGORY}."})
    base_price = RubleAmount(validate=_require_positive, metadata={"description": "Rubles."})
    price = RubleAmount(validate=_require_positive, metadata={"description": "Or base_price."})
    delivery_time = BoundedInteger(min_value=0, max_value=MAX_DAYS, metadata={"description": "Days."})
    estimated_time = EstimatedTime(
        metadata={"type": "string", "description": "Or delivery_time; words are kept: 3-5 рабочих дней."}
    )
    estimated_time_value = BoundedInteger(min_value=0, max_value=10_000)
    estimated_time_unit = PlainText(max_length=20, metadata={"description": "days by default; hours, weeks, months."})
    options = BoundedList(
        fields.Nested(OptionForm),
        max_items=MAX_OPTIONS,
        metadata={"description": "The whole list: options that are not in it are removed."},
    )
    tags = BoundedList(PlainText(min_length=1, max_length=MAX_TAG_LENGTH), max_items=MAX_TAGS)
    allows_modifications = fields.Boolean()
    modifications_price = RubleAmount(metadata={"description": "Rubles, the whole price; default: the base price."})
    images = BoundedList(
        ImageRef(),
        max_items=MAX_SERVICE_IMAGES,
        metadata={"description": "Ids of the images that stay, in their order; absent = all stay."},
    )
    is_active = fields.Boolean(metadata={"description": "false hides it from others."})

    @pre_load
    def _read_a_form(self, data: Any, **_options: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        lists = {name: _list(data[name]) for name in _LISTS if isinstance(data.get(name), str)}
        return {name: value for name, value in {**data, **lists}.items() if value != "" or name == "title"}

    @validates_schema
    def _is_complete(self, data: Mapping[str, Any], **_options: Any) -> None:
        if not self.partial:
            missing = [names[0] for names in _EITHER if not any(name in data for name in names)]
            if missing:
                raise ValidationError({name: [_REQUIRED] for name in missing})

    @post_load
    def _one_name_each(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        price, time = data.pop("price", None), _time_of(data)
        if price is not None:
            data.setdefault("base_price", price)
        if time is not None:
            data.setdefault("delivery_time", time.days)
        if "delivery_time" in data:
            data["delivery_text"] = time.text if time else ""
        return data


#: Fields of which one is required.
_EITHER = (("base_price", "price"), ("delivery_time", "estimated_time", "estimated_time_value"))


def _time_of(data: dict[str, Any]) -> DeliveryTime | None:
    """Takes the client's fields out of the data; None = neither is there. :raises ValidationError: too long."""
    time: DeliveryTime | None = data.pop("estimated_time", None)
    value, unit = data.pop("estimated_time_value", None), data.pop("estimated_time_unit", "")
    if time is not None or value is None:
        return time
    measured = read_delivery_time(f"{value} {unit}")
    if measured is None:
        raise ValidationError({"estimated_time_value": [EstimatedTime.default_error_messages["days"]]})
    return DeliveryTime(measured.days, "")


def _list(text: str) -> Any:
    """A list that a form sends as JSON; other text stays as it is."""
    try:
        return orjson.loads(text) if text.lstrip().startswith("[") else text
    except orjson.JSONDecodeError:
        return text


class ServicePatch(ServiceForm):
    """Any part of a service."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "partial": True})


class ServiceUpload(ServiceForm):
    """A service as a multipart form."""

    uploaded_images = fields.List(
        fields.Raw(metadata={"type": "string", "format": "binary"}),
        metadata={"description": f"Are added by PATCH, are the whole list in PUT; at most {MAX_SERVICE_IMAGES}."},
    )


class ServiceUploadPatch(ServiceUpload):
    """Any part of a service, as a multipart form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "partial": True})


def draft_of(form: Mapping[str, Any], image_ids: Sequence[int] = ()) -> ServiceDraft:
    """From the values of a `ServiceForm` or a `ServicePatch`. :param image_ids: new pictures."""
    values = dict(form)
    if "delivery_time" in values:
        values["delivery_days"] = values.pop("delivery_time")
    if "options" in values:
        values["options"] = tuple(OptionDraft(**option) for option in values["options"])
    if "tags" in values:
        values["tags"] = tuple(values["tags"])
    if "images" in values:
        values["kept_images"] = tuple(values.pop("images"))
    return ServiceDraft(**values, image_ids=tuple(image_ids))
