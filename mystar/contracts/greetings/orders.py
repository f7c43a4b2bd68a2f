"""Orders as the star and the customer see them."""

from __future__ import annotations

from mystar.kit.routes import Route

ROUTES: tuple[Route, ...] = ()
