"""Avatar, hello video and congratulation."""

from __future__ import annotations

from mystar.kit.routes import Route

ROUTES: tuple[Route, ...] = ()
