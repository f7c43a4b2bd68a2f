"""Announcements: writing one, looking at it with the number of people, sending and stopping it."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from aiohttp import web

from mystar.admin.access import actor_of, staff
from mystar.admin.handlers.forms import ID, is_checked, path_id, text_field
from mystar.admin.handlers.render import action_response, page
from mystar.admin.lists.announcement_labels import ANNOUNCEMENT_STATES, AUDIENCES
from mystar.errors import Invalid, Text
from mystar.kit.web.routes import Route, route
from mystar.notifications.announcements.model import (
    LANGUAGES,
    MAX_SUBJECT,
    MAX_TEXT,
    AnnouncementDraft,
    AnnouncementUnseen,
    Audience,
    require_complete,
)
from mystar.notifications.keys import ANNOUNCEMENTS

_PAGE = "/admin/announcements/"
_CHOOSE = Text("Выберите, кому.", "Choose to whom.")


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    return await _page(request, None)


async def _page(request: web.Request, draft: AnnouncementDraft | None, **values: Any) -> web.Response:
    return page(
        request,
        "announcements.html",
        draft=draft,
        sent=await request.app[ANNOUNCEMENTS].latest(actor_of(request)),
        audiences=AUDIENCES,
        states=ANNOUNCEMENT_STATES,
        max_subject=MAX_SUBJECT,
        max_text=MAX_TEXT,
        count=values.get("count"),
        seen=_digest(draft) if draft else "",
    )


async def _typed(request: web.Request) -> AnnouncementDraft:
    audience = await text_field(request, "audience", max_length=20)
    if audience not in list(Audience):
        raise Invalid(fields={"audience": [_CHOOSE]})
    texts = {
        language: {
            "subject": await text_field(request, f"{language}_subject", max_length=MAX_SUBJECT, min_length=1),
            "text": await text_field(request, f"{language}_text", max_length=MAX_TEXT, min_length=1),
        }
        for language in LANGUAGES
    }
    key = await text_field(request, "key", max_length=40) or secrets.token_urlsafe(16)
    draft = AnnouncementDraft(key, Audience(audience), texts, await is_checked(request, "by_mail"))
    require_complete(draft)
    return draft


def _digest(draft: AnnouncementDraft) -> str:
    """Of what a preview shows."""
    shown = json.dumps([str(draft.audience), draft.texts, draft.by_mail], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()


@staff("owner")
async def preview(request: web.Request) -> web.Response:
    """What was typed, in both languages, and how many people it goes to; nothing is sent. :raises Invalid:"""
    draft = await _typed(request)
    return await _page(request, draft, count=await request.app[ANNOUNCEMENTS].count(actor_of(request), draft.audience))


@staff("owner", is_sensitive=True)
async def send(request: web.Request) -> web.Response:
    """:raises Invalid: :raises AnnouncementUnseen: :raises AnnouncementSent: a second click."""
    draft = await _typed(request)
    if await text_field(request, "seen", max_length=64) != _digest(draft):
        raise AnnouncementUnseen
    await request.app[ANNOUNCEMENTS].send(actor_of(request), draft)
    return action_response(request, _PAGE)


@staff("owner")
async def stop(request: web.Request) -> web.Response:
    """:raises AnnouncementUnknown: :raises AnnouncementSent: everybody has it."""
    await request.app[ANNOUNCEMENTS].stop(actor_of(request), path_id(request))
    return action_response(request, _PAGE)


ROUTES: tuple[Route, ...] = (
    route("GET", _PAGE, show, "admin.announcements", documented=False),
    route("POST", f"{_PAGE}preview/", preview, "admin.announcement-preview", documented=False),
    route("POST", f"{_PAGE}send/", send, "admin.announcement-send", documented=False),
    route("POST", f"{_PAGE}{ID}/stop/", stop, "admin.announcement-stop", documented=False),
)
