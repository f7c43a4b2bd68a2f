"""A page with a live chat and notifications: a client of the sockets in plain JavaScript.

It calls the service from another origin, so it also shows that cross-origin calls are allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from aiohttp import web
from yarl import URL

from mystar.sandbox.pages import CONTENTS, page

SERVICE = web.AppKey("service", str)
PEOPLE = web.AppKey("people", Sequence[tuple[str, str]])
_DEFAULT_SERVICE = "http://127.0.0.1:8080"
#: Only our own script; calls and sockets to any service that is typed in.
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src http: https: ws: wss:; style-src 'unsafe-inline';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_to(app: web.Application, *, webhook_url: str | None, people: Sequence[tuple[str, str]] = ()) -> None:
    """The service is the origin of the webhook's URL, unless the page's query names one: `/live/?service=http://…`.

    `people` are the logins and passwords that the page offers.
    """
    app[PEOPLE] = people
    app[SERVICE] = str(URL(webhook_url).origin()) if webhook_url else _DEFAULT_SERVICE
    app.add_routes(ROUTES)
    app[CONTENTS].append(("/live/", "Чат и уведомления вживую", "Chat and notifications, live"))


async def show(request: web.Request) -> web.Response:
    service = request.query.get("service") or request.app[SERVICE]
    return page(request, "live.html", policy=_CONTENT_POLICY, service=service, people=request.app[PEOPLE])


async def script(_request: web.Request) -> web.Response:
    text = (files("mystar.sandbox") / "static" / "live.js").read_text("utf-8")
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return web.Response(text=text, content_type="text/javascript", charset="utf-8", headers=headers)


ROUTES = (web.get("/live/", show), web.get("/live/live.js", script))
