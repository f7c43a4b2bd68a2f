"""Silencing an alarm; the overview shows them."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import actor_of, staff
from mystar.admin.handlers.forms import ID, path_id
from mystar.admin.handlers.render import action_response
from mystar.alarms.keys import ALARMS
from mystar.kit.web.routes import Route, route


@staff("owner")
async def silence(request: web.Request) -> web.Response:
    """:raises NotFound: it is over."""
    await request.app[ALARMS].silence(actor_of(request), path_id(request))
    return action_response(request, "/admin/")


ROUTES: tuple[Route, ...] = (
    route("POST", f"/admin/alarms/{ID}/silence/", silence, "admin.alarm-silence", documented=False),
)
