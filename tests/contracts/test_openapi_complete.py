"""The OpenAPI document says everything that a frontend developer asks: nothing is left without a description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from mystar.app import contracts
from mystar.contracts.api_introduction import TAGS
from mystar.contracts.asyncapi import asyncapi
from mystar.contracts.example_values import BODIES, EXAMPLES, IN_PLACE
from mystar.contracts.openapi import openapi
from mystar.contracts.vocabulary import DESCRIPTIONS
from tests.conftest import Api


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi(contracts(), public_url="/")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_is_described_with_its_access_refusals_and_headers(document: dict[str, Any]) -> None:
    missing: list[str] = []
    for name, operation in operations(document):
        statuses = [status for status in operation["responses"] if status.startswith("4")]
        described = operation.get("summary") and operation.get("description") and "security" in operation
        headers = all("X-Request-ID" in answer["headers"] for answer in operation["responses"].values())
        if not (described and statuses and headers and set(operation["tags"]) <= set(TAGS)):
            missing.append(name)
    assert not missing


def test_every_parameter_and_field_is_described(document: dict[str, Any]) -> None:
    missing = [
        f"{name}: {parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    missing += [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    ]
    assert not missing, "say it at the field, or in mystar/contracts/vocabulary.py"


def test_every_entry_of_the_vocabulary_is_used(document: dict[str, Any]) -> None:
    used = {parameter["name"] for _, operation in operations(document) for parameter in operation.get("parameters", ())}
    used |= {field for schema in document["components"]["schemas"].values() for field in schema.get("properties", {})}
    assert not set(DESCRIPTIONS) - used


def contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Bodies, and JSON answers of success."""
    for name, operation in operations(document):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} takes {media}", content
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if status.startswith("2") and content:
                yield f"{name} answers {status}", content


def test_every_body_and_answer_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    wrong: list[str] = []
    for name, content in contents(document):
        schema = {**content.get("schema", {}), "components": document["components"]}
        found = next(Draft202012Validator(schema, validate_formats=True).iter_errors(content.get("example")), None)
        if "example" not in content or found:
            wrong.append(f"{name}: {found.message[:200] if found else 'none'}")
    assert not wrong, "say it in mystar/contracts/example_values.py"


def test_every_example_is_used(document: dict[str, Any]) -> None:
    sockets = asyncapi(public_url="http://127.0.0.1")
    schemas = {**sockets["components"]["schemas"], **document["components"]["schemas"]}
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    fields |= {
        parameter["name"] for _, operation in operations(document) for parameter in operation.get("parameters", ())
    }
    places = {key.partition(".")[::2] for key in IN_PLACE}
    assert not set(EXAMPLES) - fields
    assert not set(BODIES) - set(schemas)
    assert not {place for place, _ in places} - fields - set(schemas)


async def test_a_dialect_has_a_document_of_its_own(api: Api, document: dict[str, Any]) -> None:
    names = []
    for dialect in ("market", "greetings", "messenger", "studio", "identity"):
        part = await (await api.get(f"/openapi.json?dialect={dialect}")).json()
        shown = json.dumps(part)
        used = set(re.findall(r"#/components/schemas/([\w.-]+)", shown))
        assert used <= set(part["components"]["schemas"]), dialect
        shared = re.findall(r"#/components/responses/([\w.-]+)", shown)
        assert set(shared) == set(part["components"]["responses"])
        assert len(shared) >= 2 * len(set(shared)), dialect
        names += [one["operationId"] for path in part["paths"].values() for one in path.values()]
        assert f"/swagger/?dialect={dialect}" in await (await api.get("/swagger/")).text()
    assert sorted(names) == sorted(
        one["operationId"] for _, one in operations(document) if not one["operationId"].startswith("admin.")
    )
    assert (await api.get("/openapi.json?dialect=vulgar")).status == 422


def test_every_tag_is_used_and_described(document: dict[str, Any]) -> None:
    assert {tag for _, operation in operations(document) for tag in operation["tags"]} == set(TAGS)
    assert [tag["name"] for tag in document["tags"]] == list(TAGS)


@pytest.mark.parametrize("path", ["/swagger/", "/redoc/", "/docs", "/docs/", "/openapi.json", "/api/docs/openapi.json"])
async def test_the_documents_have_the_usual_addresses(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert answer.status == 200
    if path.endswith("json"):
        assert (await answer.json())["servers"] == [{"url": "/"}], "the page works under every name of the service"
