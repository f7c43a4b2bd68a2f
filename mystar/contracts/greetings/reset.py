"""The mailed password link and the form behind it."""

from __future__ import annotations

from mystar.kit.routes import Route

ROUTES: tuple[Route, ...] = ()
