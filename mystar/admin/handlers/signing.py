"""Sign-in, sign-out and the choice of the language."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from mystar.accounts.access import client_info, set_device_cookie
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import Actor
from mystar.admin import access
from mystar.admin.access import actor_of, staff
from mystar.admin.handlers.render import local_path, page, redirect
from mystar.admin.model import NotStaff
from mystar.errors import Unauthenticated
from mystar.kit.web.multipart import form
from mystar.kit.web.routes import Route, route

#: The typed log-in and the page to open after sign-in.
_TYPED = web.RequestKey("typed", tuple)


async def show(request: web.Request) -> web.Response:
    """The sign-in form; staff with a session are redirected."""
    where = local_path(request.query.get("next", ""))
    with suppress(Unauthenticated):
        if (await access.authenticate(request)).actor.is_staff:
            return redirect(where)
    return _form(request, where)


async def sign_in(request: web.Request) -> web.Response:
    """Open a session for staff; other accounts are refused.

    :raises FormForged: :raises LoginRefused: :raises TooMany: :raises NotStaff:
    """
    await access.require_own_visit(request)
    values = await form(request)
    login, where = _text(values.get("login")), _text(values.get("next"))
    # Every character of a password counts.
    password = str(values.get("password", ""))[:1000]
    request[_TYPED] = (login, local_path(where))
    accounts = request.app[ACCOUNTS]
    session = await accounts.log_in(client_info(request), "admin", login, password)
    account = session.account
    if account.role is None:
        await accounts.log_out(Actor(account.id, session.session_id, account.username))
        raise NotStaff
    response = redirect(local_path(where))
    access.open_session(request, response, session.access)
    set_device_cookie(request, response, session)
    return response


def sign_in_refused(request: web.Request, message: str, status: int) -> web.Response | None:
    """The sign-in form with the typed log-in and the error; None if the request was not a sign-in."""
    typed = request.get(_TYPED)
    return _form(request, typed[1], typed[0], message, status) if typed else None


@staff("viewer")
async def sign_out(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].log_out(actor_of(request))
    response = redirect("/admin/sign-in/")
    access.close_session(request, response)
    return response


async def choose_language(request: web.Request) -> web.Response:
    response = redirect(local_path(request.query.get("back", "")))
    access.keep_language(request, response, request.match_info["language"])
    return response


def _form(request: web.Request, where: str, login: str = "", message: str = "", status: int = 200) -> web.Response:
    visit = access.visit(request)
    token = access.visit_token(request, visit)
    response = page(request, "sign_in.html", status, visit_token=token, next=where, login=login, message=message)
    access.keep_visit(request, response, visit)
    return response


def _text(value: object) -> str:
    """Without characters that cannot be typed."""
    return "".join(filter(str.isprintable, value))[:1000] if isinstance(value, str) else ""


ROUTES: tuple[Route, ...] = (
    route("GET", "/admin/sign-in/", show, "admin.door", documented=False),
    route("POST", "/admin/sign-in/", sign_in, "admin.door", documented=False),
    route("POST", "/admin/sign-out/", sign_out, "admin.sign-out", documented=False),
    route("GET", "/admin/language/{language:ru|en}/", choose_language, "admin.language", documented=False),
)
