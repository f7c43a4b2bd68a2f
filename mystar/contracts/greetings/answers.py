"""Parts of requests and answers that several endpoints of this dialect share."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema

from mystar.kit.web.fields import Id

#: What the client writes for a variable without a value.
_UNSET = ("", "undefined", "null", "NaN")


class ActorId(Id):
    """The actor's id, which the client repeats; None where it is missing or has no value (D1)."""

    def __init__(self, **options: Any) -> None:
        description = {"description": "If given, must be the actor's id."}
        super().__init__(**{"load_default": None, "allow_none": True, "metadata": description, **options})

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        return super().deserialize(None if value in _UNSET else value, attr, data, **options)


#: An array of exactly one string, which the client shows or compares.
ONE_STRING = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}
#: A page for browsers.
PAGE = {"text/html": {"schema": {"type": "string"}}}


def json_or_page(schema: dict[str, Any]) -> dict[str, Any]:
    """JSON for programs, a page for browsers."""
    return {"description": "Success", "content": {"application/json": {"schema": schema}, **PAGE}}


def named(schema: type[Schema]) -> dict[str, str]:
    """A reference to a schema that another endpoint declares."""
    return {"$ref": f"#/components/schemas/{schema.__name__}"}
