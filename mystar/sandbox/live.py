"""A page that chats and shows notifications live: what a client of the sockets needs, in plain JavaScript.

It talks to the service from here, another origin, so it also shows that the service allows this.
"""

from __future__ import annotations

from importlib.resources import files

from aiohttp import web
from yarl import URL

from mystar.sandbox.pages import CONTENTS, page

SERVICE = web.AppKey("service", str)
_USUAL = "http://127.0.0.1:8080"
#: Our script and no other; calls and sockets to whatever service is typed in.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src http: https: ws: wss:; style-src 'unsafe-inline';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_to(app: web.Application, *, webhook_url: str | None) -> None:
    """The service is where the webhooks go, unless the page is told otherwise: `/live/?service=http://…`."""
    app[SERVICE] = str(URL(webhook_url).origin()) if webhook_url else _USUAL
    app.add_routes(ROUTES)
    app[CONTENTS].append(("/live/", "Чат и уведомления вживую", "Chat and notifications, live"))


async def show(request: web.Request) -> web.Response:
    service = request.query.get("service") or request.app[SERVICE]
    return page(request, "live.html", policy=_POLICY, service=service)


async def script(_request: web.Request) -> web.Response:
    text = (files("mystar.sandbox") / "static" / "live.js").read_text("utf-8")
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return web.Response(text=text, content_type="text/javascript", charset="utf-8", headers=headers)


ROUTES = (web.get("/live/", show), web.get("/live/live.js", script))
