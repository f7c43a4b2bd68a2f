"""Examples in the OpenAPI and AsyncAPI documents, made of the demo's own people and things.

A value stands for the name of a field or parameter, wherever it occurs; ``IN_PLACE`` says what it is in one schema, and
``BODIES`` are whole, so that they work as they stand on the demo data. A test holds each example against its schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mystar.contracts.example_values import BODIES, EXAMPLES, IN_PLACE, MOMENT, PICTURE

_JSON = "application/json"


def add_examples(document: dict[str, Any]) -> None:
    """Give every parameter, field, body and JSON answer of an OpenAPI document that has none an example."""
    composer = _Composer(document["components"]["schemas"])
    composer.add_to_fields()
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                value = composer.field(parameter["name"], parameter["schema"])
                if value is not _NOTHING and value is not None:
                    parameter.setdefault("example", value)
            for content in _contents(operation):
                value = composer.content(content["schema"])
                if value is not _NOTHING:
                    content.setdefault("example", value)


def add_message_examples(document: dict[str, Any]) -> None:
    """Give every field and message of an AsyncAPI document an example."""
    composer = _Composer(document["components"]["schemas"])
    composer.add_to_fields()
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            message["examples"] = [{"payload": composer.content(message["payload"])}]


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Media types with a schema: all of the body's, JSON of the successful answers."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield content
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get(_JSON)
        if status.startswith("2") and content is not None and content.get("schema"):
            yield content


_NOTHING: Any = object()


class _Composer:
    """Makes examples of schemas, which may refer to one another."""

    def __init__(self, schemas: Mapping[str, dict[str, Any]]) -> None:
        self._schemas = schemas

    def add_to_fields(self) -> None:
        for title, schema in self._schemas.items():
            for name, field in schema.get("properties", {}).items():
                if not {"$ref", "example", "examples"} & set(field):
                    value = self.field(name, field, (title,))
                    if value is not _NOTHING and not isinstance(value, dict | list):
                        field["examples"] = [value]

    def content(self, schema: Mapping[str, Any]) -> Any:
        return self.field("", schema)

    def field(self, name: str, schema: Mapping[str, Any], places: tuple[str, ...] = ()) -> Any:
        """An example of the field ``name`` in ``places`` (its schema, the field it is in); ``_NOTHING`` without one."""
        if "$ref" in schema:
            target = str(schema["$ref"]).rpartition("/")[2]
            return dict(BODIES[target]) if target in BODIES else self._in(name, self._schemas[target], (target, name))
        placed = next((key for place in places if (key := f"{place}.{name}") in IN_PLACE), None)
        if placed is not None:
            return _as_type(IN_PLACE[placed], _types(schema))
        return self._in(name, schema, (name,))

    def _in(self, name: str, schema: Mapping[str, Any], places: tuple[str, ...]) -> Any:
        if "const" in schema:
            return schema["const"]
        if schema.get("examples"):
            return schema["examples"][0]
        for given in ("example", "default"):
            if schema.get(given) not in (None, "", []):
                return schema[given]
        if "allOf" in schema:
            parts = [self.field(name, part) for part in schema["allOf"]]
            return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return self.field(name, next(one for one in schema[choice] if one.get("type") != "null"))
        return self._of_type(name, schema, places)

    def _of_type(self, name: str, schema: Mapping[str, Any], places: tuple[str, ...]) -> Any:
        types = _types(schema)
        if "enum" in schema:
            known = EXAMPLES.get(name)
            return known if known in schema["enum"] else schema["enum"][0]
        if "object" in types and schema.get("properties"):
            made = {key: self.field(key, field, places) for key, field in schema["properties"].items()}
            return {key: value for key, value in made.items() if value is not _NOTHING}
        if "array" in types and not _fits(EXAMPLES.get(name), types):
            item = self.field(name, schema.get("items", {}))
            return [] if item is _NOTHING else [item]
        return _value(name, schema, types)


def _types(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _value(name: str, schema: Mapping[str, Any], types: list[str]) -> Any:
    """The example of the name, in the type of the field; otherwise one of the type."""
    if schema.get("format") == "binary":
        return f"{name or 'file'}.jpg"
    if name in EXAMPLES:
        value = _as_type(EXAMPLES[name], types)
        if not types or _fits(value, types):
            return _of_format(value, schema.get("format"))
    return _of_format(_BY_TYPE.get(types[0], _NOTHING) if types else _NOTHING, schema.get("format"))


def _as_type(value: Any, types: list[str]) -> Any:
    """A sum as a number, a number as a text, where the field is one."""
    if not types or _fits(value, types):
        return value
    if "number" in types and isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return float(value)
    if "integer" in types and isinstance(value, str) and value.lstrip("+").isdigit():
        return int(value.lstrip("+"))
    return str(value) if "string" in types and isinstance(value, int | float) else value


_BY_TYPE: Mapping[str, Any] = {"string": "", "integer": 1, "number": 1.0, "boolean": True, "object": {}, "array": []}
_BY_FORMAT: Mapping[str, str] = {
    "date-time": MOMENT,
    "date": MOMENT[:10],
    "uri": PICTURE,
    "url": "https://portfolio.example/graf",
    "uuid": "5f1c1a3e-6a53-4c8c-9c19-0e0f6f6c7c11",
    "email": "anna@example.com",
}
_OF_PYTHON: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}


def _fits(value: Any, types: list[str]) -> bool:
    if value is None:
        return "null" in types
    name = "array" if isinstance(value, list) else _OF_PYTHON.get(type(value), "")
    return name in types or (name == "integer" and "number" in types)


def _of_format(value: Any, format_: object) -> Any:
    """The value, unless the format wants another: a name that is a text here may be a moment there."""
    if not isinstance(value, str):
        return value
    fits = format_ not in _BY_FORMAT or (format_ in ("uri", "url") and value.startswith("http")) or "@" in value
    return value if fits and value else _BY_FORMAT.get(str(format_), value)
