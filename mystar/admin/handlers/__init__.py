"""The pages and the deeds of the panel."""

from __future__ import annotations

from mystar.admin.handlers import assets, lists, signing
from mystar.kit.routes import Route

ROUTES: tuple[Route, ...] = (
    *signing.ROUTES,
    *assets.ROUTES,
    *lists.ROUTES,
)
