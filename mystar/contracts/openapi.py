"""OpenAPI 3.1 from the handlers' decorators.

aiohttp-apispec's own document is Swagger 2.0 and is wrong from the second application of a process on, because
building it removes the schemas from the handlers. This module only reads the decorators.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from mystar import __version__
from mystar.contracts.api_introduction import INTRODUCTION, TAGS
from mystar.contracts.base import Contract
from mystar.contracts.examples import add_examples
from mystar.contracts.operations import HEADERS, complete, describe_fields, operation_id
from mystar.kit.web.routes import Route

_LOCATIONS = {"querystring": "query", "match_info": "path", "headers": "header", "cookies": "cookie"}
_BODIES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "files": "multipart/form-data",
}
_VARIABLE = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
_REFERENCE = re.compile(r"#/components/schemas/([\w.-]+)")
_CODE = re.compile(r"`(\w+)`")
_OWN_KEYS = {"schemas", "responses", "parameters", "produces"}


def openapi(contracts: Iterable[Contract], *, public_url: str) -> dict[str, Any]:
    """The whole document, as plain data."""
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(
        "mystar",
        __version__,
        "3.1.0",
        plugins=[plugin],
        info={"description": INTRODUCTION, "license": {"name": "MIT", "identifier": "MIT"}},
        servers=[{"url": public_url}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for name, header in HEADERS.items():
        spec.components.header(name, header)
    for contract in contracts:
        error = f"{contract.name.capitalize()}Error"
        spec.components.schema(error, dict(contract.error_schema))
        for route in contract.routes:
            if route.documented:
                operation = _operation(route, plugin, _refusal(contract, error))
                complete(operation, route, contract)
                spec.path(path=_VARIABLE.sub(r"{\1}", route.path), operations={route.method.lower(): operation})
    document = dict(spec.to_dict())
    describe_fields(document)
    add_examples(document)
    _describe_defaults(document)
    return document


def part_of(document: dict[str, Any], dialect: str) -> dict[str, Any]:
    """The operations of one dialect, and the schemas and tags that they use; names stay the same."""
    paths = {
        path: kept
        for path, operations in document["paths"].items()
        if (kept := {m: one for m, one in operations.items() if one["operationId"].startswith(f"{dialect}.")})
    }
    components = document["components"]
    schemas, waiting, used = components["schemas"], [paths, {**components, "schemas": {}}], set()  # type: ignore[var-annotated]
    while waiting:
        for name in set(_REFERENCE.findall(json.dumps(waiting.pop(), default=str))) - used:
            used.add(name)
            waiting.append(schemas[name])
    tags = {tag for operations in paths.values() for one in operations.values() for tag in one["tags"]}
    return {
        **document,
        "paths": paths,
        "components": {**components, "schemas": {name: one for name, one in schemas.items() if name in used}},
        "tags": [tag for tag in document["tags"] if tag["name"] in tags],
    }


def share_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each refusal that several operations give written once: else they are half of it.

    A shared one is named by its dialect, status and codes, so that the names in generated clients stay.
    """
    answers = [
        (one["responses"], status, json.dumps(answer, sort_keys=True))
        for operations in document["paths"].values()
        for one in operations.values()
        for status, answer in one["responses"].items()
        if not status.startswith("2")
    ]
    uses = Counter(text for _, _, text in answers)
    shared, names = dict[str, Any](), dict[str, str]()
    for responses, status, text in answers:
        if uses[text] == 1:
            continue
        if text not in names:
            name = _refusal_name(responses[status], status)
            names[text] = name if name not in shared else f"{name}.{len(shared)}"
            shared[names[text]] = responses[status]
        responses[status] = {"$ref": f"#/components/responses/{names[text]}"}
    return {**document, "components": {**document["components"], "responses": shared}}


def _refusal_name(answer: dict[str, Any], status: str) -> str:
    """Such as "MarketError.422.invalid"; one that names no codes is told by its dialect and status."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    codes = _CODE.findall(answer["description"].partition("Codes:")[2])
    return ".".join(filter(None, (schema.rpartition("/")[2], status, *codes)))


def _describe_defaults(document: dict[str, Any]) -> None:
    """Say defaults of bodies in words: generators of typed clients make a field with a ``default`` a required one."""
    for schema in document["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            default = field.pop("default", None)
            if default not in (None, "", []):
                told = str(default).lower() if isinstance(default, bool) else default
                field["description"] = f"{field.get('description', '')} By default {told}.".lstrip()


def undocumented(contracts: Iterable[Contract]) -> list[str]:
    """Documented routes whose handlers have no summary."""
    return [
        f"{route.method} {route.path}"
        for contract in contracts
        for route in contract.routes
        if route.documented and not getattr(route.handler, "__apispec__", {}).get("summary")
    ]


def _refusal(contract: Contract, error: str) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{error}"}}}
    if contract.refuses_by_pages:
        content["text/html"] = {"schema": {"type": "string"}}
    return {"description": "Refusal", "content": content}


def _operation(route: Route, plugin: MarshmallowPlugin, refusal: dict[str, Any]) -> dict[str, Any]:
    declared = getattr(route.handler, "__apispec__", {})
    operation = {key: copy.deepcopy(value) for key, value in declared.items() if key not in _OWN_KEYS}
    operation["operationId"] = operation_id(route)
    parameters = copy.deepcopy(list(declared.get("parameters", [])))
    for one in declared.get("schemas", []):
        if one["location"] in _BODIES:
            operation["requestBody"] = _body(operation.get("requestBody"), one, route)
        else:
            parameters += _parameters(plugin, one["schema"], _LOCATIONS[one["location"]])
    named = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    parameters += [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in _VARIABLE.findall(route.path)
        if name not in named
    ]
    if parameters:
        operation["parameters"] = parameters
    operation["responses"] = _responses(declared.get("responses") or {}, refusal)
    return operation


def _body(existing: dict[str, Any] | None, declared: dict[str, Any], route: Route) -> dict[str, Any]:
    required = route.method != "GET" and _requires_fields(declared["schema"])
    body = existing or {"required": required, "content": {}}
    # A body may be left out if one of its forms may be empty.
    body["required"] = required and (body["required"] or not body["content"])
    content: dict[str, Any] = {"schema": declared["schema"]}
    if declared.get("example"):
        content["example"] = {key: value for key, value in declared["example"].items() if key != "add_to_refs"}
    body["content"][_BODIES[declared["location"]]] = content
    return body


def _requires_fields(schema: Any) -> bool:
    """Whether an empty body, which is read as {}, would be refused."""
    fields = schema.fields.values() if isinstance(schema, Schema) and not schema.many else None
    return fields is None or any(field.required for field in fields)


def _parameters(plugin: MarshmallowPlugin, schema: Schema, location: str) -> Sequence[dict[str, Any]]:
    assert plugin.converter is not None
    return list(plugin.converter.schema2parameters(schema, location=location))


def _responses(declared: dict[Any, Any], refusal: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for code, one in declared.items():
        answer: dict[str, Any] = {"description": one.get("description") or "Success"}
        if one.get("content"):
            answer["content"] = copy.deepcopy(one["content"])
        elif one.get("schema") is not None:
            answer["content"] = {"application/json": {"schema": one["schema"]}}
        responses[str(code)] = answer
    if not responses:
        responses["200"] = {"description": "Success"}
    responses["default"] = refusal
    return responses


def _schema_name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__).removesuffix("Schema")
