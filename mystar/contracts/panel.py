"""The dialect of the panel: pages, and JSON of the market dialect for programs with a token."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.factors.model import ChallengeUnknown, ProofMissing, SecondFactorRefused
from mystar.accounts.model import LoginRefused, ReauthenticationFailed, ReauthenticationNeeded, StaffFactorNeeded
from mystar.admin.access import language_in, wants_json
from mystar.admin.handlers import ROUTES
from mystar.admin.handlers.render import error_page, redirect, refused_page
from mystar.admin.handlers.security import ask_step_up, step_up_refused
from mystar.admin.handlers.signing import ask_sign_in, sign_in_refused
from mystar.contracts import market
from mystar.contracts.base import Contract
from mystar.errors import MystarError, TooMany, Unauthenticated

#: Of the forms that ask who one is: they are shown again with what was wrong.
_SHOWN_IN_FORMS = (
    LoginRefused,
    SecondFactorRefused,
    ChallengeUnknown,
    ProofMissing,
    ReauthenticationFailed,
    TooMany,
)


def render_error(error: MystarError, status: int, _: str, request: web.Request) -> web.Response:
    language = language_in(request)
    if wants_json(request):
        return market.render_error(error, status, language, request)
    if isinstance(error, _SHOWN_IN_FORMS):
        form = sign_in_refused(request, error, status) or step_up_refused(request, error, status)
        if form is not None:
            return form
    if isinstance(error, ReauthenticationNeeded):
        return ask_step_up(request, status)
    if isinstance(error, StaffFactorNeeded):
        return redirect("/admin/security/")
    if isinstance(error, Unauthenticated):
        return ask_sign_in(request, error, status)
    return refused_page(request, error, status) or error_page(request, error, status)


CONTRACT = Contract("admin", ("/admin",), ROUTES, render_error, market.ERROR_SCHEMA, refuses_by_pages=True)
