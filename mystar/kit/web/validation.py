"""Loads requests with the schemas that aiohttp-apispec's decorators declare.

The library's own middleware uses string keys, which warn on every request, and a parser that all applications of a
process share. This one uses typed keys and no shared state.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import Schema, ValidationError
from multidict import MultiMapping

from mystar.errors import Invalid, Text, Unreadable
from mystar.kit.web.multipart import body, form
from mystar.kit.web.validation_messages_ru import russian

_BODY = web.RequestKey("body", object)
_QUERY = web.RequestKey("query", dict)
_PATH = web.RequestKey("path", dict)
_IGNORED = web.RequestKey("ignored", tuple)
_PREFERENCE = web.RequestKey("preference", str)
#: RFC 7240: one preference of a list, whose parameters and value may be quoted.
_PREFERENCES = re.compile(r"((?:[^,;\"]|\"(?:[^\"\\]|\\.)*\")*)(?:;(?:[^,\"]|\"(?:[^\"\\]|\\.)*\")*)?(?:,|$)")
#: Characters of preferences that are read.
_MAX_PREFERENCES = 500
_HANDLINGS = ("strict", "lenient")
_UNKNOWN_PARAMETER = Text("Неизвестный параметр.", "Unknown parameter.")
_GIVEN_TWICE = Text("Укажите параметр один раз.", "Must be given once.")
#: Unknown parameters that are reported, and letters of each: a URL may have thousands.
_MAX_REPORTED, _MAX_REPORTED_LENGTH = 20, 100
#: Levels of nested JSON, objects and lists of one body (braces in texts count, too), texts of errors in one answer.
_MAX_DEPTH, _MAX_CONTAINERS, _MAX_ERRORS = 32, 10_000, 100
_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class ParameterUnknown(Invalid):
    """A list was sent query parameters without effect, with ``Prefer: handling=strict`` (D44, D68)."""

    code = "parameter_unknown"
    text = Text("Неизвестные параметры запроса.", "Unknown query parameters.")


def body_of(request: web.Request) -> Any:
    """The body as loaded by its ``@json_schema``."""
    return request[_BODY]


def query_of(request: web.Request) -> dict[str, Any]:
    """The query as loaded by its ``@querystring_schema``."""
    return request[_QUERY]


def path_of(request: web.Request) -> dict[str, Any]:
    """The variables of the path as loaded by their ``@match_info_schema``."""
    return request[_PATH]


@web.middleware
async def validation_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """:raises Unreadable: the body is not JSON (or a form). :raises Invalid: fields are wrong."""
    await read_declared(request, request.match_info.handler)
    return await handler(request)


async def read_declared(request: web.Request, handler: Handler) -> None:
    """Load what the handler declares, for `body_of`, `query_of` and `path_of`.

    :raises Unreadable: :raises Invalid: as of `validation_middleware`.
    """
    for declared in getattr(handler, "__schemas__", ()):
        schema: Schema = declared["schema"]
        match declared["location"]:
            case "json":
                request[_BODY] = loaded(schema, await read_body(request))
            case "querystring":
                _check_parameters(request, schema)
                request[_QUERY] = loaded(schema, _first_of_each(request.query))
            case "match_info":
                request[_PATH] = loaded(schema, dict(request.match_info))
            case _:
                # Multipart bodies are streamed by their handlers; the declaration is for the documents.
                continue


async def read_body(request: web.Request) -> Any:
    """The body as JSON, as a form if the content type says so, or {} if it is empty.

    For handlers whose body may be a form with files, which they stream; others declare their schema.

    curl sends JSON with the content type of a form unless told otherwise, so a body that begins like JSON is JSON.
    """
    raw = b"" if request.content_type == _MULTIPART else (await body(request)).removeprefix(codecs.BOM_UTF8)
    if request.content_type in (_FORM, _MULTIPART) and not raw.lstrip().startswith((b"{", b"[")):
        return {name: value for name, value in (await form(request)).items() if isinstance(value, str)}
    if not raw.strip():
        return {}
    containers = raw.count(b"[") + raw.count(b"{")
    if containers > _MAX_CONTAINERS:
        raise Unreadable
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Unreadable from error
    if containers > _MAX_DEPTH and is_nested_deeply(data):
        raise Unreadable
    return data


def is_nested_deeply(data: Any) -> bool:
    """Whether objects and lists are nested more than `_MAX_DEPTH` deep: recursive code would fail on them."""
    level = [data]
    for _ in range(_MAX_DEPTH):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = list(chain.from_iterable(inner))
        if not level:
            return False
    return True


async def add_preference_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A handler of ``on_response_prepare``: name what had no effect, and say that the preference was followed (D44)."""
    if (names := request.get(_IGNORED)) and response.status < 400:
        response.headers["X-Ignored-Parameters"] = ", ".join(quote(name, safe="") for name in names)
    if preference := request.get(_PREFERENCE):
        response.headers["Preference-Applied"] = f"handling={preference}"
        response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("Vary"), "Prefer")))


