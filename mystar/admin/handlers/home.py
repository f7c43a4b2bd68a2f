"""The overview: what needs attention, totals, and charts of the last month."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.admin import bar_chart
from mystar.admin.access import staff
from mystar.admin.handlers.render import page
from mystar.admin.keys import CLOCK, ROWS
from mystar.kit.web.observability import METRICS
from mystar.kit.web.routes import Route, route

#: Days of the charts, days that a discrepancy is shown, and hours before its end that a hold is shown.
_DAYS, _RECENT, _SOON = 30, 7, 24
_RUBLE = 100


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    now = request.app[CLOCK].now()
    first, last = (now - timedelta(days=_DAYS - 1)).date(), now.date()
    rows = request.app[ROWS]
    days = await rows.all("overview_days", first=first, last=last)
    week, soon = now - timedelta(days=_RECENT), now + timedelta(hours=_SOON)
    counts = await rows.one("overview_counts", first=first, week=week, soon=soon)
    return page(
        request,
        "overview.html",
        counts=counts,
        untrusted_proxy=request.app[METRICS].untrusted_proxy,
        orders=bar_chart.build([(one["day"], one["orders"]) for one in days]),
        income=bar_chart.build([(one["day"], one["income"]) for one in days], unit=_RUBLE),
        days=_DAYS,
        soon=_SOON,
        box=(bar_chart.WIDTH, bar_chart.HEIGHT),
    )


ROUTES: tuple[Route, ...] = (route("GET", "/admin/", show, "admin.overview", documented=False),)
