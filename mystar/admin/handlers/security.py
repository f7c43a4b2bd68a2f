"""One's own second factors, and the page that confirms sensitive actions."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web
from yarl import URL

from mystar.accounts.factors.model import Enrolled, FactorCodeWrong, TotpEnrolment
from mystar.accounts.keys import FACTORS, PROFILES, STEP_UP
from mystar.admin.access import actor_of, language_in, staff, zone_in
from mystar.admin.handlers.forms import ID, path_id, text_field
from mystar.admin.handlers.passkeys import credential_field, options_data, proof_fields
from mystar.admin.handlers.render import html_page, local_path, page, redirect
from mystar.admin.refused_forms import KEPT_FIELD, SentForm, filled, sent_form, typed, with_typed
from mystar.admin.zones import ZONES
from mystar.errors import Invalid, MystarError, Text
from mystar.kit.web.routes import Route, route

_PAGE, _STEP_UP = "/admin/security/", "/admin/step-up/"
_NO_ZONE = Text("Такого часового пояса нет.", "There is no such time zone.")
_CHALLENGE_LONGEST = 100
_MAX_KEPT = 120_000
#: The page to return to and what was typed there, while the form of the step-up is handled.
_WHERE, _KEPT = web.RequestKey("step_up_where", str), web.RequestKey("step_up_kept", str)


@staff("viewer", is_setup=True)
async def show(request: web.Request) -> web.Response:
    """The own factors, and the forms that add and remove them."""
    overview = await request.app[FACTORS].overview(actor_of(request))
    return page(request, "security.html", overview=overview, zones=ZONES, chosen=str(zone_in(request)))


@staff("viewer")
async def set_zone(request: web.Request) -> web.Response:
    """The zone in which the panel, and mails, say moments. :raises Invalid:"""
    zone = await text_field(request, "time_zone", max_length=60)
    if zone not in ZONES:
        raise Invalid(fields={"time_zone": [_NO_ZONE]})
    await request.app[PROFILES].edit(actor_of(request), time_zone=zone)
    return redirect(f"{_PAGE}?done=1#zone")


@staff("viewer", is_setup=True)
async def begin_totp(request: web.Request) -> web.Response:
    """Show the key of a new application as a QR code. :raises ReauthenticationNeeded: :raises TotpExists:"""
    return _totp_page(request, await request.app[FACTORS].begin_totp(actor_of(request)))


@staff("viewer", is_setup=True)
async def confirm_totp(request: web.Request) -> web.Response:
    """Add the application by its first code. :raises ChallengeUnknown: :raises TooMany:"""
    factors, actor = request.app[FACTORS], actor_of(request)
    challenge = await text_field(request, "challenge", max_length=_CHALLENGE_LONGEST)
    code, name = await text_field(request, "code", max_length=40), await text_field(request, "name", max_length=60)
    try:
        enrolled = await factors.confirm_totp(actor, challenge, code, name)
    except FactorCodeWrong as wrong:
        html = _totp_page(request, await factors.pending_totp(actor, challenge)).text or ""
        sent = SentForm(request.path, {"name": [name]}, "", html)
        return html_page(filled(html, sent, wrong, language_in(request)), 422)
    return _added(request, enrolled)


@staff("viewer", is_setup=True)
async def passkey_options(request: web.Request) -> web.Response:
    """For the script: what a passkey is made from. :raises ReauthenticationNeeded: :raises TooManyFactors:"""
    return options_data(await request.app[FACTORS].begin_passkey(actor_of(request)))


@staff("viewer", is_setup=True)
async def add_passkey(request: web.Request) -> web.Response:
    """:raises ChallengeUnknown: :raises PasskeyRefused: :raises PasskeyExists:"""
    challenge = await text_field(request, "challenge", max_length=_CHALLENGE_LONGEST)
    credential, name = await credential_field(request), await text_field(request, "name", max_length=60)
    return _added(request, await request.app[FACTORS].add_passkey(actor_of(request), challenge, credential, name))


@staff("viewer", is_setup=True)
async def remove(request: web.Request) -> web.Response:
    """:raises FactorUnknown: :raises LastStaffFactor: :raises ReauthenticationNeeded:"""
    await request.app[FACTORS].remove(actor_of(request), path_id(request))
    return redirect(f"{_PAGE}?done=1")


@staff("viewer", is_setup=True)
async def renew_codes(request: web.Request) -> web.Response:
    """:raises NoFactors: :raises ReauthenticationNeeded:"""
    codes = await request.app[FACTORS].renew_codes(actor_of(request))
    return page(request, "recovery_codes.html", codes=codes)


def _totp_page(request: web.Request, begun: TotpEnrolment) -> web.Response:
    return page(request, "totp.html", begun=begun)


def _added(request: web.Request, enrolled: Enrolled) -> web.Response:
    """The recovery codes, which are shown once; without new ones back to the list."""
    if not enrolled.recovery_codes:
        return redirect(f"{_PAGE}?done=1")
    return page(request, "recovery_codes.html", codes=enrolled.recovery_codes)


# Step-up


@staff("viewer", is_setup=True)
async def show_step_up(request: web.Request) -> web.Response:
    """Ask for the password or a factor before a sensitive action."""
    return _form(request, local_path(request.query.get("next", "")))


@staff("viewer", is_setup=True)
async def step_up(request: web.Request) -> web.Response:
    """Confirm, then go back to the page of the action. :raises ReauthenticationFailed: :raises TooMany:"""
    where = local_path(await text_field(request, "next", max_length=2000))
    request[_WHERE] = where
    request[_KEPT] = kept = await text_field(request, KEPT_FIELD, max_length=_MAX_KEPT)
    actor, password = actor_of(request), await text_field(request, "password", max_length=1000)
    if password:
        await request.app[STEP_UP].reauthenticate(actor, password)
    else:
        challenge = await text_field(request, "challenge", max_length=_CHALLENGE_LONGEST)
        await request.app[FACTORS].reauthenticate(actor, await proof_fields(request), challenge)
    confirmed = str(URL(where, encoded=True).update_query(confirmed="1"))
    html = await with_typed(request, confirmed, kept) if kept else ""
    return html_page(html) if html else redirect(confirmed)


@staff("viewer", is_setup=True)
async def step_up_options(request: web.Request) -> web.Response:
    """For the script. :raises NoFactors: :raises TooMany:"""
    return options_data(await request.app[FACTORS].step_up_options(actor_of(request)))


def ask_step_up(request: web.Request, status: int) -> web.Response:
    """The form that asks for the password, and keeps what was typed; without that a redirect to it."""
    sent = sent_form(request)
    here = request.path_qs if request.method == "GET" else (sent.page if sent else "")
    kept = typed(sent) if sent else ""
    if kept:
        return _form(request, local_path(here), status=status, kept=kept)
    return redirect(f"{_STEP_UP}?next={quote(local_path(here), safe='')}")


def step_up_refused(request: web.Request, error: MystarError, status: int) -> web.Response | None:
    """The page with the error; None if the request was not its form."""
    where, sent = request.get(_WHERE), sent_form(request)
    if where is None or sent is None:
        return None
    html = _form(request, where, kept=request.get(_KEPT, "")).text or ""
    return html_page(filled(html, sent._replace(page=""), error, language_in(request)), status)


def _form(request: web.Request, where: str, status: int = 200, kept: str = "") -> web.Response:
    return page(request, "step_up.html", status, next=where, kept=kept)


ROUTES: tuple[Route, ...] = (
    route("GET", _PAGE, show, "admin.security", documented=False),
    route("POST", f"{_PAGE}zone/", set_zone, "admin.security-zone", documented=False),
    route("POST", f"{_PAGE}totp/", begin_totp, "admin.security-totp", documented=False),
    route("POST", f"{_PAGE}totp/confirm/", confirm_totp, "admin.security-totp-confirm", documented=False),
    route("POST", f"{_PAGE}passkeys/options/", passkey_options, "admin.security-passkey-options", documented=False),
    route("POST", f"{_PAGE}passkeys/", add_passkey, "admin.security-passkeys", documented=False),
    route("POST", f"{_PAGE}recovery-codes/", renew_codes, "admin.security-recovery-codes", documented=False),
    route("POST", f"{_PAGE}factors/{ID}/remove/", remove, "admin.security-remove", documented=False),
    route("GET", _STEP_UP, show_step_up, "admin.step-up", documented=False),
    route("POST", _STEP_UP, step_up, "admin.step-up", documented=False),
    route("POST", f"{_STEP_UP}options/", step_up_options, "admin.step-up-options", documented=False),
)
