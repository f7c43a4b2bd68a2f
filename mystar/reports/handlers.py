"""Market endpoints of reports (docs/dialects/market.md#reports)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import PageQuery, page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of
from mystar.reports.keys import REPORTS
from mystar.reports.model import ObjectKind, Reason
from mystar.reports.schemas import ReportDraft, ReportPath, ReportView, report_view

TAGS = ["market: reports"]


@docs(tags=TAGS, summary="Report a service, a review, a message or a person to the staff")
@login_required
@json_schema(ReportDraft)
@response_schema(ReportView, 201)
@idempotent
async def send_report(request: web.Request) -> web.StreamResponse:
    body = body_of(request)
    report = await request.app[REPORTS].report(
        actor_of(request), ObjectKind(body["kind"]), body["object_id"], Reason(body["reason"]), body["comment"]
    )
    return json_response(report_view(report), 201)


@docs(tags=TAGS, summary="List the actor's reports, newest first")
@login_required
@querystring_schema(PageQuery)
@response_schema(page_of(ReportView), 200)
async def list_reports(request: web.Request) -> web.Response:
    found = await request.app[REPORTS].reports(actor_of(request), page_request(request))
    return page_response(request, [report_view(report) for report in found.rows], found.count)


@docs(tags=TAGS, summary="Read a report; for its author")
@login_required
@match_info_schema(ReportPath)
@response_schema(ReportView, 200)
async def read_report(request: web.Request) -> web.Response:
    return json_response(report_view(await request.app[REPORTS].read(actor_of(request), **path_of(request))))


_VERSIONED: tuple[Route, ...] = (
    route("POST", "/api/v1/reports/", send_report, "market.reports"),
    route("GET", "/api/v1/reports/", list_reports, "market.reports"),
    route("GET", r"/api/v1/reports/{report_id:\d{1,18}}/", read_report, "market.report"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
