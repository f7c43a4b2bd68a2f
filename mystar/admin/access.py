"""Access to the panel: an access token in a cookie, a role, and a CSRF token in every form.

Staff authenticate with the cookie, programs with a bearer token. Browsers send cookies with forms of other sites as
well, so a form is accepted only with the CSRF token of its session and, if the browser states the origin, only from
our own pages. This is checked before anything else in the request is used.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import wraps

from aiohttp import web
from aiohttp_apispec import docs
from yarl import URL

from mystar.accounts.access import set_actor, token_of
from mystar.accounts.keys import ACCOUNTS, STEP_UP
from mystar.accounts.model import Actor, Role, StaffFactorNeeded
from mystar.admin import refused_forms
from mystar.admin.keys import CLOCK, PANEL_SECURITY, ROWS
from mystar.admin.model import FormForged, NotStaff, RoleTooLow, Staff
from mystar.admin.refused_forms import TOKEN_FIELD
from mystar.errors import Unauthenticated
from mystar.kit.moments import zone_of
from mystar.kit.security.tokens import Signer
from mystar.kit.web.http import PUBLIC_URL, cookie_name, delete_cookie, is_https, language_of, set_cookie
from mystar.kit.web.multipart import form

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SESSION, _VISIT, _LANGUAGE = "mystar_admin", "mystar_admin_visit", "mystar_admin_language"
_STAFF = web.RequestKey("staff", Staff)
_ZONE = web.RequestKey("staff_zone", tzinfo)
_PATH = "/admin"


@dataclass(frozen=True, slots=True)
class PanelSecurity:
    """``max_age``: lifetime of the session cookie in seconds."""

    signer: Signer
    max_age: int


def staff(min_role: Role, *, is_setup: bool = False, is_sensitive: bool = False) -> Callable[[Handler], Handler]:
    """Requires staff of this role or a higher one, and a valid CSRF token in forms.

    :param is_setup: open to staff who have to set up a second factor first.
    :param is_sensitive: requires step-up, too (D64).
    """

    def closed(handler: Handler) -> Handler:
        async def admit(request: web.Request) -> None:
            request[_STAFF] = found = await authenticate(request)
            if found.by_cookie:
                request[_ZONE] = await _zone(request, found.actor)
            set_actor(request, found.actor)
            is_pending = found.actor.pending_role is not None
            if found.actor.role is None and not is_pending:
                raise NotStaff
            if found.by_cookie and request.method not in ("GET", "HEAD"):
                await _require_own_form(request, "form", found.actor.session_id)
            if is_pending and not is_setup:
                raise StaffFactorNeeded
            if not (is_pending or found.is_at_least(min_role)):
                raise RoleTooLow
            if is_sensitive:
                await request.app[STEP_UP].require(found.actor)

        @wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                await admit(request)
                return await handler(request)
            except Exception as error:
                if _is_shown_again(request, error):
                    await refused_forms.keep(request, has_session=_STAFF in request)
                raise

        guarded.__least__, guarded.__is_sensitive__ = min_role, is_sensitive  # type: ignore[attr-defined]
        documented: Handler = docs(security=[{"bearer": []}])(guarded)
        return documented

    return closed


def _is_shown_again(request: web.Request, error: Exception) -> bool:
    """Forms of browsers; of a form without a valid token only where the browser says that it is the site's own."""
    if request.method != "POST" or wants_json(request):
        return False
    is_doubtful = isinstance(error, FormForged | Unauthenticated)
    return not is_doubtful or refused_forms.is_sent_by_own_page(request)


async def _zone(request: web.Request, actor: Actor) -> tzinfo:
    row = await request.app[ROWS].one("staff_zone", id=actor.id)
    return zone_of(row["time_zone"] if row else None, request.app[CLOCK].zone)


def zone_in(request: web.Request) -> tzinfo:
    """In which the member of the staff reads moments; before the sign-in that of the installation."""
    return request[_ZONE] if _ZONE in request else request.app[CLOCK].zone


def staff_of(request: web.Request) -> Staff:
    """The member of the staff, inside a ``@staff`` handler."""
    return request[_STAFF]


