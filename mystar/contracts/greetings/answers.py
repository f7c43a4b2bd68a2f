"""Shapes of answers that several endpoints of this dialect share."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema

#: OpenAPI of what the client spreads, shows or compares with: an array of exactly one string.
ONE_STRING = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}
#: OpenAPI of a page for people.
PAGE = {"text/html": {"schema": {"type": "string"}}}


def json_or_page(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI of an answer that is JSON for programs and a page for browsers."""
    return {"description": "Success", "content": {"application/json": {"schema": schema}, **PAGE}}


def named(schema: type[Schema]) -> dict[str, str]:
    """OpenAPI's reference to a schema that some other endpoint declares."""
    return {"$ref": f"#/components/schemas/{schema.__name__}"}
