"""Bodies of this dialect: JSON, or a form whose files are streamed (docs/dialects/studio.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from aiohttp_apispec import docs, request_schema
from marshmallow import Schema

from mystar.files.forms import Wanted, gathered
from mystar.files.model import StoredFile
from mystar.kit.web.validation import loaded, read_body

#: In addresses: what is no number leads nowhere.
ID_IN_PATH = r"{id:\d{1,18}}"

H = TypeVar("H")


def body_schema(plain: type[Schema], form: type[Schema]) -> Callable[[H], H]:
    """Declares what `received` reads, for the documents: the fields as JSON, or with files in a form."""

    def declared(handler: H) -> H:
        content = {"application/json": {"schema": plain}}
        as_form = request_schema(form, location="files")(handler)
        documented: H = docs(requestBody={"required": True, "content": content})(as_form)
        return documented

    return declared


@dataclass(frozen=True, slots=True)
class Received:
    """The checked fields, and the files, which are kept but not attached yet."""

    fields: dict[str, Any]
    files: Sequence[StoredFile]


@asynccontextmanager
async def received(request: web.Request, schema: Schema, wanted: Wanted) -> AsyncIterator[Received]:
    """Whatever the client sent. When the block raises, the files are forgotten again.

    :raises Invalid: by field, also of files. :raises Unreadable: :raises TooLarge:
    """
    if request.content_type == "multipart/form-data":
        async with gathered(request, wanted) as parcel:
            yield Received(loaded(schema, dict(parcel.fields)), parcel.files.get(wanted.part, ()))
    else:
        yield Received(loaded(schema, await read_body(request)), ())
