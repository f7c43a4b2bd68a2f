"""Links to pay and to capture, and what the provider tells us."""

from __future__ import annotations

from mystar.kit.routes import Route

ROUTES: tuple[Route, ...] = ()
