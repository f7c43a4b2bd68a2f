"""Registration, log-in, and the address and country of the client (docs/dialects/messenger.md#accounts-and-users)."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, response_schema
from marshmallow import ValidationError, fields

from mystar.accounts.access import client_info, session_response
from mystar.accounts.credentials import InvalidCredential, normalize_email
from mystar.accounts.factors.handlers import finish_sign_in
from mystar.accounts.factors.schemas import SecondStepDraft
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import AccountDraft
from mystar.accounts.schemas import EMAIL_MAX_LENGTH, Password
from mystar.kit.web.fields import BaseSchema, StrictText
from mystar.kit.web.http import address_of, json_response
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import body_of

TAGS = ["messenger: people"]
SUCCESS = {"detail": "success"}
#: Texts that clients compare.
DETAILS = {"taken": "User already exist."}
_REGION = re.compile(r"[A-Za-z]{2}|\d{3}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}")


class MailAddress(StrictText):
    """An e-mail address."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        try:
            normalize_email(text)
        except InvalidCredential as unfit:
            raise ValidationError([unfit.text]) from unfit
        return text


class MessengerRegistration(BaseSchema):
    """The bounds of this dialect; the rules of names and passwords are those of all dialects (D11)."""

    username = StrictText(required=True, min_length=4, max_length=20)
    email = MailAddress(required=True, max_length=EMAIL_MAX_LENGTH)
    password = Password(required=True)
    description = StrictText(load_default="", allow_none=True, max_length=190)
    status = StrictText(load_default="", allow_none=True, max_length=30)


class MessengerLogin(BaseSchema):
    email = MailAddress(required=True, max_length=EMAIL_MAX_LENGTH)
    password = Password(required=True)


class MessengerSuccess(BaseSchema):
    detail = fields.String(required=True, metadata={"enum": ["success"]})


class MessengerSignedIn(BaseSchema):
    token = fields.String(required=True)
    type = fields.String(required=True, metadata={"enum": ["Bearer"]})


class MessengerPlace(BaseSchema):
    detail = fields.String(required=True, metadata={"description": "A country such as RU, else a language such as ru."})
    ip = fields.String(required=True, metadata={"description": "The address of the client."})


@docs(tags=TAGS, summary="Register; the e-mail is confirmed by a mailed link, in the language of Accept-Language")
@json_schema(MessengerRegistration)
@response_schema(MessengerSuccess, 200)
async def register(request: web.Request) -> web.Response:
    body = body_of(request)
    draft = AccountDraft(body["username"], body["email"], bio=body["description"] or "", status=body["status"] or "")
    await request.app[ACCOUNTS].register(client_info(request), draft, body["password"], "messenger")
    return json_response(SUCCESS)


@docs(tags=TAGS, summary="Log in by e-mail")
@json_schema(MessengerLogin)
@response_schema(MessengerSignedIn, 200)
async def log_in(request: web.Request) -> web.Response:
    body = body_of(request)
    session = await request.app[ACCOUNTS].log_in(client_info(request), "messenger", body["email"], body["password"])
    return session_response(request, session, {"token": session.access, "type": "Bearer"})


@docs(tags=TAGS, summary="Finish a log-in with a second factor")
@json_schema(SecondStepDraft)
@response_schema(MessengerSignedIn, 200)
async def second_step(request: web.Request) -> web.Response:
    session = await finish_sign_in(request, "messenger")
    return session_response(request, session, {"token": session.access, "type": "Bearer"})


@docs(
    tags=TAGS,
    summary="Read the caller's address and language",
    description="Taken from the request's headers; no geolocation service is called.",
)
@response_schema(MessengerPlace, 200)
async def current_place(request: web.Request) -> web.Response:
    place = country_or_language(request.headers.get("Accept-Language", ""))
    return json_response({"detail": place, "ip": address_of(request)}, headers={"Cache-Control": "no-store"})


def country_or_language(header: str) -> str:
    """Of the first tag in ``Accept-Language`` (BCP 47): "en-GB, ru" → "GB", "ru" → "ru", nothing → "ru"."""
    language, *others = header[:200].partition(",")[0].partition(";")[0].strip().split("-")
    region = next((part for part in others if _REGION.fullmatch(part)), None)
    if not _LANGUAGE.fullmatch(language):
        return "ru"
    return region.upper() if region else language.lower()


ROUTES: tuple[Route, ...] = (
    route("POST", "/auth/register/", register, "messenger.registration"),
    route("POST", "/auth/login/", log_in, "messenger.login"),
    route("POST", "/auth/login/second-factor/", second_step, "messenger.second-factor"),
    route("GET", "/auth/current_ip/", current_place, "messenger.current-ip"),
)
