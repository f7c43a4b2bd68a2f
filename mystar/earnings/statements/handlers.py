"""The market's endpoints of statements, which are streamed in every form, however long they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.earnings.keys import STATEMENTS
from mystar.earnings.statements.documents import PdfDocument, csv_heading, csv_lines
from mystar.earnings.statements.model import Statement
from mystar.earnings.statements.schemas import (
    StatementDetailView,
    StatementPath,
    StatementQuery,
    StatementView,
    line_view,
    statement_view,
)
from mystar.kit.web.http import dumps, language_of
from mystar.kit.web.pagination import PageQuery, page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.streaming import stream
from mystar.kit.web.validation import path_of, query_of

T = TypeVar("T")

TAGS = ["market: earnings"]
_TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


@docs(tags=TAGS, summary="List my monthly statements, newest first")
@login_required
@querystring_schema(PageQuery)
@response_schema(page_of(StatementView), 200)
async def list_statements(request: web.Request) -> web.Response:
    found = await request.app[STATEMENTS].of_creator(actor_of(request).id, page_request(request))
    return page_response(request, [statement_view(one) for one in found.rows], found.count)


@docs(tags=TAGS, summary="Read a statement of mine as JSON, CSV or PDF")
@login_required
@match_info_schema(StatementPath)
@querystring_schema(StatementQuery)
@response_schema(StatementDetailView, 200)
async def read_statement(request: web.Request) -> web.StreamResponse:
    statement = await request.app[STATEMENTS].get(actor_of(request), path_of(request)["statement_id"])
    return await download(request, statement, query_of(request)["format"])


async def download(
    request: web.Request, statement: Statement, form: str, language: str | None = None
) -> web.StreamResponse:
    """:param form: "json", "csv" or "pdf". :param language: of a PDF; None = that of the request."""
    match form:
        case "csv":
            return await _stream(request, statement, "csv", _csv(request, statement))
        case "pdf":
            return await _stream(request, statement, "pdf", _pdf(request, statement, language or language_of(request)))
        case _:
            return await _stream(request, statement, "json", _json(request, statement))


async def _csv(request: web.Request, statement: Statement) -> AsyncIterator[bytes]:
    yield csv_heading().encode()
    async for lines in request.app[STATEMENTS].lines(statement):
        yield csv_lines(lines).encode()


async def _json(request: web.Request, statement: Statement) -> AsyncIterator[bytes]:
    yield dumps(statement_view(statement))[:-1] + b',"lines":['
    separator = b""
    async for lines in request.app[STATEMENTS].lines(statement):
        yield separator + b",".join(dumps(line_view(line)) for line in lines)
        separator = b","
    yield b"]}"


async def _pdf(request: web.Request, statement: Statement, language: str) -> AsyncIterator[bytes]:
    """Drawn in threads, one batch of all documents at a time; nothing is held while the client reads."""
    statements = request.app[STATEMENTS]

    async def drawn(draw: Callable[..., T], *arguments: Any) -> T:
        async with statements.drawing:
            return await asyncio.to_thread(draw, *arguments)

    document = await drawn(PdfDocument, statement, await statements.holder(statement), language)
    yield document.begin()
    async for lines in statements.lines(statement):
        yield await drawn(document.lines, lines)
    yield await drawn(document.finish)


async def _stream(
    request: web.Request, statement: Statement, form: str, chunks: AsyncIterator[bytes]
) -> web.StreamResponse:
    return await stream(request, chunks, _headers(statement, form), what=f"statement {statement.id}")


def _headers(statement: Statement, form: str) -> dict[str, str]:
    headers = {"Content-Type": _TYPES[form], "Cache-Control": "private, no-store"}
    if form != "json":
        headers["Content-Disposition"] = f'attachment; filename="statement-{statement.number}.{form}"'
    return headers


_STATEMENTS = "/api/v1/earnings/statements/"
_VERSIONED: tuple[Route, ...] = (
    route("GET", _STATEMENTS, list_statements, "market.statements"),
    route("GET", _STATEMENTS + r"{statement_id:\d{1,18}}/", read_statement, "market.statement"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
