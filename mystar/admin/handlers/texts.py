"""Texts of mails: the owner changes them, looks at the mail before, and goes back to an earlier version."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.admin.access import actor_of, staff, staff_of
from mystar.admin.handlers.forms import number_field, text_field
from mystar.admin.handlers.render import action_response, page
from mystar.kit.web.http import html_response
from mystar.kit.web.routes import Route, route
from mystar.texts.keys import TEXTS
from mystar.texts.model import LANGUAGES, LONGEST, EditableText, Parts, editable
from mystar.texts.service import text_of

_NAME = r"{name:[a-z_]{1,40}\.[a-z_]{1,40}}"
#: Of the mail itself, which brings its styles; nothing else is loaded or run.
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_MAX_ID = 2**63 - 1


@staff("viewer")
async def show_all(request: web.Request) -> web.Response:
    return page(request, "texts.html", texts=editable(), changed=await request.app[TEXTS].current(actor_of(request)))


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """:raises TextUnknown:"""
    text = text_of(request.match_info["name"])
    held = (await request.app[TEXTS].current(actor_of(request))).get(text.name)
    return await _page(request, text, (held.parts if held else None) or text.built_in)


async def _page(request: web.Request, text: EditableText, parts: Parts, **values: Any) -> web.Response:
    history = await request.app[TEXTS].history(actor_of(request), text.name)
    return page(
        request,
        "text.html",
        text=text,
        parts=parts,
        history=history,
        seen=history[0].id if history else 0,
        longest=LONGEST,
        preview=values.get("preview"),
    )


async def _typed(request: web.Request, text: EditableText) -> Parts:
    return {
        language: {
            part: await text_field(request, f"{language}_{part}", max_length=LONGEST[part], min_length=1)
            for part in text.parts
        }
        for language in LANGUAGES
    }


@staff("owner", is_sensitive=True)
async def save(request: web.Request) -> web.Response:
    """:raises TextUnknown: :raises Invalid: by field. :raises TextChangedMeanwhile:"""
    text = text_of(request.match_info["name"])
    parts = await _typed(request, text)
    seen = await number_field(request, "seen", max_value=_MAX_ID) if staff_of(request).by_cookie else None
    await request.app[TEXTS].save(actor_of(request), text.name, parts, seen=seen)
    return action_response(request, f"/admin/texts/{text.name}/")


@staff("owner")
async def preview(request: web.Request) -> web.Response:
    """The mail of what was typed, in both languages; nothing is saved. :raises TextUnknown: :raises Invalid:"""
    text = text_of(request.match_info["name"])
    parts = await _typed(request, text)
    return await _page(request, text, parts, preview=request.app[TEXTS].preview(text.name, parts))


@staff("viewer")
async def show_mail(request: web.Request) -> web.Response:
    """The mail as it is sent now, with sample values. :raises TextUnknown:"""
    text = text_of(request.match_info["name"])
    held = (await request.app[TEXTS].current(actor_of(request))).get(text.name)
    made = request.app[TEXTS].preview(text.name, (held.parts if held else None) or text.built_in)
    html = made[request.match_info["language"]]["html"]
    return html_response(html, headers={"Content-Security-Policy": _MAIL_POLICY})


@staff("owner", is_sensitive=True)
async def restore(request: web.Request) -> web.Response:
    """:raises TextUnknown: :raises Invalid: the version does not fit what is built in by now."""
    text = text_of(request.match_info["name"])
    version = await number_field(request, "version", max_value=_MAX_ID)
    await request.app[TEXTS].restore(actor_of(request), text.name, version)
    return action_response(request, f"/admin/texts/{text.name}/")


_TEXT = f"/admin/texts/{_NAME}/"
ROUTES: tuple[Route, ...] = (
    route("GET", "/admin/texts/", show_all, "admin.texts", documented=False),
    route("GET", _TEXT, show, "admin.text", documented=False),
    route("POST", _TEXT, save, "admin.text", documented=False),
    route("POST", f"{_TEXT}preview/", preview, "admin.text-preview", documented=False),
    route("POST", f"{_TEXT}restore/", restore, "admin.text-restore", documented=False),
    route("GET", f"{_TEXT}{{language:ru|en}}/", show_mail, "admin.text-mail", documented=False),
)
