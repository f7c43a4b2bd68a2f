"""Reads a multipart form part by part: its file goes straight to the storage, the rest is a handful of short fields."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from aiohttp import BodyPartReader, web

from mystar.accounts.access import actor_of, maybe_actor_of
from mystar.accounts.model import Actor
from mystar.errors import Text, UnsupportedMedia
from mystar.files.keys import FILES
from mystar.files.model import MISSING, ONE_ONLY, FileRefused, StoredFile, Taken
from mystar.files.service import FileService
from mystar.kit.web.http import PUBLIC_URL
from mystar.kit.web.media_urls import Addresses
from mystar.kit.web.multipart import chunks, parts, text_of

#: Bytes of one ordinary field, and of everything in a form that is not its file.
_LONGEST_FIELD = 16 * 1024
_FORM_AROUND_FILE = 64 * 1024
_TOO_LONG = Text("Слишком длинное значение.", "The value is too long.")
#: Every field of a form that has a file.
ANYWHERE = ""
_NOT_ASKED = Text("Этот файл здесь не нужен.", "This file is not asked for here.")
_TOO_MANY = Text("Слишком много файлов.", "There are too many files.")


def addresses(app: web.Application) -> Addresses:
    """How answers of the market dialect show files."""
    return Addresses(app[PUBLIC_URL], app[FILES].private_url)


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

    :param part: for `gathered` also `ANYWHERE`, whatever the field is called.
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

    The whole form has been read when the file gets its row: nothing of it is waited for inside a transaction.

    :raises UnsupportedMedia: not a multipart form. :raises Unreadable: broken off, or no form at all.
    :raises FileRefused, FileTooLarge, QuotaExceeded: see `FileService.receive`.
    """
    actor, files = actor_of(request), request.app[FILES]
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia
    announced = max(0, (request.content_length or 0) - _FORM_AROUND_FILE)
    await files.expect(actor, kinds=wanted.kinds, size=announced)
    fields: dict[str, str] = {}
    taken: list[Taken] = []
    field = wanted.part or "file"
    async with _keeping(files, actor, taken) as rows:
        async for part in parts(request):
            name = part.name or ""
            is_it = name == wanted.part or (wanted.part == ANYWHERE and part.filename is not None)
            if not is_it and part.filename is None:
                fields[name] = await _field(request, name, part)
            elif not is_it or taken:
                raise FileRefused(field, ONE_ONLY if taken else MISSING)
            else:
                taken.append(await _taken(request, actor, part, replace(wanted, part=field)))
        if not taken:
            raise FileRefused(field, MISSING)
        rows.append(await files.enter(taken[0]))
        yield Form(fields, rows[0])


@asynccontextmanager
async def gathered(request: web.Request, *wanted: Wanted) -> AsyncIterator[Parcel]:
    """The form of a person or a guest with some of these files, or none: a browser sends an empty part for no file.

    ``images[]`` and ``images[0]`` are ``images``. When the block raises, all of its files are forgotten again.

    :raises UnsupportedMedia: not a multipart form. :raises Unreadable: broken off, or no form at all.
    :raises FileRefused, FileTooLarge, QuotaExceeded: see `FileService.receive`; also for a file nobody asked for.
    """
    actor, files = maybe_actor_of(request), request.app[FILES]
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia
    ways = {one.part: one for one in wanted}
    fields: dict[str, str] = {}
    kept: dict[str, list[StoredFile]] = {}
    taken: list[Taken] = []
    places: list[str] = []
    async with _keeping(files, actor, taken) as rows:
        async for part in parts(request):
            name = (part.name or "").partition("[")[0]
            if not part.filename:
                fields[name] = await _field(request, name, part)
                continue
            way = ways.get(name) or ways.get(ANYWHERE)
            if way is None:
                raise FileRefused(name, _NOT_ASKED)
            if places.count(way.part) == way.most:
                raise FileRefused(name, _TOO_MANY if way.most > 1 else ONE_ONLY)
            taken.append(await _taken(request, actor, part, replace(way, part=name)))
            places.append(way.part)
        for place, one in zip(places, taken, strict=True):
            rows.append(await files.enter(one))
            kept.setdefault(place, []).append(rows[-1])
        yield Parcel(fields, kept)


@asynccontextmanager
async def _keeping(files: FileService, actor: Actor | None, taken: list[Taken]) -> AsyncIterator[list[StoredFile]]:
    """The rows of a form's files, to be added to; when the block raises, files and bytes go."""
    rows: list[StoredFile] = []
    try:
        yield rows
    except BaseException:
        for row in rows:
            await files.forget(actor, row.id)
        for one in taken[len(rows) :]:
            await files.drop(one)
        raise


async def _taken(request: web.Request, actor: Actor | None, part: BodyPartReader, wanted: Wanted) -> Taken:
    return await request.app[FILES].take(
        actor,
        chunks(request, part),
        kinds=wanted.kinds,
        folder=wanted.folder,
        name=part.filename or "",
        part=wanted.part,
        public=wanted.public,
    )


async def _field(request: web.Request, name: str, part: BodyPartReader) -> str:
    value = b""
    async for chunk in chunks(request, part):
        value += chunk
        if len(value) > _LONGEST_FIELD:
            raise FileRefused(name, _TOO_LONG)
    return text_of(value)
