"""Pages of reports by users, and the decision about them."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import actor_of, staff, staff_of
from mystar.admin.handlers.forms import ID, load_row, number_field, path_id, text_field
from mystar.admin.handlers.render import action_response, page
from mystar.admin.keys import ROWS
from mystar.admin.lists.reports import DECIDED, DECISIONS, REPORT_REASONS, REPORTED_KINDS, SEEN
from mystar.errors import Invalid, Text
from mystar.kit.web.routes import Route, route
from mystar.reports.keys import REPORTS
from mystar.reports.model import MAX_NOTE, Decision

_CHOOSE = Text("Выберите решение.", "Choose a decision.")
#: The page of what was reported.
_PAGES = {"service": "/admin/services/{}/", "review": "/admin/reviews/{}/", "person": "/admin/accounts/{}/"}


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    case, rows = await load_row(request, "report_page"), request.app[ROWS]
    found = await request.app[REPORTS].case(actor_of(request), case["id"])
    return page(
        request,
        "report.html",
        case=case,
        reports=await rows.all("reports_of_case", id=case["id"]),
        earlier=await rows.all("earlier_cases", id=case["id"], account_id=case["account_id"]),
        object_path=_PAGES.get(case["kind"], "").format(case["object_id"]),
        decisions=[(str(one), DECISIONS[one]) for one in found.decisions],
        decided=DECIDED,
        kinds=REPORTED_KINDS,
        reasons=REPORT_REASONS,
        seen_titles=SEEN,
        max_note=MAX_NOTE,
    )


@staff("operator")
async def decide(request: web.Request) -> web.Response:
    """:raises CaseClosed: :raises CaseGrown: :raises OwnCase: :raises NoteNeeded: :raises DecisionImpossible:"""
    decision = await text_field(request, "decision", max_length=20)
    if decision not in list(Decision):
        raise Invalid(fields={"decision": [_CHOOSE]})
    note = await text_field(request, "note", max_length=MAX_NOTE)
    seen = await number_field(request, "seen", max_value=2**31) if staff_of(request).by_cookie else None
    await request.app[REPORTS].decide(actor_of(request), path_id(request), Decision(decision), note, seen=seen)
    return action_response(request, f"/admin/reports/{path_id(request)}/")


ROUTES: tuple[Route, ...] = (
    route("GET", f"/admin/reports/{ID}/", show, "admin.report", documented=False),
    route("POST", f"/admin/reports/{ID}/decide/", decide, "admin.report-decide", documented=False),
)
