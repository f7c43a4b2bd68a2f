"""Pages and actions of the panel."""

from __future__ import annotations

from mystar.admin.handlers import (
    alarms,
    announcements,
    assets,
    bulk,
    commission,
    earnings,
    exports,
    home,
    lists,
    market,
    notes,
    orders,
    outbox,
    people,
    receipts,
    reports,
    search,
    security,
    signing,
    texts,
)
from mystar.kit.web.routes import Route

ROUTES: tuple[Route, ...] = (
    *signing.ROUTES,
    *security.ROUTES,
    *assets.ROUTES,
    *home.ROUTES,
    *alarms.ROUTES,
    *bulk.ROUTES,
    *exports.ROUTES,
    *lists.ROUTES,
    *orders.ROUTES,
    *people.ROUTES,
    *market.ROUTES,
    *notes.ROUTES,
    *outbox.ROUTES,
    *search.ROUTES,
    *receipts.ROUTES,
    *announcements.ROUTES,
    *reports.ROUTES,
    *texts.ROUTES,
    *earnings.ROUTES,
    *commission.ROUTES,
)
