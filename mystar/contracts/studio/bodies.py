"""How bodies of this dialect are documented: JSON, or a form with files (docs/dialects/studio.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from aiohttp_apispec import docs, request_schema
from marshmallow import Schema

#: Ids in paths; other values are 404.
ID_IN_PATH = r"{id:\d{1,18}}"

H = TypeVar("H")


def body_schema(plain: type[Schema], form: type[Schema]) -> Callable[[H], H]:
    """Document what `mystar.files.forms.read_fields` reads: the fields as JSON, or with files in a form."""

    def declared(handler: H) -> H:
        content = {"application/json": {"schema": plain}}
        as_form = request_schema(form, location="files")(handler)
        documented: H = docs(requestBody={"required": True, "content": content})(as_form)
        return documented

    return declared