def maybe_staff_of(request: web.Request) -> Staff | None:
    """The member of the staff, if authenticated."""
    return request.get(_STAFF)


def actor_of(request: web.Request) -> Actor:
    return staff_of(request).actor


def wants_json(request: web.Request) -> bool:
    """Whether the client is a program: it sends a bearer token, or accepts JSON."""
    return token_of(request) is not None or "application/json" in request.headers.get("Accept", "")


def language_in(request: web.Request) -> str:
    """ "ru" or "en": the choice in the panel, else by ``Accept-Language``."""
    chosen = request.cookies.get(_LANGUAGE)
    return chosen if chosen in ("ru", "en") else language_of(request)


async def authenticate(request: web.Request) -> Staff:
    """Authenticate by the cookie or by a bearer token.

    :raises Unauthenticated: neither is valid.
    """
    accounts, bearer = request.app[ACCOUNTS], token_of(request)
    if bearer is not None:
        return Staff(await accounts.authenticate(bearer), by_cookie=False)
    token = request.cookies.get(cookie_name(request, _SESSION))
    if not token:
        raise Unauthenticated
    return Staff(await accounts.authenticate(token), by_cookie=True)


# Cookies and CSRF tokens.


def open_session(request: web.Request, response: web.Response, access: str) -> None:
    """Set the session cookie, which scripts and other sites cannot read."""
    name, age = cookie_name(request, _SESSION), request.app[PANEL_SECURITY].max_age
    set_cookie(request, response, name, access, samesite="Strict", path=_session_path(request), max_age=age)


def session_cookie(request: web.Request, access: str) -> dict[str, str]:
    """The session's cookie, as the browser sends it from the next request on."""
    return {cookie_name(request, _SESSION): access}


def close_session(request: web.Request, response: web.Response) -> None:
    delete_cookie(request, response, cookie_name(request, _SESSION), samesite="Strict", path=_session_path(request))


def _session_path(request: web.Request) -> str:
    """A cookie with the prefix ``__Host-`` has the path ``/``."""
    return "/" if is_https(request) else _PATH


def keep_language(request: web.Request, response: web.Response, language: str) -> None:
    set_cookie(request, response, _LANGUAGE, language, samesite="Strict", path=_PATH, max_age=365 * 86_400)


def form_token(request: web.Request) -> str:
    """The CSRF token of the current session."""
    return request.app[PANEL_SECURITY].signer.sign("form", staff_of(request).actor.session_id)


def visit(request: web.Request) -> str:
    """Identifies a browser before sign-in; the CSRF token of the sign-in form is bound to it."""
    return request.cookies.get(_VISIT, "")[:64] or secrets.token_urlsafe(16)


def visit_token(request: web.Request, visit: str) -> str:
    return request.app[PANEL_SECURITY].signer.sign("visit", visit)


def keep_visit(request: web.Request, response: web.Response, visit: str) -> None:
    set_cookie(request, response, _VISIT, visit, samesite="Strict", path=_PATH, max_age=86_400)


async def require_own_visit(request: web.Request) -> None:
    """:raises FormForged: the sign-in form was not given to this browser, or comes from another site."""
    await _require_own_form(request, "visit", request.cookies.get(_VISIT, "")[:64])


async def _require_own_form(request: web.Request, purpose: str, *parts: object) -> None:
    if not _is_from_here(request):
        raise FormForged
    token = (await form(request)).get(TOKEN_FIELD, "")
    if not isinstance(token, str) or not request.app[PANEL_SECURITY].signer.verify(token, purpose, *parts):
        raise FormForged


def _is_from_here(request: web.Request) -> bool:
    """By headers that pages cannot set; old browsers do not send them."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        sender = URL(origin)
        # A proxy may keep the client's Host, without the port that the scheme implies, or send its own.
        names = (URL(request.app[PUBLIC_URL]), URL(f"{sender.scheme}://{request.host}"))
        return bool(sender.raw_host) and any(_is_same_server(sender, name) for name in names)
    except ValueError:
        return False


def _is_same_server(one: URL, other: URL) -> bool:
    """Equal hosts, names in IDNA, and equal ports, those of the scheme where none is given."""
    return one.raw_host == other.raw_host and one.port == other.port
