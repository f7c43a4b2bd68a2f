"""A message of the outbox: its content, its error, and sending it again."""

from __future__ import annotations

import json
import re

from aiohttp import web

from mystar.admin.access import staff
from mystar.admin.handlers.forms import ID, load_row, path_id
from mystar.admin.handlers.render import action_response, page
from mystar.admin.keys import OUTBOX_ADMIN
from mystar.admin.lists.labels import OUTBOX_STATES
from mystar.kit.outbox.mail import TOPICS as MAIL_TOPICS
from mystar.kit.web.routes import Route, route

_LINK = re.compile(r"https?://[^\s\"<>]+")


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """The content without its links, which open accounts.

    :raises NotFound:
    """
    message = await load_row(request, "outbox_page")
    payload = message["payload"]
    text = payload["text"] if message["topic"] in MAIL_TOPICS else json.dumps(payload, ensure_ascii=False, indent=2)
    return page(
        request, "outbox_message.html", message=message, text=_LINK.sub("https://…", text), states=OUTBOX_STATES
    )


@staff("operator")
async def retry(request: web.Request) -> web.Response:
    """:raises NotFound: :raises NothingToRetry:"""
    await request.app[OUTBOX_ADMIN].retry(path_id(request))
    return action_response(request, f"/admin/outbox/{path_id(request)}/")


@staff("operator")
async def repeat(request: web.Request) -> web.Response:
    """:raises NotFound: :raises NotRepeatable:"""
    repeated = await request.app[OUTBOX_ADMIN].repeat(path_id(request))
    return action_response(request, f"/admin/outbox/{repeated}/")


ROUTES: tuple[Route, ...] = (
    route("GET", f"/admin/outbox/{ID}/", show, "admin.outbox-message", documented=False),
    route("POST", f"/admin/outbox/{ID}/retry/", retry, "admin.outbox-retry", documented=False),
    route("POST", f"/admin/outbox/{ID}/repeat/", repeat, "admin.outbox-repeat", documented=False),
)
