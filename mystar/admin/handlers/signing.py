"""Sign-in in one step or two, sign-out and the choice of the language."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from aiohttp import web

from mystar.accounts.access import client_info, set_device_cookie
from mystar.accounts.factors.model import ChallengeUnknown, SecondFactorRequired
from mystar.accounts.keys import ACCOUNTS, SECOND_STEP
from mystar.accounts.model import Actor, LoginRefused, NewSession
from mystar.admin import access
from mystar.admin.access import actor_of, language_in, staff
from mystar.admin.handlers.passkeys import credential_field, options_data, proof_fields
from mystar.admin.handlers.render import local_path, page, redirect
from mystar.admin.model import NotStaff
from mystar.errors import MystarError, Unauthenticated
from mystar.kit.web.multipart import form
from mystar.kit.web.routes import Route, route


class _Typed(NamedTuple):
    """What the form has to show again: the log-in, or the challenge of the second step, and the page to open then."""

    where: str
    login: str = ""
    challenge: str = ""


_TYPED = web.RequestKey("typed", _Typed)


async def show(request: web.Request) -> web.Response:
    """The sign-in form; staff with a session are redirected."""
    where = local_path(request.query.get("next", ""))
    with suppress(Unauthenticated):
        actor = (await access.authenticate(request)).actor
        if actor.role or actor.pending_role:
            return redirect(where)
    return _form(request, _Typed(where))


async def sign_in(request: web.Request) -> web.Response:
    """Open a session for staff, or ask for the second factor; other accounts are refused.

    :raises FormForged: :raises LoginRefused: :raises TooMany: :raises NotStaff:
    """
    await access.require_own_visit(request)
    values = await form(request)
    login, where = _text(values.get("login")), local_path(_text(values.get("next")))
    # Every character of a password counts.
    password = str(values.get("password", ""))[:1000]
    request[_TYPED] = _Typed(where, login)
    try:
        session = await request.app[ACCOUNTS].log_in(client_info(request), "admin", login, password)
    except SecondFactorRequired as asked:
        return _second_form(request, _Typed(where, challenge=asked.details["challenge"]))
    return await _signed_in(request, session, where)


async def second_step(request: web.Request) -> web.Response:
    """Finish a sign-in with a code or a passkey.

    :raises FormForged: :raises ChallengeUnknown: :raises SecondFactorRefused: :raises TooMany: :raises NotStaff:
    """
    await access.require_own_visit(request)
    values = await form(request)
    challenge, where = _text(values.get("challenge")), local_path(_text(values.get("next")))
    request[_TYPED] = _Typed(where, challenge=challenge)
    proof = await proof_fields(request)
    session = await request.app[SECOND_STEP].finish(challenge, proof, client_info(request), "admin")
    return await _signed_in(request, session, where)


async def second_step_options(request: web.Request) -> web.Response:
    """For the script: what to ask the account's passkeys for. :raises FormForged: :raises ChallengeUnknown:"""
    await access.require_own_visit(request)
    challenge = _text((await form(request)).get("challenge"))
    return options_data(await request.app[SECOND_STEP].passkey_options(challenge, client_info(request)))


async def passkey_options(request: web.Request) -> web.Response:
    """For the script: begin a sign-in with a passkey alone. :raises FormForged: :raises TooMany:"""
    await access.require_own_visit(request)
    return options_data(await request.app[SECOND_STEP].begin_passkey(client_info(request)))


async def passkey_sign_in(request: web.Request) -> web.Response:
    """Sign in with a passkey alone.

    :raises FormForged: :raises ChallengeUnknown: :raises SecondFactorRefused: :raises TooMany: :raises NotStaff:
    """
    await access.require_own_visit(request)
    values = await form(request)
    where = local_path(_text(values.get("next")))
    request[_TYPED] = _Typed(where)
    session = await request.app[SECOND_STEP].finish_passkey(
        _text(values.get("challenge")), await credential_field(request), client_info(request), "admin"
    )
    return await _signed_in(request, session, where)


async def _signed_in(request: web.Request, session: NewSession, where: str) -> web.Response:
    account = session.account
    if account.role is None:
        await request.app[ACCOUNTS].log_out(Actor(account.id, session.session_id, account.username))
        raise NotStaff
    response = redirect(where)
    access.open_session(request, response, session.access)
    set_device_cookie(request, response, session)
    return response


def sign_in_refused(request: web.Request, error: MystarError, status: int) -> web.Response | None:
    """The form with what was typed and the error; None if the request was not a sign-in."""
    typed, message = request.get(_TYPED), error.message(language_in(request))
    if typed is None:
        return None
    if typed.challenge and not isinstance(error, ChallengeUnknown | LoginRefused):
        return _second_form(request, typed, message, status)
    return _form(request, typed, message, status)


@staff("viewer", is_setup=True)
async def sign_out(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].log_out(actor_of(request))
    response = redirect("/admin/sign-in/")
    access.close_session(request, response)
    return response


async def choose_language(request: web.Request) -> web.Response:
    response = redirect(local_path(request.query.get("back", "")))
    access.keep_language(request, response, request.match_info["language"])
    return response


def _form(request: web.Request, typed: _Typed, message: str = "", status: int = 200) -> web.Response:
    return _visited(request, "sign_in.html", typed, message, status)


def _second_form(request: web.Request, typed: _Typed, message: str = "", status: int = 200) -> web.Response:
    return _visited(request, "second_factor.html", typed, message, status)


def _visited(request: web.Request, template: str, typed: _Typed, message: str, status: int) -> web.Response:
    visit = access.visit(request)
    response = page(
        request,
        template,
        status,
        visit_token=access.visit_token(request, visit),
        next=typed.where,
        login=typed.login,
        challenge=typed.challenge,
        message=message,
    )
    access.keep_visit(request, response, visit)
    return response


def _text(value: object) -> str:
    """Without characters that cannot be typed."""
    return "".join(filter(str.isprintable, value))[:1000] if isinstance(value, str) else ""


_SIGN_IN = "/admin/sign-in/"
ROUTES: tuple[Route, ...] = (
    route("GET", _SIGN_IN, show, "admin.door", documented=False),
    route("POST", _SIGN_IN, sign_in, "admin.door", documented=False),
    route("POST", f"{_SIGN_IN}second-factor/", second_step, "admin.second-factor", documented=False),
    route(
        "POST",
        f"{_SIGN_IN}second-factor/options/",
        second_step_options,
        "admin.second-factor-options",
        documented=False,
    ),
    route("POST", f"{_SIGN_IN}passkey/options/", passkey_options, "admin.passkey-options", documented=False),
    route("POST", f"{_SIGN_IN}passkey/", passkey_sign_in, "admin.passkey", documented=False),
    route("POST", "/admin/sign-out/", sign_out, "admin.sign-out", documented=False),
    route("GET", "/admin/language/{language:ru|en}/", choose_language, "admin.language", documented=False),
)
