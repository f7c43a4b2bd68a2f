"""Sign-in in one step or two, sign-out and the choice of the language."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

from mystar.accounts.access import client_info, set_device_cookie
from mystar.accounts.factors.model import ChallengeUnknown, SecondFactorRequired
from mystar.accounts.keys import ACCOUNTS, SECOND_STEP
from mystar.accounts.model import Actor, LoginRefused, NewSession
from mystar.admin import access
from mystar.admin.access import actor_of, language_in, staff
from mystar.admin.handlers.passkeys import credential_field, options_data, proof_fields
from mystar.admin.handlers.render import error_page, html_page, local_path, page, redirect
from mystar.admin.model import NotStaff
from mystar.admin.refused_forms import KEPT_FIELD, SentForm, filled, sent_form, with_typed
from mystar.admin.refused_forms import typed as kept_text
from mystar.errors import MystarError, Unauthenticated
from mystar.kit.web.multipart import form
from mystar.kit.web.refilled_forms import has_form
from mystar.kit.web.routes import Route, route


class _Typed(NamedTuple):
    """What the form has to show again: the log-in, or the challenge of the second step, and the page to open then.

    ``kept``: what was typed in a form of that page before the session ended.
    """

    where: str
    login: str = ""
    challenge: str = ""
    kept: str = ""


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
    kept = _kept(values)
    request[_TYPED] = _Typed(where, login, kept=kept)
    try:
        session = await request.app[ACCOUNTS].log_in(client_info(request), "admin", login, password)
    except SecondFactorRequired as asked:
        return _second_form(request, _Typed(where, challenge=asked.details["challenge"], kept=kept))
    return await _signed_in(request, session, where, kept)


async def second_step(request: web.Request) -> web.Response:
    """Finish a sign-in with a code or a passkey.

    :raises FormForged: :raises ChallengeUnknown: :raises SecondFactorRefused: :raises TooMany: :raises NotStaff:
    """
    await access.require_own_visit(request)
    values = await form(request)
    challenge, where = _text(values.get("challenge")), local_path(_text(values.get("next")))
    request[_TYPED] = _Typed(where, challenge=challenge, kept=_kept(values))
    proof = await proof_fields(request)
    session = await request.app[SECOND_STEP].finish(challenge, proof, client_info(request), "admin")
    return await _signed_in(request, session, where, _kept(values))


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
    request[_TYPED] = _Typed(where, kept=_kept(values))
    session = await request.app[SECOND_STEP].finish_passkey(
        _text(values.get("challenge")), await credential_field(request), client_info(request), "admin"
    )
    return await _signed_in(request, session, where, _kept(values))


async def _signed_in(request: web.Request, session: NewSession, where: str, kept: str) -> web.Response:
    account = session.account
    if account.role is None:
        await request.app[ACCOUNTS].log_out(Actor(account.id, session.session_id, account.username))
        raise NotStaff
    cookies = access.session_cookie(request, session.access)
    html = await with_typed(request, where, kept, cookies) if kept else ""
    response = html_page(html) if html else redirect(where)
    access.open_session(request, response, session.access)
    set_device_cookie(request, response, session)
    return response


def sign_in_refused(request: web.Request, error: MystarError, status: int) -> web.Response | None:
    """The form with what was typed and the error; None if the request was not a sign-in."""
    typed = request.get(_TYPED)
    if typed is None:
        return None
    if typed.challenge and not isinstance(error, ChallengeUnknown | LoginRefused):
        return _refused(request, _second_form(request, typed), typed, error, status)
    return _refused(request, _form(request, typed), typed, error, status)


def ask_sign_in(request: web.Request, error: MystarError, status: int) -> web.Response:
    """A redirect to the sign-in form; where a form was sent, the sign-in form itself, which keeps what was typed."""
    if request.method in ("GET", "HEAD"):
        return redirect(f"{_SIGN_IN}?next={quote(request.path_qs)}")
    sent = sent_form(request)
    if sent is None:
        return error_page(request, error, status)
    typed = _Typed(local_path(sent.page), kept=kept_text(sent))
    return _refused(request, _form(request, typed), typed, error, status)


def _refused(request: web.Request, shown: web.Response, typed: _Typed, error: MystarError, status: int) -> web.Response:
    """The form with what is wrong beside its fields."""
    html = shown.text or ""
    # A sign-in that begins anew is sent to another address than the step that was refused.
    action = request.path if has_form(html, request.path) else _SIGN_IN
    sent = SentForm(action, {"login": [typed.login]}, "", html)
    shown.text = filled(html, sent, error, language_in(request))
    shown.set_status(status)
    return shown


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


def _form(request: web.Request, typed: _Typed) -> web.Response:
    return _visited(request, "sign_in.html", typed)


def _second_form(request: web.Request, typed: _Typed) -> web.Response:
    return _visited(request, "second_factor.html", typed)


def _visited(request: web.Request, template: str, typed: _Typed) -> web.Response:
    visit = access.visit(request)
    response = page(
        request,
        template,
        visit_token=access.visit_token(request, visit),
        next=typed.where,
        login=typed.login,
        challenge=typed.challenge,
        kept=typed.kept,
    )
    access.keep_visit(request, response, visit)
    return response


def _kept(values: Mapping[str, object]) -> str:
    value = values.get(KEPT_FIELD, "")
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    """Without characters that cannot be typed."""
    return "".join(filter(str.isprintable, value))[:1000] if isinstance(value, str) else ""


_SIGN_IN = "/admin/sign-in/"
ROUTES: tuple[Route, ...] = (
    route("GET", _SIGN_IN, show, "admin.login", documented=False),
    route("POST", _SIGN_IN, sign_in, "admin.login", documented=False),
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
