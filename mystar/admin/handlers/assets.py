"""The style sheet and the scripts."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.handlers.render import asset
from mystar.errors import NotFound
from mystar.kit.web.routes import Route, route

_TYPES = {"panel.css": "text/css", "panel.js": "text/javascript", "passkeys.js": "text/javascript"}


async def serve(request: web.Request) -> web.Response:
    """:raises NotFound: any other name."""
    name = request.match_info["name"]
    if name not in _TYPES:
        raise NotFound
    headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=asset(name), content_type=_TYPES[name], charset="utf-8", headers=headers)


ROUTES: tuple[Route, ...] = (route("GET", r"/admin/static/{name:[\w.]+}", serve, "admin.static", documented=False),)
