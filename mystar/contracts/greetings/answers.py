"""Shapes of answers that several endpoints of this dialect share."""

from __future__ import annotations

#: OpenAPI of what the client spreads, shows or compares with: an array of exactly one string.
ONE_STRING = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}
