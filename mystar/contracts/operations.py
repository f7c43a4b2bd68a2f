"""What every operation of the OpenAPI document says beside its declaration: access, refusals, headers, meanings.

All of it follows from the handler's decorators and the dialect's statuses, so that it cannot differ from what happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from mystar import errors
from mystar.contracts.base import Contract
from mystar.contracts.error_reference import error_kinds
from mystar.contracts.refusals import REFUSALS
from mystar.contracts.vocabulary import DESCRIPTIONS
from mystar.errors import MystarError
from mystar.kit.web.idempotency import KeyMalformed, KeyReused, StillRunning
from mystar.kit.web.routes import Route
from mystar.kit.web.validation import ParameterUnknown

_ACCESS = {
    "signed_in": "Requires a token.",
    "socket": "Requires a token.",
    "staff": "Requires a token of a member of the staff.",
    "maybe": "For guests and accounts.",
    "open": "For guests and accounts; an invalid token is refused.",
}
_PUBLIC = "Open to all."

#: Errors that any operation may answer; the description of its other refusals names them.
ANYWHERE = (
    "method_not_allowed",
    "too_large",
    "unsupported_media",
    "unreadable",
    "too_many_requests",
    "unavailable",
    "busy",
    "internal_error",
)

#: Headers of answers.
HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-ID": {"description": "Identifier of the request, as in the log.", "schema": {"type": "string"}},
    "ETag": {"description": "Version of the answer, for If-Match and If-None-Match.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}},
    "X-Total-Count": {"description": "Number of items on all pages of a bare list.", "schema": {"type": "integer"}},
    "Link": {"description": "Neighbouring pages of a bare list (RFC 8288).", "schema": {"type": "string"}},
    "X-Ignored-Parameters": {
        "description": "Query parameters that had no effect, percent-encoded, joined by commas.",
        "schema": {"type": "string"},
    },
    "Preference-Applied": {
        "description": "The preference for `handling` that was followed (RFC 7240).",
        "schema": {"type": "string"},
    },
}

#: Headers of requests that every operation of a kind understands.
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "The `ETag` of the state that is edited; 412 if it is not the present one.",
    "schema": {"type": "string"},
    "example": '"3f6f0b0c"',
}
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "An `ETag` that the client has; 304 without a body if it is the present one.",
    "schema": {"type": "string"},
    "example": '"3f6f0b0c"',
}


def complete(operation: dict[str, Any], route: Route, contract: Contract) -> None:
    """Add a description, security, refusals by status and the headers of answers to the operation."""
    rule = getattr(route.handler, "__access__", None)
    operation.setdefault("security", [])
    facts = " ".join(_facts(operation, route, rule))
    operation.setdefault("parameters", []).extend(_conditions(route, contract))
    operation["description"] = f"{operation['description']}\n\n{facts}" if operation.get("description") else facts
    refusal = operation["responses"].pop("default")
    meanings, codes = dict[int, str](), dict[int, list[str]]()
    for kind, meaning in _refusals(operation, route, rule, contract):
        status = contract.status_of(kind)
        meanings.setdefault(status, meaning)
        codes.setdefault(status, []).append(kind.code)
    for code in REFUSALS.get(operation_id(route), "").split():
        codes.setdefault(contract.status_of(_kinds()[code]), []).append(code)
    for status, found in codes.items():
        answer = operation["responses"].setdefault(str(status), {**refusal, "description": meanings.get(status, "")})
        told = ", ".join(f"`{code}`" for code in sorted(set(found)))
        answer["description"] = f"{answer['description']} Codes: {told}.".lstrip()
    anywhere = ", ".join(f"`{code}`" for code in ANYWHERE)
    operation["responses"]["default"] = {**refusal, "description": f"Any other refusal, such as {anywhere}."}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    for key, answer in operation["responses"].items():
        answer["headers"] = _headers(operation, route, key)


def operation_id(route: Route) -> str:
    return f"{route.name}.{route.method.lower()}"


@cache
def _kinds() -> Mapping[str, type[MystarError]]:
    return {kind.code: kind for kind in error_kinds()}


def _conditions(route: Route, contract: Contract) -> Iterator[dict[str, Any]]:
    """Preconditions that the route understands (mystar/kit/web/etags.py)."""
    if _has_etag(route):
        yield dict(_IF_NONE_MATCH)
    if _may_be_outdated(route, contract):
        yield dict(_IF_MATCH)


def _has_etag(route: Route) -> bool:
    return route.method == "GET" and route.name.startswith("market.")


def _may_be_outdated(route: Route, contract: Contract) -> bool:
    """An edit of what can be read at the same address."""
    reads = any(other.method == "GET" and other.path == route.path for other in contract.routes)
    return route.method in ("PUT", "PATCH", "DELETE") and reads


def describe_fields(document: dict[str, Any]) -> None:
    """Give every field and parameter without a description the one of its name."""
    for schema in document["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            _describe(name, field)
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                _describe(parameter["name"], parameter)


def _describe(name: str, described: dict[str, Any]) -> None:
    if name in DESCRIPTIONS:
        described.setdefault("description", DESCRIPTIONS[name])


def _facts(operation: dict[str, Any], route: Route, rule: str | None) -> Iterator[str]:
    yield _ACCESS[rule or "signed_in"] if rule or operation["security"] else _PUBLIC
    if _repeats(route):
        yield "A repetition with the same `Idempotency-Key` gets the first answer."
    if {"page", "page_size"} <= {one["name"] for one in operation.get("parameters", ())}:
        yield "Answers one page of a list."


def _refusals(
    operation: dict[str, Any], route: Route, rule: str | None, contract: Contract
) -> Iterator[tuple[type[MystarError], str]]:
    takes_input = "requestBody" in operation or operation.get("parameters")
    kinds: list[tuple[type[MystarError], str, object]] = [
        (errors.Unauthenticated, "No valid token.", operation["security"] and rule != "maybe"),
        (errors.Forbidden, "Not allowed to this account.", rule == "staff"),
        (errors.NotFound, "There is no such thing, or it is not shown to this account.", "{" in route.path),
        (errors.Invalid, "Wrong input, by field.", takes_input),
        (ParameterUnknown, "Parameters without effect, where `handling=strict` is preferred.", _reports(route)),
        (errors.Unreadable, "The body cannot be read.", "requestBody" in operation),
        (errors.Stale, "`If-Match` names another state.", _may_be_outdated(route, contract)),
        (errors.TooMany, "Too many requests.", True),
        (KeyMalformed, "Wrong input, by field.", _repeats(route)),
        (KeyReused, "The `Idempotency-Key` was used for another request.", _repeats(route)),
        (StillRunning, "The first request with this `Idempotency-Key` is still running.", _repeats(route)),
    ]
    for kind, meaning, applies in kinds:
        if applies:
            yield kind, meaning


def _headers(operation: dict[str, Any], route: Route, status: str) -> dict[str, Any]:
    names = ["X-Request-ID"]
    if status.startswith("2") and route.method == "GET":
        names += ["ETag"] if _has_etag(route) else []
    if status.startswith("2") and _reports(route):
        names += ["X-Ignored-Parameters", "Preference-Applied"]
    if status in ("429", "503"):
        names.append("Retry-After")
    if status.startswith("2") and _is_bare_list(operation["responses"][status]):
        names += ["X-Total-Count", "Link"]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _reports(route: Route) -> bool:
    """Whether it is a list, which reports query parameters without effect."""
    return any(getattr(one["schema"], "reports_unknown", False) for one in getattr(route.handler, "__schemas__", ()))


def _repeats(route: Route) -> bool:
    """Whether it answers a repetition with the same ``Idempotency-Key`` once more."""
    return bool(getattr(route.handler, "__idempotent__", False))


def _is_bare_list(answer: dict[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    return bool(getattr(schema, "many", False))
