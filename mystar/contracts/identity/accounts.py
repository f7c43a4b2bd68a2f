"""Registration, log-in and the validation of tokens (``/authorization``, ``/validate/jwt``)."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import client_info, session_response, token_response
from mystar.accounts.drafts import generate_username
from mystar.accounts.factors.handlers import finish_sign_in
from mystar.accounts.factors.schemas import SecondStepDraft
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import AccountDraft, NewSession
from mystar.accounts.schemas import Password, PhoneNumber, TokenPair
from mystar.kit.security.tokens import TokenRefused
from mystar.kit.web.fields import BaseSchema, PlainText
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import body_of, query_of

_EMAIL_LONGEST = 100


class IdentityPhone(PhoneNumber):
    """E.164; required."""

    def __init__(self) -> None:
        super().__init__(required=True, metadata={"example": "+79161234567"})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        """An empty phone, or 0, is none, which other dialects accept."""
        phone = super()._deserialize(value, attr, data, **options)
        if not phone.strip("0"):
            raise self.make_error("required")
        return phone


class IdentityPassword(Password):
    """Despite its name, ``hash_password`` is the password itself (D11)."""

    def __init__(self) -> None:
        super().__init__(required=True)


class IdentityRegistration(BaseSchema):
    phone_number = IdentityPhone()
    email = PlainText(required=True, min_length=5, max_length=_EMAIL_LONGEST)
    hash_password = IdentityPassword()


class IdentityEmailLogin(BaseSchema):
    email = PlainText(required=True, min_length=1, max_length=_EMAIL_LONGEST)
    hash_password = IdentityPassword()


class IdentityPhoneLogin(BaseSchema):
    phone_number = IdentityPhone()
    hash_password = IdentityPassword()


class IdentityRefresh(BaseSchema):
    refresh = fields.String(load_default="")


class IdentityAccess(BaseSchema):
    access = fields.String(load_default="")


_FALSE = {"type": "boolean", "enum": [False], "description": "not a valid token of this kind"}


def _or_false(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [{"type": "object", "required": [*properties], "properties": properties}, _FALSE]}


_TEXT = {"type": "string"}
_EMAIL = {"type": "string", "description": "empty if none was given"}


@docs(tags=["identity: people"], summary="Register by phone and e-mail; starts a session")
@json_schema(IdentityRegistration)
@response_schema(TokenPair, 200)
async def register(request: web.Request) -> web.Response:
    body, client = body_of(request), client_info(request)
    draft = AccountDraft(generate_username(), body["email"].lower(), body["phone_number"])
    account = await request.app[ACCOUNTS].register(client, draft, body["hash_password"], "identity")
    return pair(request, await request.app[ACCOUNTS].sign_in(account.id, client, "identity"))


@docs(tags=["identity: people"], summary="Log in by e-mail")
@json_schema(IdentityEmailLogin)
@response_schema(TokenPair, 200)
async def log_in_by_email(request: web.Request) -> web.Response:
    return await _log_in(request, "email")


@docs(tags=["identity: people"], summary="Log in by phone")
@json_schema(IdentityPhoneLogin)
@response_schema(TokenPair, 200)
async def log_in_by_phone(request: web.Request) -> web.Response:
    return await _log_in(request, "phone_number")


@docs(tags=["identity: people"], summary="Finish a log-in with a second factor")
@json_schema(SecondStepDraft)
@response_schema(TokenPair, 200)
async def second_step(request: web.Request) -> web.Response:
    return pair(request, await finish_sign_in(request, "identity"))


@docs(tags=["identity: people"], summary="Exchange a refresh token for a new access token; false if it is not valid")
@querystring_schema(IdentityRefresh)
@response_schema(_or_false(access=_TEXT, email=_EMAIL), 200)
async def validate_refresh(request: web.Request) -> web.Response:
    try:
        refreshed = await request.app[ACCOUNTS].refresh(query_of(request)["refresh"])
    except TokenRefused:
        return token_response(False)
    return token_response({"access": refreshed.access, "email": refreshed.email or ""})


@docs(tags=["identity: people"], summary="Read the account of an access token; false if it is not valid")
@querystring_schema(IdentityAccess)
@response_schema(_or_false(email=_EMAIL), 200)
async def validate_access(request: web.Request) -> web.Response:
    accounts = request.app[ACCOUNTS]
    try:
        actor = await accounts.authenticate(query_of(request)["access"])
    except TokenRefused:
        return token_response(False)
    return token_response({"email": (await accounts.profile(actor.id)).email or ""})


def pair(request: web.Request, session: NewSession) -> web.Response:
    """The answer of every log-in of this dialect."""
    return session_response(request, session, {"access": session.access, "refresh": session.refresh})


async def _log_in(request: web.Request, field: str) -> web.Response:
    body = body_of(request)
    session = await request.app[ACCOUNTS].log_in(client_info(request), "identity", body[field], body["hash_password"])
    return pair(request, session)


ROUTES: tuple[Route, ...] = (
    route("POST", "/authorization/registration", register, "identity.registration"),
    route("POST", "/authorization/login/email", log_in_by_email, "identity.login-email"),
    route("POST", "/authorization/login/phone/number", log_in_by_phone, "identity.login-phone"),
    route("POST", "/authorization/login/second-factor", second_step, "identity.second-factor"),
    route("GET", "/validate/jwt/refresh", validate_refresh, "identity.validate-refresh"),
    route("GET", "/validate/jwt/access", validate_access, "identity.validate-access"),
)
