"""A letter of the outbox: what it says, why it did not go, and trying again."""

from __future__ import annotations

import json
import re

from aiohttp import web

from mystar.admin.access import staff
from mystar.admin.handlers.forms import ID, id_of, shown
from mystar.admin.handlers.render import acted, page
from mystar.admin.keys import TRIES
from mystar.admin.lists.labels import OUTBOX_STATES
from mystar.kit.web.routes import Route, route

_LINK = re.compile(r"https?://[^\s\"<>]+")


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """What it says, without its links: they open accounts, and are for the recipient alone.

    :raises NotFound:
    """
    letter = await shown(request, "letter_page")
    payload = letter["payload"]
    text = payload["text"] if letter["topic"] == "mail" else json.dumps(payload, ensure_ascii=False, indent=2)
    return page(request, "letter.html", letter=letter, text=_LINK.sub("https://…", text), states=OUTBOX_STATES)


@staff("operator")
async def retry(request: web.Request) -> web.Response:
    """:raises NotFound: :raises NothingToRetry:"""
    await request.app[TRIES].retry(id_of(request))
    return acted(request, f"/admin/outbox/{id_of(request)}/")


@staff("operator")
async def repeat(request: web.Request) -> web.Response:
    """:raises NotFound: :raises NotRepeatable:"""
    repeated = await request.app[TRIES].repeat(id_of(request))
    return acted(request, f"/admin/outbox/{repeated}/")


ROUTES: tuple[Route, ...] = (
    route("GET", f"/admin/outbox/{ID}/", show, "admin.letter", documented=False),
    route("POST", f"/admin/outbox/{ID}/retry/", retry, "admin.letter-retry", documented=False),
    route("POST", f"/admin/outbox/{ID}/repeat/", repeat, "admin.letter-repeat", documented=False),
)
