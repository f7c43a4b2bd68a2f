"""Market endpoints of exports and erasures (docs/privacy.md), and the pages behind mailed links."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.accounts.schemas import AcknowledgementView, MailedTokenDraft
from mystar.errors import Text
from mystar.kit.storage.local import ObjectNotFound
from mystar.kit.web.http import html_response, json_response, language_of, wants_page
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.streaming import stream
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import body_of, path_of, query_of
from mystar.privacy.keys import ERASURES, EXPORTS
from mystar.privacy.model import DataExport, ErasureLinkUnknown, ExportLinkUnknown, ExportUnknown
from mystar.privacy.schemas import ErasureView, ExportPath, ExportView, PasswordProof, erasure_view, export_view

TAGS = ["market: people"]
_PAGE = {200: {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}}}
_ARCHIVE = {
    200: {
        "description": "A ZIP archive with JSON files and the account's files",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_KEPT = Text("Удаление отменено: аккаунт остаётся.", "The erasure is withdrawn: the account stays.")


@docs(
    tags=TAGS,
    summary="Request an export of my data; a link to it is mailed",
    description="Needs the password, or a session younger than ten minutes. One at a time.",
)
@login_required
@json_schema(PasswordProof)
@response_schema(ExportView, 202)
async def request_export(request: web.Request) -> web.Response:
    export = await request.app[EXPORTS].request(actor_of(request), body_of(request)["password"])
    return json_response(export_view(export), 202)


@docs(tags=TAGS, summary="Read the state of my latest export")
@login_required
@response_schema(ExportView, 200)
async def read_export(request: web.Request) -> web.Response:
    """:raises ExportUnknown: there was none."""
    export = await request.app[EXPORTS].latest(actor_of(request).id)
    if export is None:
        raise ExportUnknown
    return json_response(export_view(export))


@docs(
    tags=TAGS,
    summary="Download the archive of an export",
    description="Needs a session in which the password was given within ten minutes.",
    responses=_ARCHIVE,
)
@login_required
@match_info_schema(ExportPath)
async def download(request: web.Request) -> web.StreamResponse:
    export = await request.app[EXPORTS].open(actor_of(request), path_of(request)["export_id"])
    return await _send(request, export)


@docs(tags=TAGS, summary="Show the page of a mailed link to an export", responses=_PAGE)
@querystring_schema(MailedTokenDraft)
async def show_export_link(request: web.Request) -> web.Response:
    token = query_of(request)["token"]
    if not await request.app[EXPORTS].is_known(token):
        raise ExportLinkUnknown
    return html_response(render_page("data_export.html", language_of(request), token=token))


@docs(tags=TAGS, summary="Download the archive of an export by its mailed link", responses=_ARCHIVE)
@json_schema(MailedTokenDraft)
async def download_by_link(request: web.Request) -> web.StreamResponse:
    return await _send(request, await request.app[EXPORTS].open_by_link(body_of(request)["token"]))


async def _send(request: web.Request, export: DataExport) -> web.StreamResponse:
    """:raises ExportUnknown: the archive was discarded in this moment."""
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="data-{export.account_id}.zip"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    try:
        async with request.app[EXPORTS].archive(export) as chunks:
            return await stream(request, chunks, headers, what=f"export {export.id}", size=export.size)
    except ObjectNotFound as error:
        raise ExportUnknown from error


@docs(
    tags=TAGS,
    summary="Request the erasure of my account",
    description="Needs the password, or a session younger than ten minutes. All sessions end. Until `due_at` it"
    " is withdrawn by signing in, or by the mailed link. 409 `erasure_blocked` lists what has to be settled first.",
)
@login_required
@json_schema(PasswordProof)
@response_schema(ErasureView, 202)
async def request_erasure(request: web.Request) -> web.Response:
    erasures = request.app[ERASURES]
    erasure = await erasures.request(actor_of(request), body_of(request)["password"])
    days = erasures.waiting_period.total_seconds() / 86400
    return json_response(erasure_view(erasure, [], days, language_of(request)), 202)


@docs(tags=TAGS, summary="Read the erasure request of my account, and its obstacles")
@login_required
@response_schema(ErasureView, 200)
async def read_erasure(request: web.Request) -> web.Response:
    erasures = request.app[ERASURES]
    erasure, obstacles = await erasures.state(actor_of(request).id)
    days = erasures.waiting_period.total_seconds() / 86400
    return json_response(erasure_view(erasure, obstacles, days, language_of(request)))


@docs(tags=TAGS, summary="Show the page that withdraws the erasure of an account", responses=_PAGE)
@querystring_schema(MailedTokenDraft)
async def show_withdrawal(request: web.Request) -> web.Response:
    token = query_of(request)["token"]
    if not await request.app[ERASURES].is_known(token):
        raise ErasureLinkUnknown
    return html_response(render_page("withdraw_erasure.html", language_of(request), token=token, is_done=False))


@docs(tags=TAGS, summary="Withdraw the erasure of an account by its mailed link")
@json_schema(MailedTokenDraft)
@response_schema(AcknowledgementView, 200)
async def withdraw_erasure(request: web.Request) -> web.Response:
    await request.app[ERASURES].withdraw_by_link(body_of(request)["token"])
    language = language_of(request)
    if wants_page(request):
        return html_response(render_page("withdraw_erasure.html", language, token="", is_done=True))
    return json_response({"message": _KEPT.in_(language)})


_EXPORT, _ERASURE = "/api/v1/users/me/export/", "/api/v1/users/me/erasure/"
_VERSIONED: tuple[Route, ...] = (
    route("POST", _EXPORT, request_export, "market.export"),
    route("GET", _EXPORT, read_export, "market.export"),
    route("GET", _EXPORT + r"{export_id:\d{1,18}}/archive/", download, "market.export-archive"),
    route("POST", _ERASURE, request_erasure, "market.erasure"),
    route("GET", _ERASURE, read_erasure, "market.erasure"),
)
ROUTES: tuple[Route, ...] = (
    *_VERSIONED,
    *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED),
    route("GET", "/api/auth/data-export/", show_export_link, "market.export-link"),
    route("POST", "/api/auth/data-export/", download_by_link, "market.export-link"),
    route("GET", "/api/auth/withdraw-erasure/", show_withdrawal, "market.withdraw-erasure"),
    route("POST", "/api/auth/withdraw-erasure/", withdraw_erasure, "market.withdraw-erasure"),
)
