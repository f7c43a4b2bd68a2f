"""OpenAPI of answers that several endpoints of this dialect share."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema

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
