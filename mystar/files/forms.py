"""Reads a multipart form part by part: its file goes straight to the storage, the rest is a handful of short fields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from mystar.accounts.access import actor_of
from mystar.accounts.model import Actor
from mystar.errors import Text, Unreadable, UnsupportedMedia
from mystar.files.model import MISSING, ONE_ONLY, FileRefused, StoredFile
from mystar.files.service import FileService

FILES = web.AppKey("files", FileService)

#: Bytes asked from the network at once.
_CHUNK = 64 * 1024
#: Seconds that a sender may be silent.
_SILENCE = 60
_MOST_PARTS = 32
#: Bytes of one ordinary field, and of everything in a form that is not its file.
_LONGEST_FIELD = 16 * 1024
_FORM_AROUND_FILE = 64 * 1024
_TOO_LONG = Text("Слишком длинное значение.", "The value is too long.")
_NOT_ASKED = Text("Этот файл здесь не нужен.", "This file is not asked for here.")
_TOO_MANY = Text("Слишком много файлов.", "There are too many files.")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields as they were sent, and the file, which is kept but not attached yet."""

    fields: Mapping[str, str]
    file: StoredFile


@dataclass(frozen=True, slots=True)
class Parcel:
    """The fields as they were sent, and the files by their part, which are kept but not attached yet."""

    fields: Mapping[str, str]
    files: Mapping[str, Sequence[StoredFile]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file that a form has: its field, and how to take it (see `FileService.receive`).

    :param most: how many a form of `gathered` may have of it.
    """

    part: str
    kinds: tuple[str, ...]
    folder: str
    public: bool = False
    most: int = 1


@asynccontextmanager
async def uploaded(request: web.Request, wanted: Wanted) -> AsyncIterator[Form]:
    """The form of a signed-in person. When the block raises, the file is forgotten again.

    :raises UnsupportedMedia: not a multipart form. :raises Unreadable: broken off, or no form at all.
    :raises FileRefused, FileTooLarge, QuotaExceeded: see `FileService.receive`.
    """
    actor, files = actor_of(request), request.app[FILES]
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia
    announced = max(0, (request.content_length or 0) - _FORM_AROUND_FILE)
    await files.expect(actor, kinds=wanted.kinds, size=announced)
    fields: dict[str, str] = {}
    file: StoredFile | None = None
    try:
        async for part in _parts(request):
            name = part.name or ""
            if name != wanted.part and part.filename is None:
                fields[name] = await _field(name, part)
            elif name != wanted.part or file is not None:
                raise FileRefused(wanted.part, MISSING if file is None else ONE_ONLY)
            else:
                file = await _received(files, actor, part, wanted)
        if file is None:
            raise FileRefused(wanted.part, MISSING)
        yield Form(fields, file)
    except BaseException:
        if file is not None:
            await files.forget(actor, file.id)
        raise


@asynccontextmanager
async def gathered(request: web.Request, *wanted: Wanted) -> AsyncIterator[Parcel]:
    """The form of a signed-in person with some of these files, or none: a browser sends an empty part for no file.

    ``images[]`` and ``images[0]`` are ``images``. When the block raises, all of its files are forgotten again.

    :raises UnsupportedMedia: not a multipart form. :raises Unreadable: broken off, or no form at all.
    :raises FileRefused, FileTooLarge, QuotaExceeded: see `FileService.receive`; also for a file nobody asked for.
    """
    actor, files = actor_of(request), request.app[FILES]
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia
    ways = {one.part: one for one in wanted}
    fields: dict[str, str] = {}
    kept: dict[str, list[StoredFile]] = {}
    try:
        async for part in _parts(request):
            name = (part.name or "").partition("[")[0]
            if not part.filename:
                fields[name] = await _field(name, part)
            elif name not in ways:
                raise FileRefused(name, _NOT_ASKED)
            elif len(kept.setdefault(name, [])) == ways[name].most:
                raise FileRefused(name, _TOO_MANY if ways[name].most > 1 else ONE_ONLY)
            else:
                kept[name].append(await _received(files, actor, part, ways[name]))
        yield Parcel(fields, kept)
    except BaseException:
        for file in (file for some in kept.values() for file in some):
            await files.forget(actor, file.id)
        raise


async def _received(files: FileService, actor: Actor, part: BodyPartReader, wanted: Wanted) -> StoredFile:
    return await files.receive(
        actor,
        _chunks(part),
        kinds=wanted.kinds,
        folder=wanted.folder,
        name=part.filename or "",
        part=wanted.part,
        public=wanted.public,
    )


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    with _reading():
        reader = await request.multipart()
    for _ in range(_MOST_PARTS):
        part = await _patiently(reader.next)
        if part is None:
            return
        if isinstance(part, MultipartReader):
            raise Unreadable
        yield part
    raise Unreadable


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while not part.at_eof():
        chunk: bytes = await _patiently(part.read_chunk, _CHUNK)
        if chunk:
            yield chunk


async def _field(name: str, part: BodyPartReader) -> str:
    value = b""
    async for chunk in _chunks(part):
        value += chunk
        if len(value) > _LONGEST_FIELD:
            raise FileRefused(name, _TOO_LONG)
    with _reading():
        return value.decode()


async def _patiently(read: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
    with _reading():
        async with asyncio.timeout(_SILENCE):
            return await read(*arguments)


@contextmanager
def _reading() -> Iterator[None]:
    """aiohttp's parser has many ways to say that a form is broken, or that its sender fell silent."""
    try:
        yield
    except (ValueError, AssertionError, RuntimeError, TimeoutError, HttpProcessingError) as error:
        raise Unreadable from error