def had_no_effect(request: web.Request) -> bool:
    """Whether parameters of the query had none, so that the answer names them."""
    return bool(request.get(_IGNORED))


def _check_parameters(request: web.Request, schema: Schema) -> None:
    """Of a list. :raises ParameterUnknown: it has parameters without effect, and the client prefers to be told."""
    if not getattr(schema, "reports_unknown", False):
        return
    known = {field.data_key or name for name, field in schema.fields.items()}
    ignored = {name: _UNKNOWN_PARAMETER for name in dict.fromkeys(request.query) if name not in known}
    # Only the first value of a parameter is read.
    ignored |= {name: _GIVEN_TWICE for name in known if len(set(request.query.getall(name, ()))) > 1}
    reported = dict(list(ignored.items())[:_MAX_REPORTED])
    request[_PREFERENCE] = _handling(request)
    if reported and request[_PREFERENCE] == "strict":
        raise ParameterUnknown(fields={name[:_MAX_REPORTED_LENGTH]: [text] for name, text in reported.items()})
    request[_IGNORED] = tuple(name[:_MAX_REPORTED_LENGTH] for name in reported)


def _handling(request: web.Request) -> str:
    """The first preference ``handling`` (RFC 7240, 4.4): "strict", "lenient", or "" without a known one."""
    for preference in _PREFERENCES.findall(",".join(request.headers.getall("Prefer", ()))[:_MAX_PREFERENCES]):
        name, _, value = preference.partition("=")
        if name.strip().lower() == "handling":
            value = value.strip().strip('"').lower()
            return value if value in _HANDLINGS else ""
    return ""


def _first_of_each(values: MultiMapping[str]) -> dict[str, Any]:
    return {name: values[name] for name in values}


def loaded(schema: Schema, data: Any) -> Any:
    """The data loaded by the schema. :raises Invalid: fields are wrong."""
    try:
        return schema.load(data)
    except ValidationError as error:
        raise Invalid(fields=_first_errors(_flat(error.normalized_messages()))) from error


def _first_errors(fields: dict[str, list[Text]]) -> dict[str, list[Text]]:
    """At most `_MAX_ERRORS` of the errors: an answer must not be larger than its request."""
    left, first = _MAX_ERRORS, {}
    for name, texts in fields.items():
        if left <= 0:
            break
        first[name] = texts[:left]
        left -= len(texts)
    return first


def _flat(messages: Mapping[Any, Any], prefix: str = "") -> dict[str, list[Text]]:
    """{"options": {0: {"name": [..]}}} → {"options.0.name": [..]}; "_schema" is the whole, ""."""
    flat: dict[str, list[Text]] = {}
    for key, value in messages.items():
        name = prefix if key == "_schema" else f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            flat.update(_flat(value, name))
        else:
            texts = [value] if isinstance(value, str | Text) else value
            flat[name] = [text if isinstance(text, Text) else Text(russian(str(text)), str(text)) for text in texts]
    return flat
