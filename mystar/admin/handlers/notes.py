"""Notes of the staff: their forms, and a field for one in the form of an action."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import get_args

from aiohttp import web

from mystar.admin.access import Handler, actor_of, staff
from mystar.admin.handlers.forms import ID, path_id, text_field
from mystar.admin.handlers.render import action_response
from mystar.admin.keys import NOTES
from mystar.admin.notes.model import MAX_LENGTH, Kind, Note, Subject
from mystar.kit.web.routes import Route, route


async def notes_of(request: web.Request, kind: Kind, id_: int) -> list[Note]:
    """What the page of an order, a person or a service shows."""
    return await request.app[NOTES].of(actor_of(request), Subject(kind, id_))


async def with_note(request: web.Request, kind: Kind, id_: int) -> AbstractAsyncContextManager[None]:
    """Runs an action together with the note of its form, if there is one: both or neither."""
    text = await text_field(request, "note", max_length=MAX_LENGTH)
    return request.app[NOTES].beside(actor_of(request), Subject(kind, id_), text)


def add(kind: Kind) -> Handler:
    """The handler that adds a note to an order, a person or a service."""

    @staff("operator")
    async def handler(request: web.Request) -> web.Response:
        """:raises Invalid: :raises NotFound:"""
        text = await text_field(request, "note", max_length=MAX_LENGTH)
        await request.app[NOTES].add(actor_of(request), Subject(kind, path_id(request)), text)
        return action_response(request, f"/admin/{kind}s/{path_id(request)}/")

    return handler


ROUTES: tuple[Route, ...] = tuple(
    route("POST", f"/admin/{kind}s/{ID}/notes/", add(kind), f"admin.{kind}-note", documented=False)
    for kind in get_args(Kind)
)
