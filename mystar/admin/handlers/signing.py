"""Coming in, going out, and in which language."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from mystar.accounts.access import client_info, set_device_cookie
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import Actor
from mystar.admin import access
from mystar.admin.access import actor_of, staff
from mystar.admin.handlers.render import go, local, page
from mystar.admin.model import NotStaff
from mystar.errors import Unauthenticated
from mystar.kit.web.routes import Route, route

#: The log-in and the page that somebody who signs in wants to see.
_TYPED = web.RequestKey("typed", tuple)


async def show(request: web.Request) -> web.Response:
    """The form; staff who are in already go on."""
    where = local(request.query.get("next", ""))
    with suppress(Unauthenticated):
        if (await access.recognise(request)).actor.is_staff:
            return go(where)
    return _form(request, where)


async def sign_in(request: web.Request) -> web.Response:
    """A session for staff. Others hear that this is not their place, and get none.

    :raises FormForged: :raises LoginRefused: :raises TooMany: :raises NotStaff:
    """
    await access.require_own_visit(request)
    form = await request.post()
    login, where = _text(form.get("login")), _text(form.get("next"))
    # Of a password every character counts.
    password = str(form.get("password", ""))[:1000]
    request[_TYPED] = (login, local(where))
    accounts = request.app[ACCOUNTS]
    session = await accounts.log_in(client_info(request), "admin", login, password)
    account = session.account
    if account.role is None:
        await accounts.log_out(Actor(account.id, session.session_id, account.username))
        raise NotStaff
    response = go(local(where))
    access.open_session(request, response, session.access)
    set_device_cookie(request, response, session)
    return response


def refused(request: web.Request, words: str, status: int) -> web.Response | None:
    """The form once more, with what was typed and why it did not open; None = nobody was signing in."""
    typed = request.get(_TYPED)
    return _form(request, typed[1], typed[0], words, status) if typed else None


@staff("viewer")
async def sign_out(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].log_out(actor_of(request))
    response = go("/admin/sign-in/")
    access.close_session(response)
    return response


async def choose_language(request: web.Request) -> web.Response:
    response = go(local(request.query.get("back", "")))
    access.keep_language(request, response, request.match_info["language"])
    return response


def _form(request: web.Request, where: str, login: str = "", words: str = "", status: int = 200) -> web.Response:
    visit = access.visit(request)
    token = access.visit_token(request, visit)
    response = page(request, "sign_in.html", status, visit_token=token, next=where, login=login, words=words)
    access.keep_visit(request, response, visit)
    return response


def _text(value: object) -> str:
    """What no keyboard types, and no column holds, is left out."""
    return "".join(filter(str.isprintable, value))[:1000] if isinstance(value, str) else ""


ROUTES: tuple[Route, ...] = (
    route("GET", "/admin/sign-in/", show, "admin.door", documented=False),
    route("POST", "/admin/sign-in/", sign_in, "admin.door", documented=False),
    route("POST", "/admin/sign-out/", sign_out, "admin.sign-out", documented=False),
    route("GET", "/admin/language/{language:ru|en}/", choose_language, "admin.language", documented=False),
)
