"""Health, metrics and the documents of the API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from mimetypes import guess_type
from pathlib import Path

import swagger_ui
from aiohttp import web
from aiohttp_apispec import docs, querystring_schema, response_schema
from marshmallow import fields, validate
from prometheus_client import CONTENT_TYPE_LATEST
from yarl import URL

from mystar import __version__
from mystar.contracts.asyncapi import asyncapi
from mystar.errors import NotFound, Unavailable
from mystar.files.keys import WRITE_PROBE
from mystar.kit.keys import DATABASE, OUTBOX, STOPPING
from mystar.kit.storage.local import StorageFull
from mystar.kit.web.fields import BaseSchema
from mystar.kit.web.http import (
    PUBLIC_URL,
    Networks,
    address_of,
    html_response,
    inside,
    json_response,
    language_of,
)
from mystar.kit.web.observability import METRICS
from mystar.kit.web.routes import alias, route
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import query_of

#: Makes the OpenAPI document, in a fifth of a second the first time.
#: The document, of the dialect of this name; "" = of all.
DOCUMENT: web.AppKey[Callable[[str], bytes]] = web.AppKey("openapi")
#: The address of the sandbox's pages; "" = there is none.
SANDBOX_URL = web.AppKey("sandbox_url", str)


@dataclass(slots=True)
class MetricsAccess:
    """Who may read the metrics, and the last text of them, which is kept for some seconds: it costs a query."""

    networks: Networks
    seconds: float
    text: bytes = b""
    read_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


#: Of the API documents, in the order in which they are offered.
DIALECTS = ("market", "greetings", "messenger", "studio", "identity")
METRICS_ACCESS = web.AppKey("metrics_access", MetricsAccess)

_SWAGGER = Path(swagger_ui.__file__).parent / "static"
_SWAGGER_FILES = {"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"}
#: The bundle has its icons as data: URLs and styles elements inline.
_SWAGGER_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)


#: The icon of the pages, and of files that a browser opens by themselves.
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#7a52e0" '
    'd="M16 2l4.3 8.9 9.7 1.3-7.1 6.8 1.8 9.7L16 24l-8.7 4.7 1.8-9.7L2 12.2l9.7-1.3z"/></svg>'
)


class Health(BaseSchema):
    status = fields.String(required=True)
    version = fields.String(required=True)


class Readiness(Health):
    storage = fields.String(
        required=True,
        metadata={"enum": ["ok", "full", "away"], "description": "Whether files are taken: no room, or no bucket."},
    )


@docs(tags=["system"], summary="Check whether the process answers")
@response_schema(Health, 200)
async def healthz(_request: web.Request) -> web.Response:
    return json_response({"status": "ok", "version": __version__})


@docs(
    tags=["system"],
    summary="Check whether requests can be served: database and files can be used, and the process is not stopping",
)
@response_schema(Readiness, 200)
async def readyz(request: web.Request) -> web.Response:
    """:raises StorageFull: the folder of files cannot be used; one that is only full can still be read."""
    if request.app[STOPPING].is_set():
        raise Unavailable(retry_after=5)
    try:
        async with asyncio.timeout(3):
            await request.app[DATABASE].value("select 1")
    except TimeoutError as error:
        raise Unavailable(retry_after=5) from error
    storage = await request.app[WRITE_PROBE].state()
    if storage == "unusable":
        raise StorageFull(retry_after=60)
    return json_response({"status": "ok", "version": __version__, "storage": storage})


@docs(tags=["system"], summary="Read Prometheus metrics", responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: web.Request) -> web.Response:
    """:raises NotFound: the client is not in ``http.metrics_from``."""
    access = request.app[METRICS_ACCESS]
    if not inside(address_of(request), access.networks):
        raise NotFound
    async with access.lock:
        if time.monotonic() - access.read_at >= access.seconds:
            access.text = await _read_metrics(request.app)
            access.read_at = time.monotonic()
    return web.Response(body=access.text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _read_metrics(app: web.Application) -> bytes:
    counted = app[METRICS]
    try:
        async with asyncio.timeout(3):
            counted.count_outbox(await app[OUTBOX].waiting())
            await counted.read_watched()
        counted.database_up.set(1)
    except (Unavailable, TimeoutError):
        # The other metrics matter most when the database is down.
        counted.database_up.set(0)
    await app[WRITE_PROBE].state()
    pool = app[DATABASE].pool
    for state, number in (("open", pool.size), ("free", pool.free), ("awaited", pool.waiting)):
        counted.pool.labels(state).set(number)
    return counted.rendered()


class DocumentQuery(BaseSchema):
    reports_unknown = True

    dialect = fields.String(
        load_default="",
        validate=validate.OneOf(["", *DIALECTS]),
        metadata={"description": "Only the operations of this dialect; default: all.", "example": "market"},
    )


@docs(tags=["system"], summary="Read this document", responses={200: {"content": {"application/json": {}}}})
@querystring_schema(DocumentQuery)
async def openapi_document(request: web.Request) -> web.Response:
    document = await asyncio.to_thread(request.app[DOCUMENT], query_of(request)["dialect"])
    return web.Response(body=document, content_type="application/json")


@docs(
    tags=["system"],
    summary="Read the AsyncAPI document of the WebSockets",
    responses={200: {"content": {"application/json": {}}}},
)
async def asyncapi_document(request: web.Request) -> web.Response:
    return json_response(asyncapi(public_url=request.app[PUBLIC_URL]))


@docs(
    tags=["system"],
    summary="Redirect to the site, or show a page of links",
    responses={200: {"content": {"text/html": {}}}, 302: {}},
)
async def home(request: web.Request) -> web.Response:
    site = request.app[SITE].link("market", "home")
    # A site at this very address would lead here again.
    if site and URL(site).origin() != URL(request.app[PUBLIC_URL]).origin():
        raise web.HTTPFound(site)
    return html_response(render_page("home.html", language_of(request), sandbox=request.app[SANDBOX_URL]))


@docs(tags=["system"], summary="Show the documentation page", responses={200: {"content": {"text/html": {}}}})
async def swagger(request: web.Request) -> web.Response:
    page = render_page("swagger.html", language_of(request), dialects=DIALECTS, chosen=request.query.get("dialect", ""))
    return html_response(page, headers={"Content-Security-Policy": _SWAGGER_POLICY})


@docs(tags=["system"], summary="Read a file of the documentation page", responses={200: {"content": {"*/*": {}}}})
async def swagger_file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["file"]
    if name == "start.js":
        return web.Response(body=_start_script(), content_type="text/javascript", charset="utf-8")
    if name not in _SWAGGER_FILES:
        raise NotFound
    kind, headers = guess_type(name)[0] or "application/octet-stream", {"Cache-Control": "public, max-age=86400"}
    return web.Response(body=_swagger_bytes(name), content_type=kind, headers=headers)


@cache
def _start_script() -> bytes:
    return resources.files("mystar.contracts").joinpath("static", "swagger.js").read_bytes()


@cache
def _swagger_bytes(name: str) -> bytes:
    return (_SWAGGER / name).read_bytes()


@docs(tags=["system"], summary="Read the icon of the pages", responses={200: {"content": {"image/svg+xml": {}}}})
async def icon(_request: web.Request) -> web.Response:
    return web.Response(
        text=_ICON, content_type="image/svg+xml", charset="utf-8", headers={"Cache-Control": "public, max-age=86400"}
    )


_OPENAPI = route("GET", "/api/docs/openapi.json", openapi_document, "market.openapi")
_SWAGGER_PAGE = route("GET", "/swagger/", swagger, "market.swagger")
_FAVICON = route("GET", "/favicon.svg", icon, "market.icon", documented=False)

ROUTES = (
    route("GET", "/", home, "market.home"),
    route("GET", "/healthz", healthz, "market.health"),
    route("GET", "/readyz", readyz, "market.readiness"),
    route("GET", "/metrics", metrics, "market.metrics"),
    _OPENAPI,
    route("GET", "/api/docs/asyncapi.json", asyncapi_document, "market.asyncapi"),
    _SWAGGER_PAGE,
    # Where the studio's clients look for the same.
    alias("/redoc/", _SWAGGER_PAGE),
    alias("/docs", _SWAGGER_PAGE),
    alias("/openapi.json", _OPENAPI),
    _FAVICON,
    alias("/favicon.ico", _FAVICON),
    route("GET", r"/swagger/{file:[\w.-]+}", swagger_file, "market.swagger-file", documented=False),
)
