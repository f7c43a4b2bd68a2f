"""Market endpoints of uploads (docs/dialects/market.md#files), and `/media/…`, the files themselves."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema, request_schema, response_schema

from mystar.accounts.access import actor_of, login_optional, login_required, maybe_actor_of
from mystar.files.forms import ANYWHERE, FileField, read_form
from mystar.files.keys import FILES, STORAGES
from mystar.files.model import IMAGES, VIDEOS, FileUnknown, StoredFile
from mystar.files.schemas import FileForm, FilePath, FileView, file_view
from mystar.kit.storage.local import ObjectNotFound
from mystar.kit.web import pagination
from mystar.kit.web.http import absolute, json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.ranges import http_date, is_cached, requested_part
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.streaming import stream
from mystar.kit.web.validation import path_of

__all__ = ["FILES", "ROUTES", "STORAGES"]


log = logging.getLogger(__name__)

TAGS = ["market: files"]
#: Uploads for deliveries and messages: videos, and any other file, stored unchanged.
_UPLOAD = FileField(ANYWHERE, ("video", "other"), "uploads", required=True)
_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_YEAR = 31_536_000
#: A browser that opens a video by itself builds a page around it and loads it once more, which a sandbox would forbid.
_SEEN_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"


@docs(
    tags=["files"],
    summary="Download a file; a private one needs its owner's token or a signed link",
    parameters=[
        {"in": "query", "name": "expires", "schema": {"type": "string"}},
        {"in": "query", "name": "signature", "schema": {"type": "string"}},
        {"in": "header", "name": "Range", "schema": {"type": "string"}},
    ],
    responses={
        200: {"description": "The whole file", **_BYTES},
        206: {"description": "One range of it", **_BYTES},
        304: {"description": "The client has it already"},
    },
)
@login_optional
async def media(request: web.Request) -> web.StreamResponse:
    files = request.app[FILES]
    file = await files.open_for(
        # One client puts the prefix before paths that have it.
        request.match_info["tail"].removeprefix("/media/").rstrip("/"),
        maybe_actor_of(request),
        expires=request.query.get("expires", ""),
        signature=request.query.get("signature", ""),
    )
    headers, etag = _headers(file), _etag(file)
    if is_cached(request, etag, file.uploaded_at):
        return web.Response(status=304, headers=headers)
    part = requested_part(request, file.size, etag, file.uploaded_at)
    headers["Content-Type"] = file.content_type
    if part:
        headers["Content-Range"] = part.content_range
    start, size, status = (part.start, part.size, 206) if part else (0, file.size, 200)
    try:
        async with files.bytes_of(file, start, size) as chunks:
            return await stream(request, chunks, headers, what=f"file {file.id}", status=status, size=size)
    except ObjectNotFound as error:
        log.error("the bytes of file %s are missing", file.id)
        raise FileUnknown from error


def _headers(file: StoredFile) -> dict[str, str]:
    is_seen = file.content_type in IMAGES or file.content_type in VIDEOS
    shown = "inline" if is_seen else "attachment"
    return {
        "ETag": f'"{_etag(file)}"',
        "Last-Modified": http_date(file.uploaded_at),
        "Accept-Ranges": "bytes",
        "Cache-Control": f"public, max-age={_YEAR}, immutable" if file.is_open else "private, no-store",
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(file.name, safe='')}",
        # Uploads are served as the type that was detected, and must not run scripts.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _SEEN_POLICY if is_seen else "sandbox",
    }


def _etag(file: StoredFile) -> str:
    """Strong: bytes under a key never change, and equal bytes have equal tags."""
    return file.sha256.hex()[:32]


@docs(
    tags=TAGS,
    summary="Upload a file",
    description="Private until a delivery or a message uses it. Unused files are deleted after a day.",
)
@login_required
@request_schema(FileForm, location="files")
@response_schema(FileView, 201)
@idempotent
async def upload(request: web.Request) -> web.StreamResponse:
    async with read_form(request, _UPLOAD) as form:
        return json_response(_view(request, form.file), 201)


@docs(tags=TAGS, summary="List the actor's uploads, newest first")
@login_required
@querystring_schema(pagination.PageQuery)
@response_schema(pagination.page_of(FileView), 200)
async def list_uploads(request: web.Request) -> web.Response:
    found = await request.app[FILES].uploads(actor_of(request), pagination.page_request(request))
    return pagination.page_response(request, [_view(request, file) for file in found.rows], found.count)


@docs(tags=TAGS, summary="Read an upload")
@login_required
@match_info_schema(FilePath)
@response_schema(FileView, 200)
async def read_upload(request: web.Request) -> web.Response:
    return json_response(_view(request, await request.app[FILES].upload(actor_of(request), **path_of(request))))


@docs(
    tags=TAGS,
    summary="Delete an unused upload",
    responses={204: {"description": "Deleted"}},
)
@login_required
@match_info_schema(FilePath)
async def delete_upload(request: web.Request) -> web.Response:
    await request.app[FILES].remove(actor_of(request), **path_of(request))
    return web.Response(status=204)


def _view(request: web.Request, file: StoredFile) -> dict[str, Any]:
    return file_view(file, lambda one: absolute(request, request.app[FILES].signed_url(one)))


_ALL = "/api/v1/files/"
#: An id that PostgreSQL's bigint cannot hold is an unknown path.
_ONE = r"{file_id:\d{1,18}}/"
_UPLOADS: tuple[Route, ...] = (
    route("POST", _ALL + "upload/", upload, "market.file-upload"),
    route("GET", _ALL, list_uploads, "market.files"),
    route("POST", _ALL, upload, "market.files", documented=False),
    route("GET", _ALL + _ONE, read_upload, "market.file"),
    route("DELETE", _ALL + _ONE, delete_upload, "market.file"),
)
#: The document's frontend has another name for them, and posts to the list itself.
_ELSEWHERE = ("/api/files/", "/api/v1/storage/files/", "/api/storage/files/")
ROUTES: tuple[Route, ...] = (
    route("GET", "/media/{tail:.+}", media, "market.media"),
    *_UPLOADS,
    *(alias(one.path.replace(_ALL, base, 1), one) for base in _ELSEWHERE for one in _UPLOADS),
)
