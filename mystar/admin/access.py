"""The door of the panel: a session's token in a cookie, a role, and for every form a token that others cannot know.

A member of the staff comes with the cookie or, as a program, with a bearer token. A browser adds cookies to forms of
strangers as well, so a form counts only with the token of its session and, when the browser says where it comes from,
only from our own pages. Nothing of a request is believed before that.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs
from yarl import URL

from mystar.accounts.access import set_actor, token_of
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import Actor, Role
from mystar.admin.keys import PANEL_SECURITY
from mystar.admin.model import FormForged, NotStaff, RoleTooLow, Staff
from mystar.errors import Unauthenticated
from mystar.kit.security.tokens import Signer
from mystar.kit.web.http import PUBLIC_URL, language_of
from mystar.kit.web.multipart import form

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Where forms carry their token.
TOKEN_FIELD = "form_token"
_SESSION, _VISIT, _LANGUAGE = "mystar_admin", "mystar_admin_visit", "mystar_admin_language"
_STAFF = web.RequestKey("staff", Staff)
_PATH = "/admin"


@dataclass(frozen=True, slots=True)
class PanelSecurity:
    """What the door needs. ``longest``: seconds that a session of the panel lives."""

    signer: Signer
    longest: int


def staff(least: Role) -> Callable[[Handler], Handler]:
    """Only for staff of this role or a higher one. What is sent to the handler has been checked for forgery."""

    def closed(handler: Handler) -> Handler:
        @wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            request[_STAFF] = found = await recognise(request)
            set_actor(request, found.actor)
            if found.actor.role is None:
                raise NotStaff
            if found.by_cookie and request.method not in ("GET", "HEAD"):
                await _require_own_form(request, "form", found.actor.session_id)
            if not found.is_at_least(least):
                raise RoleTooLow
            return await handler(request)

        guarded.__least__ = least  # type: ignore[attr-defined]
        documented: Handler = docs(security=[{"bearer": []}])(guarded)
        return documented

    return closed


def staff_of(request: web.Request) -> Staff:
    """Who is asking, inside a ``@staff`` handler."""
    return request[_STAFF]


def maybe_staff_of(request: web.Request) -> Staff | None:
    """Who is asking, as far as the door has found out."""
    return request.get(_STAFF)


def actor_of(request: web.Request) -> Actor:
    return staff_of(request).actor


def wants_json(request: web.Request) -> bool:
    """Whoever brings a bearer token, or asks for JSON, is a program."""
    return token_of(request) is not None or "application/json" in request.headers.get("Accept", "")


def language_in(request: web.Request) -> str:
    """ "ru" or "en": as chosen in the panel, else as the browser prefers."""
    chosen = request.cookies.get(_LANGUAGE)
    return chosen if chosen in ("ru", "en") else language_of(request)


async def recognise(request: web.Request) -> Staff:
    """Who comes, by the cookie or by a bearer token.

    :raises Unauthenticated: neither a living session in the cookie nor a living token.
    """
    accounts, bearer = request.app[ACCOUNTS], token_of(request)
    if bearer is not None:
        return Staff(await accounts.authenticate(bearer), by_cookie=False)
    token = request.cookies.get(_SESSION)
    if not token:
        raise Unauthenticated
    return Staff(await accounts.authenticate(token), by_cookie=True)


# Cookies and tokens.


def open_session(request: web.Request, response: web.Response, access: str) -> None:
    """Keep the session's token where no script and no other site reaches it."""
    _set_cookie(request, response, _SESSION, access, max_age=request.app[PANEL_SECURITY].longest)


def close_session(response: web.Response) -> None:
    response.del_cookie(_SESSION, path=_PATH)


def keep_language(request: web.Request, response: web.Response, language: str) -> None:
    _set_cookie(request, response, _LANGUAGE, language, max_age=365 * 86_400)


def form_token(request: web.Request) -> str:
    """For the forms of whoever is signed in."""
    return request.app[PANEL_SECURITY].signer.sign("form", staff_of(request).actor.session_id)


def visit(request: web.Request) -> str:
    """Names a browser that nobody is signed in with; the form that signs in is bound to it."""
    return request.cookies.get(_VISIT, "")[:64] or secrets.token_urlsafe(16)


def visit_token(request: web.Request, visit: str) -> str:
    return request.app[PANEL_SECURITY].signer.sign("visit", visit)


def keep_visit(request: web.Request, response: web.Response, visit: str) -> None:
    _set_cookie(request, response, _VISIT, visit, max_age=86_400)


async def require_own_visit(request: web.Request) -> None:
    """:raises FormForged: the form that signs in was not given to this browser, or is sent from elsewhere."""
    await _require_own_form(request, "visit", request.cookies.get(_VISIT, "")[:64])


async def _require_own_form(request: web.Request, purpose: str, *parts: object) -> None:
    if not _is_from_here(request):
        raise FormForged
    token = (await form(request)).get(TOKEN_FIELD, "")
    if not isinstance(token, str) or not request.app[PANEL_SECURITY].signer.verify(token, purpose, *parts):
        raise FormForged


def _is_from_here(request: web.Request) -> bool:
    """By what browsers say of themselves and pages cannot make them say; old ones say nothing."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        asked, ours = URL(origin), URL(request.app[PUBLIC_URL])
    except ValueError:
        return False
    # A proxy may pass on the name that people type, or ask by a name of its own.
    return bool(asked.host) and asked.authority in (request.host, ours.authority, ours.host)


def _set_cookie(request: web.Request, response: web.Response, name: str, value: str, **options: Any) -> None:
    secure = request.app[PUBLIC_URL].startswith("https://")
    response.set_cookie(name, value, path=_PATH, httponly=True, samesite="Strict", secure=secure, **options)
