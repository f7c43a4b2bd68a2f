"""Reads a multipart form part by part: files are streamed to the storage, the other fields are short texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp_apispec import request_schema
from marshmallow import Schema

from mystar.accounts.access import actor_of, maybe_actor_of
from mystar.errors import Text, UnsupportedMedia
from mystar.files.keys import FILES
from mystar.files.model import MISSING, ONE_ONLY, FileRefused, StagedUpload, StoredFile
from mystar.kit.web.http import PUBLIC_URL, address_of
from mystar.kit.web.media_urls import Addresses
from mystar.kit.web.multipart import FormPart, chunks, parts, require_unpacked, text_of
from mystar.kit.web.validation import loaded, read_body

#: Bytes of one ordinary field, and of everything in a form that is not its file.
_MAX_FIELD_BYTES = 16 * 1024
_FORM_AROUND_FILE = 64 * 1024
_TOO_LONG = Text("Слишком длинное значение.", "The value is too long.")
#: The name of a `FileField` that takes the file of any field.
ANYWHERE = ""
_NOT_ASKED = Text("Этот файл здесь не нужен.", "This file is not asked for here.")
_TOO_MANY = Text("Слишком много файлов.", "There are too many files.")


#: Declares a form for OpenAPI; the handler reads it as a stream.
multipart_schema = partial(request_schema, location="files")


def json_body(schema: type[Schema]) -> dict[str, Any]:
    """OpenAPI of a body that may be JSON where no file is sent."""
    is_required = any(field.required for field in schema().fields.values())
    return {"required": is_required, "content": {"application/json": {"schema": schema}}}


def addresses(app: web.Application) -> Addresses:
    """How answers of the market dialect show files."""
    return Addresses(app[PUBLIC_URL], app[FILES].private_url)


@dataclass(frozen=True, slots=True)
class MultipartForm:
    """The fields as they were sent, and the files by `FileField.part`, stored and not attached yet.

    A field is a text, or a list of texts if its name ends with ``[]``.
    """

    fields: Mapping[str, Any]
    files: Mapping[str, Sequence[StoredFile]]

    @property
    def file(self) -> StoredFile:
        """The file of a form that has exactly one."""
        ((file,),) = self.files.values()
        return file


@dataclass(frozen=True, slots=True)
class FileField:
    """A file field of a form, and how to take its files (see `FileService.receive`).

    :param part: the field's name, or `ANYWHERE`.
    :param max_count: how many files it may have.
    :param required: only for a form of a signed-in account with this one field.
    """

    part: str
    kinds: tuple[str, ...]
    folder: str
    public: bool = False
    max_count: int = 1
    required: bool = False

    @property
    def label(self) -> str:
        return self.part or "file"


@asynccontextmanager
async def read_form(request: web.Request, *expected: FileField) -> AsyncIterator[MultipartForm]:
    """Read a multipart form of an account or a guest. When the block raises, its files are deleted again.

    The whole form has been read when the files get their rows, so nothing is waited for inside a transaction. A browser
    sends an empty part for a file that was not chosen. ``images[]`` and ``images[0]`` are ``images``.

    :raises UnsupportedMedia: not a multipart form, or packed. :raises Unreadable: broken off, or not a form at all.
    :raises TooManyUploads: others of the same person do not end.
    :raises FileRefused, FileTooLarge, QuotaExceeded: see `FileService.receive`; also for a file that is not expected.
    """
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia
    require_unpacked(request)
    required = next((one for one in expected if one.required), None)
    if required is not None:
        size = max(0, (request.content_length or 0) - _FORM_AROUND_FILE)
        await request.app[FILES].check_announced_size(actor_of(request), kinds=required.kinds, size=size)
    upload = _Upload(request, expected)
    try:
        async with request.app[FILES].turn(maybe_actor_of(request), address_of(request)):
            form = await upload.read()
        if required is not None and not form.files:
            raise FileRefused(required.label, MISSING)
        yield form
    except BaseException:
        await upload.undo()
        raise


@asynccontextmanager
async def read_fields(
    request: web.Request, schema: Schema, *expected: FileField
) -> AsyncIterator[tuple[Any, Mapping[str, Sequence[StoredFile]]]]:
    """The checked fields of a JSON body, or of a form with files. When the block raises, the files are deleted again.

    :raises Invalid: by field, also of files. :raises Unreadable: :raises TooLarge:
    """
    if request.content_type == "multipart/form-data":
        async with read_form(request, *expected) as form:
            yield loaded(schema, dict(form.fields)), form.files
    else:
        yield loaded(schema, await read_body(request)), {}


class _Upload:
    """The files of one form: staged part by part, then inserted together."""

    def __init__(self, request: web.Request, expected: Sequence[FileField]) -> None:
        self._request, self._files, self._actor = request, request.app[FILES], maybe_actor_of(request)
        self._expected = {one.part: one for one in expected}
        self._staged: list[tuple[FileField, StagedUpload]] = []
        self._inserted: list[StoredFile] = []

    async def read(self) -> MultipartForm:
        fields: dict[str, Any] = {}
        async for part in parts(self._request):
            name = part.name.partition("[")[0]
            if self._is_file(name, part):
                await self._stage(name, part)
            else:
                value = await _field(self._request, name, part)
                is_item, others = part.name.endswith("[]"), fields.get(name)
                fields[name] = [*(others if isinstance(others, list) else ()), value] if is_item else value
        files: dict[str, list[StoredFile]] = {}
        for field, staged in self._staged:
            self._inserted.append(await self._files.insert(staged))
            files.setdefault(field.part, []).append(self._inserted[-1])
        return MultipartForm(fields, files)

    async def undo(self) -> None:
        for file in self._inserted:
            await self._files.delete_unattached(self._actor, file.id)
        for _, staged in self._staged[len(self._inserted) :]:
            await self._files.delete_staged(staged)

    def _is_file(self, name: str, part: FormPart) -> bool:
        """An empty file name is a file that was not chosen, which a required field refuses as an empty file."""
        field = self._expected.get(name)
        if field is not None and field.required:
            return True
        anywhere = self._expected.get(ANYWHERE)
        return bool(part.filename) or (part.filename is not None and anywhere is not None and anywhere.required)

    async def _stage(self, name: str, part: FormPart) -> None:
        field = self._expected.get(name) or self._expected.get(ANYWHERE)
        if field is None:
            raise self._unexpected(name)
        count = sum(one is field for one, _ in self._staged)
        if count == field.max_count:
            raise FileRefused(field.label if field.required else name, _TOO_MANY if count > 1 else ONE_ONLY)
        staged = await self._files.stage(
            self._actor,
            chunks(self._request, part),
            kinds=field.kinds,
            folder=field.folder,
            name=part.filename or "",
            part=field.label if field.required else name,
            public=field.public,
            address=address_of(self._request),
        )
        self._staged.append((field, staged))

    def _unexpected(self, name: str) -> FileRefused:
        required = next((one for one in self._expected.values() if one.required), None)
        if required is None:
            return FileRefused(name, _NOT_ASKED)
        return FileRefused(required.label, ONE_ONLY if self._staged else MISSING)


async def _field(request: web.Request, name: str, part: FormPart) -> str:
    value = b""
    async for chunk in chunks(request, part):
        value += chunk
        if len(value) > _MAX_FIELD_BYTES:
            raise FileRefused(name, _TOO_LONG)
    return text_of(value)
