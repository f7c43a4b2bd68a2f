"""Rendering of pages: one layout, one language, nothing loaded from other sites."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from mystar.admin import formats
from mystar.admin.access import form_token, language_in, maybe_staff_of, staff_of, zone_in
from mystar.admin.audit_words import before_value, words_of
from mystar.admin.keys import CLOCK
from mystar.admin.lists import MENU
from mystar.admin.lists.code_labels import VOCABULARIES
from mystar.admin.lists.labels import ROLES, TONES
from mystar.admin.refused_forms import TOKEN_FIELD, sent_form, shown_again
from mystar.admin.rule_words import condition_words
from mystar.admin.zones import label
from mystar.errors import MystarError, Text
from mystar.kit.web.http import html_response, json_response
from mystar.payments.model import refusal_reason

_HEADERS = {
    # Styles, scripts, pictures and form targets only from this site; no framing.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not "no-referrer", with which browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def set_up(app: web.Application) -> None:
    """Register the templates with the application."""
    app[aiohttp_jinja2.APP_KEY] = environment()


@cache
def environment() -> Environment:
    """The templates, which know nothing of an application: a process compiles each once."""
    made = Environment(
        loader=PackageLoader("mystar.admin", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(_FILTERS)
    return made


def page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """A page in the language of the panel. Templates translate with ``t``; every form needs ``form_token``."""
    language, found = language_in(request), maybe_staff_of(request)
    signed_in = found is not None and found.by_cookie and found.actor.role is not None
    has_form = signed_in or (found is not None and found.by_cookie and found.actor.pending_role is not None)

    def t(ru: str | Text, en: str = "") -> str:
        return (ru if isinstance(ru, Text) else Text(ru, en)).in_(language)

    def code(vocabulary: str, value: object) -> str:
        return code_words(vocabulary, value).in_(language)

    context = {
        "language": language,
        "t": t,
        "code": code,
        "refusal_reason": refusal_reason,
        "staff": found if signed_in else None,
        "form_token": form_token(request) if has_form else "",
        "token_field": TOKEN_FIELD,
        "menu": MENU,
        "roles": ROLES,
        "here": request.path,
        "back": request.path_qs if request.method == "GET" else "/admin/",
        "version": _version(),
        "zone": label(zone_in(request), request.app[CLOCK].now()),
        "done": "done" in request.query,
        "confirmed": "confirmed" in request.query,
        "may_operate": signed_in and staff_of(request).is_at_least("operator"),
        "is_owner": signed_in and staff_of(request).is_at_least("owner"),
        **values,
    }
    with formats.written_for(language, zone_in(request)):
        return html_response(aiohttp_jinja2.render_string(template, request, context), status, _HEADERS)


def error_page(request: web.Request, error: MystarError, status: int) -> web.Response:
    """The page of an error."""
    language = language_in(request)
    message, fields = error.message(language), error.field_messages(language)
    texts = [text for texts in fields.values() for text in texts if text != message]
    sent = sent_form(request)
    typed = [text for texts in sent.values.values() for text in texts if text] if sent else []
    # An unknown address asks for no session, so that the page does not know whether there is one.
    values = {"message": message, "texts": texts, "typed": typed, "is_missing": status == 404}
    return page(request, "error.html", status, **values)


def refused_page(request: web.Request, error: MystarError, status: int) -> web.Response | None:
    """The page that the form was on, with what was typed and what is wrong; None if the request was no form."""
    sent = sent_form(request)
    html = shown_again(sent, error, language_in(request)) if sent else ""
    return html_page(html, status) if html else None


def html_page(html: str, status: int = 200) -> web.Response:
    """A page of the panel that is rendered already."""
    return html_response(html, status, _HEADERS)


def action_response(request: web.Request, path: str) -> web.Response:
    """The response to an action: a redirect for browsers, 204 for programs."""
    if not staff_of(request).by_cookie:
        return web.Response(status=204)
    return redirect(f"{path}{'&' if '?' in path else '?'}done=1")


def redirect(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def local_path(path: str, otherwise: str = "/admin/") -> str:
    """The path, if it is a path of the panel; a link from elsewhere cannot redirect to another site."""
    safe = path.startswith("/admin/") and "//" not in path and "\\" not in path and path.isprintable()
    return path if safe else otherwise


def data(body: Mapping[str, Any]) -> web.Response:
    return json_response(body, headers={"Cache-Control": "no-store"})


@cache
def asset(name: str) -> bytes:
    return resources.files("mystar.admin").joinpath("static", name).read_bytes()


@cache
def _version() -> str:
    """A hash of the assets, so that browsers can cache them."""
    return hashlib.sha256(b"".join(map(asset, ("panel.css", "panel.js", "passkeys.js")))).hexdigest()[:12]


# Template filters.


def code_words(vocabulary: str, value: object) -> Text:
    """Words for a code; what has none is shown as it is."""
    return VOCABULARIES[vocabulary].get(str(value)) or Text(str(value or ""), str(value or ""))


def tone(word: object) -> str:
    return TONES.get(str(word), "plain")


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "audit": words_of,
    "before_value": before_value,
    "conditions": condition_words,
    "words": code_words,
    "number": formats.number,
    "moment": formats.moment,
    "kept_moment": formats.kept_moment,
    "day": formats.day,
    "money": formats.money,
    "size": formats.size,
    "short": formats.short,
    "short_day": formats.short_day,
    "month": formats.month,
    "fraction": formats.fraction,
    "tone": tone,
}
