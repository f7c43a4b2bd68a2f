"""Coming in, going out, and in which language."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.access import ACCOUNTS, keep_device, visitor_of
from mystar.accounts.model import Actor, LoginRefused
from mystar.admin import access
from mystar.admin.access import actor_of, language_in, staff
from mystar.admin.handlers.render import go, local, page
from mystar.admin.model import NotStaff
from mystar.errors import MystarError, TooMany
from mystar.kit.routes import Route, route


async def show(request: web.Request) -> web.Response:
    """The form; whoever is in already goes on."""
    try:
        await access.recognise(request)
    except MystarError:
        return _form(request, local(request.query.get("next", "")))
    return go(local(request.query.get("next", "")))


async def sign_in(request: web.Request) -> web.Response:
    """A session for staff. Others hear that this is not their place, and get none.

    :raises FormForged: :raises NotStaff:
    """
    await access.require_own_visit(request)
    form = await request.post()
    login, password, where = (_text(form.get(name)) for name in ("login", "password", "next"))
    accounts = request.app[ACCOUNTS]
    try:
        entered = await accounts.log_in(visitor_of(request), "admin", login, password)
    except (LoginRefused, TooMany) as refusal:
        status = 429 if isinstance(refusal, TooMany) else 401
        return _form(request, local(where), login, refusal.words(language_in(request)), status)
    account = entered.account
    if account.role is None:
        await accounts.log_out(Actor(account.id, entered.session_id, account.username))
        raise NotStaff
    response = go(local(where))
    access.open_session(request, response, entered.access)
    keep_device(request, response, entered)
    return response


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
    return value[:1000] if isinstance(value, str) else ""


ROUTES: tuple[Route, ...] = (
    route("GET", "/admin/sign-in/", show, "admin.door", documented=False),
    route("POST", "/admin/sign-in/", sign_in, "admin.door", documented=False),
    route("POST", "/admin/sign-out/", sign_out, "admin.sign-out", documented=False),
    route("GET", "/admin/language/{language:ru|en}/", choose_language, "admin.language", documented=False),
)
