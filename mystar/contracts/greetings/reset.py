"""Resetting a password: the mailed link and its form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import client_info
from mystar.accounts.keys import PASSWORDS
from mystar.accounts.password_rule import MAX_LENGTH, MIN_LENGTH
from mystar.accounts.schemas import EMAIL_MAX_LENGTH, Password
from mystar.contracts.greetings.answers import PAGE, json_or_page, named
from mystar.errors import Invalid, Text, TooMany
from mystar.kit.web.fields import BaseSchema, PlainText
from mystar.kit.web.http import html_response, json_response, language_of, wants_page
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import body_of, query_of

OK = {"status": "OK"}
_DIFFERENT = Text("Пароли не совпадают.", "The passwords do not match.")


class GreetingsResetRequest(BaseSchema):
    email = PlainText(required=True, min_length=1, max_length=EMAIL_MAX_LENGTH)


class GreetingsResetToken(BaseSchema):
    token = PlainText(load_default="", max_length=200)


class GreetingsNewPassword(GreetingsResetToken):
    """Nothing is required: the handler reports missing fields in the page of the form."""

    password = Password(load_default="")
    passwordRepeat = Password(load_default=None, allow_none=True)


class GreetingsStatus(BaseSchema):
    status = fields.String(required=True)


@docs(tags=["greetings: password"], summary="Mail a password reset link, if the account exists")
@json_schema(GreetingsResetRequest)
@response_schema(GreetingsStatus, 200)
async def request_reset(request: web.Request) -> web.Response:
    await request.app[PASSWORDS].ask_reset(body_of(request)["email"], client_info(request))
    return json_response(OK)


@docs(
    tags=["greetings: password"],
    summary="Show the form of a password reset link",
    responses={200: {"description": "The form", "content": PAGE}},
)
@querystring_schema(GreetingsResetToken)
async def show_form(request: web.Request) -> web.Response:
    token = query_of(request)["token"]
    await request.app[PASSWORDS].check_reset_link(token, client_info(request))
    return _form(request, token)


@docs(
    tags=["greetings: password"],
    summary="Set a new password by a reset link",
    description="The form of a browser gets a page.",
    responses={200: json_or_page(named(GreetingsStatus))},
)
@json_schema(GreetingsNewPassword)
async def set_password(request: web.Request) -> web.Response:
    body = body_of(request)
    try:
        if body["passwordRepeat"] not in (None, body["password"]):
            raise Invalid(fields={"passwordRepeat": [_DIFFERENT]})
        await request.app[PASSWORDS].reset_password(body["token"], body["password"], client_info(request))
    except (Invalid, TooMany) as refusal:
        if not wants_page(request):
            raise
        return _refused_form(request, body["token"], refusal)
    if wants_page(request):
        return html_response(
            render_page("reset_done.html", language_of(request), back=request.app[SITE].link("greetings", "home"))
        )
    return json_response(OK)


@docs(tags=["greetings: password"], summary="Check whether a password reset link is valid")
@json_schema(GreetingsResetToken)
@response_schema(GreetingsStatus, 200)
async def validate_token(request: web.Request) -> web.Response:
    await request.app[PASSWORDS].check_reset_link(body_of(request)["token"], client_info(request))
    return json_response(OK)


def _refused_form(request: web.Request, token: str, refusal: Invalid | TooMany) -> web.Response:
    language = language_of(request)
    if isinstance(refusal, Invalid):
        return _form(request, token, errors=refusal.field_messages(language), status=400)
    response = _form(request, token, message=refusal.message(language), status=429)
    response.headers["Retry-After"] = str(refusal.details["retry_after"])
    return response


def _form(
    request: web.Request,
    token: str,
    *,
    errors: Mapping[str, Sequence[str]] | None = None,
    message: str = "",
    status: int = 200,
) -> web.Response:
    page = render_page(
        "reset_form.html",
        language_of(request),
        token=token,
        errors=errors or {},
        message=message,
        shortest=MIN_LENGTH,
        longest=MAX_LENGTH,
    )
    return html_response(page, status)


_DOCUMENTED: tuple[Route, ...] = (
    route("POST", "/password_reset/", request_reset, "greetings.password-reset"),
    route("GET", "/password_reset/confirm/", show_form, "greetings.password-reset-confirm"),
    route("POST", "/password_reset/confirm/", set_password, "greetings.password-reset-confirm"),
    route("POST", "/password_reset/validate_token/", validate_token, "greetings.password-reset-validate"),
)
#: Newer clients spell the address with a hyphen.
ROUTES: tuple[Route, ...] = _DOCUMENTED + tuple(
    alias(one.path.replace("password_reset", "password-reset"), one) for one in _DOCUMENTED
)
