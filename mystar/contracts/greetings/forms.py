"""Requests to become a star and questions to the support."""

from __future__ import annotations

from mystar.kit.routes import Route

ROUTES: tuple[Route, ...] = ()
