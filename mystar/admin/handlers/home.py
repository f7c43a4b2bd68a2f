"""The overview: what needs attention, figures of a period beside those of the one before, and charts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from aiohttp import web

from mystar.admin import bar_chart, periods
from mystar.admin.access import actor_of, staff, zone_in
from mystar.admin.handlers.render import page
from mystar.admin.keys import CLOCK, ROWS
from mystar.admin.zones import start_of
from mystar.alarms.keys import ALARMS
from mystar.errors import Text
from mystar.kit.postgres.database import Row
from mystar.kit.web.observability import METRICS
from mystar.kit.web.routes import Route, route

#: Days that a discrepancy is shown, and hours before its end that a hold is shown.
_RECENT, _SOON = 7, 24
_RUBLE = 100
#: Of "1,25 млн" beside a chart on a phone.
_MONEY_WIDTH = 116


@dataclass(frozen=True, slots=True)
class Figure:
    """``change``: against the period before, in percent. ``href``: the list that it counts."""

    title: Text
    value: int
    before: int
    is_money: bool
    href: str

    @property
    def change(self) -> str:
        return periods.change(self.value, self.before)


#: Name in the query, title, whether it is kopecks, and the list.
_FIGURES = (
    ("orders", Text("заказы", "orders"), False, "/admin/orders/"),
    ("captured", Text("списано с покупателей", "captured from buyers"), True, "/admin/ledger/?reason=capture"),
    ("refunded", Text("возвращено покупателям", "refunded to buyers"), True, "/admin/ledger/?reason=refund"),
    (
        "commission",
        Text("комиссия площадки", "commission of the platform"),
        True,
        "/admin/earning-entries/?account=platform",
    ),
    ("people", Text("новые люди", "new people"), False, "/admin/accounts/"),
)


class Waiting(NamedTuple):
    """Something that needs a person: how much of it there is, and the list that has it."""

    title: Text
    href: str
    number: int
    is_bad: bool


#: Name in the query, title, list, and whether it is red; the most urgent first.
_WAITING = (
    (
        "unknown_payouts",
        Text("Выплаты с неизвестным исходом", "Payouts with an unknown outcome"),
        "/admin/payouts/?status=unknown",
        True,
    ),
    ("disputes", Text("Споры ждут решения", "Disputes wait for a decision"), "/admin/disputes/", True),
    ("reports", Text("Жалобы ждут решения", "Reports wait for a decision"), "/admin/reports/", True),
    ("refused_receipts", Text("Чеки отклонены", "Receipts were refused"), "/admin/receipts/?status=refused", True),
    ("failed_messages", Text("Не удалось отправить", "Could not be sent"), "/admin/outbox/?failed=yes", True),
    (
        "payouts_to_approve",
        Text("Выплаты ждут решения", "Payouts wait for approval"),
        "/admin/payouts/?status=requested",
        False,
    ),
    (
        "failed_payouts",
        Text("Выплаты не прошли за неделю", "Payouts that failed this week"),
        "/admin/payouts/?status=failed&since={week}",
        False,
    ),
    (
        "returned_payouts",
        Text("Выплаты вернулись за неделю", "Payouts that came back this week"),
        "/admin/payouts/?status=returned&since={week}",
        False,
    ),
    (
        "ending_holds",
        Text(f"Удержания закончатся в ближайшие {_SOON} ч", f"Holds that end within {_SOON} h"),
        "/admin/payments/?status=held",
        False,
    ),
    (
        "discrepancies",
        Text("Расхождения с провайдером за неделю", "Discrepancies with the provider this week"),
        "/admin/discrepancies/",
        False,
    ),
)


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    now, zone, rows = request.app[CLOCK].now(), zone_in(request), request.app[ROWS]
    period = periods.read(request.query, now.astimezone(zone).date())
    week, soon = now - timedelta(days=_RECENT), now + timedelta(hours=_SOON)
    alarms, actor = request.app[ALARMS], actor_of(request)
    counts = await rows.one("overview_counts", week=week, soon=soon)
    assert counts is not None
    since = week.astimezone(zone).date()
    return page(
        request,
        "overview.html",
        counts=counts,
        alarms=await alarms.current(actor),
        measured=await alarms.measure(actor),
        now=now,
        untrusted_proxy=request.app[METRICS].untrusted_proxy,
        waiting=[
            Waiting(title, href.format(week=since), counts[name], is_bad)
            for name, title, href, is_bad in _WAITING
            if counts[name]
        ],
        period=period,
        choices=periods.CHOICES,
        step=periods.STEPS[period.step],
        figures=[
            Figure(title, now_[name], before[name], is_money, f"{href}{'&' if '?' in href else '?'}{_days(period)}")
            for now_, before in [[await _figures(request, one) for one in (period, period.before)]]
            for name, title, is_money, href in _FIGURES
        ],
        **await _charts(request, period),
    )


def _days(period: periods.Period) -> str:
    return f"since={period.first}&until={period.last}"


async def _figures(request: web.Request, period: periods.Period) -> Row:
    zone = zone_in(request)
    first, end = start_of(period.first, zone), start_of(period.last + timedelta(days=1), zone)
    found = await request.app[ROWS].one("overview_figures", first=first, end=end)
    assert found is not None
    return found


async def _charts(request: web.Request, period: periods.Period) -> dict[str, Any]:
    zone = zone_in(request)
    steps = await request.app[ROWS].all(
        "overview_steps",
        first=period.first,
        last=period.last,
        start=start_of(period.first, zone),
        end=start_of(period.last + timedelta(days=1), zone),
        step=period.step,
        # The database knows names of zones and offsets; that of the period's end does for its days.
        offset=start_of(period.last, zone).utcoffset(),
    )
    return {
        "steps": steps,
        "orders": bar_chart.build([(one["day"], one["orders"]) for one in steps]),
        "income": bar_chart.build([(one["day"], one["income"]) for one in steps], unit=_RUBLE, left=_MONEY_WIDTH),
        "box": (bar_chart.WIDTH, bar_chart.HEIGHT),
    }


ROUTES: tuple[Route, ...] = (route("GET", "/admin/", show, "admin.overview", documented=False),)
