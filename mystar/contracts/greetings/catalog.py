"""Categories, stars, tags, votes, likes and favourites."""

from __future__ import annotations

from mystar.kit.routes import Route

ROUTES: tuple[Route, ...] = ()
