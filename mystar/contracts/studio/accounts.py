"""Registration and log-in by phone (docs/dialects/studio.md, D34 and D37)."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema
from marshmallow import ValidationError, fields, validates

from mystar.accounts import handlers as market
from mystar.accounts.access import actor_of, client_info, login_required, session_response
from mystar.accounts.drafts import generate_username
from mystar.accounts.factors.handlers import finish_sign_in
from mystar.accounts.factors.schemas import SecondStepDraft
from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import Account, AccountDraft
from mystar.accounts.schemas import NAME_MAX_LENGTH, Password, PhoneNumber, TokenPair
from mystar.contracts.studio.bodies import ID_IN_PATH
from mystar.errors import NotFound, Text
from mystar.kit.web.bare_lists import list_response
from mystar.kit.web.fields import BaseSchema, Id, NoParameters, PlainText
from mystar.kit.web.http import json_response
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import body_of, path_of

TAGS = ["studio: people"]
#: With the plus sign or the domestic 8.
_PHONE_LONGEST = 12
_TOO_LONG = Text(
    f"Убедитесь, что это значение содержит не более {_PHONE_LONGEST} символов.",
    f"Longer than maximum length {_PHONE_LONGEST}.",
)
_NO_PHONE = Text("Введите правильный номер телефона.", "Not a valid phone number.")


class StudioLogin(BaseSchema):
    phone_number = PhoneNumber(required=True)
    password = Password(required=True)


class StudioRegistration(BaseSchema):
    phone_number = PhoneNumber(required=True, metadata={"maxLength": _PHONE_LONGEST})
    password = Password(required=True)
    birthdate = fields.Date(required=True, load_only=True)
    first_name = PlainText(required=True, min_length=1, max_length=NAME_MAX_LENGTH)

    @validates("phone_number")
    def check_phone(self, value: str, **_: Any) -> None:
        if len(value) > _PHONE_LONGEST:
            raise ValidationError([_TOO_LONG])
        # Elsewhere an empty value means "none"; here the field cannot be removed.
        if not value.strip("0"):
            raise ValidationError([_NO_PHONE])


class StudioUser(BaseSchema):
    id = fields.Integer(required=True)
    phone_number = fields.String(required=True, allow_none=True, metadata={"example": "87077776655"})


class StudioUserPath(BaseSchema):
    id = Id(required=True)


@docs(tags=TAGS, summary="Log in by phone")
@json_schema(StudioLogin)
@response_schema(TokenPair, 200)
async def log_in(request: web.Request) -> web.Response:
    body = body_of(request)
    session = await request.app[ACCOUNTS].log_in(client_info(request), "studio", body["phone_number"], body["password"])
    return session_response(request, session, {"refresh": session.refresh, "access": session.access})


@docs(tags=TAGS, summary="Finish a log-in with a second factor")
@json_schema(SecondStepDraft)
@response_schema(TokenPair, 200)
async def second_step(request: web.Request) -> web.Response:
    session = await finish_sign_in(request, "studio")
    return session_response(request, session, {"refresh": session.refresh, "access": session.access})


@docs(tags=TAGS, summary="Register, at the age of 18 or more; creates the profile, too")
@json_schema(StudioRegistration)
@response_schema(StudioUser, 201)
async def register(request: web.Request) -> web.Response:
    body = body_of(request)
    draft = AccountDraft(
        generate_username(), phone=body["phone_number"], birth_date=body["birthdate"], first_name=body["first_name"]
    )
    account = await request.app[ACCOUNTS].register(
        client_info(request), draft, body["password"], "studio", adults_only=True
    )
    return json_response(_view(account), 201)


@docs(tags=TAGS, summary="List accounts: the actor's own")
@login_required
@querystring_schema(NoParameters)
@response_schema(StudioUser(many=True), 200)
async def list_users(request: web.Request) -> web.Response:
    account = await request.app[ACCOUNTS].profile(actor_of(request).id)
    return list_response(request, [_view(account)], 1)


@docs(tags=TAGS, summary="Read the actor's account")
@login_required
@match_info_schema(StudioUserPath)
@response_schema(StudioUser, 200)
async def read_user(request: web.Request) -> web.Response:
    if path_of(request)["id"] != actor_of(request).id:
        raise NotFound
    return json_response(_view(await request.app[ACCOUNTS].profile(actor_of(request).id)))


def _view(account: Account) -> dict[str, Any]:
    return {"id": account.id, "phone_number": account.phone and _as_dialled(account.phone)}


def _as_dialled(phone: str) -> str:
    """In the spelling of this dialect: eleven digits that begin with 8, if the number has one."""
    return f"8{phone[2:]}" if phone.startswith("+7") else phone


ROUTES: tuple[Route, ...] = (
    route("POST", "/api/token/", log_in, "studio.token"),
    route("POST", "/api/token/second-factor/", second_step, "studio.second-factor"),
    # The market dialect's handler reads and answers the same; errors are rendered by this dialect.
    route("POST", "/api/token/refresh/", market.refresh, "studio.token-refresh"),
    route("POST", "/api/accounts/users/", register, "studio.users"),
    route("GET", "/api/accounts/users/", list_users, "studio.users"),
    route("GET", f"/api/accounts/users/{ID_IN_PATH}/", read_user, "studio.user"),
)
