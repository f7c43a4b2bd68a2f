"""Registration, confirmation, login and the personal page."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import ValidationError, fields, post_load, validate

from mystar.accounts.access import actor_of, client_info, login_required, session_response
from mystar.accounts.credentials import national_number
from mystar.accounts.factors.handlers import finish_sign_in
from mystar.accounts.factors.schemas import SecondStepDraft
from mystar.accounts.keys import ACCOUNTS, PROFILES
from mystar.accounts.model import Account, AccountDraft, Actor, Channel, NewSession, Taken
from mystar.accounts.schemas import EMAIL_MAX_LENGTH, BirthDate, Locale, Password, PhoneNumber, TimeZone
from mystar.catalog.keys import CATALOG
from mystar.catalog.model import Star, StarUnknown
from mystar.contracts.greetings.answers import ONE_STRING, ActorId, json_or_page, named
from mystar.errors import Forbidden, Invalid
from mystar.kit.web.fields import BaseSchema, Id, PlainText
from mystar.kit.web.http import html_response, json_response, language_of, wants_page
from mystar.kit.web.routes import Route, route
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import body_of, query_of

REGISTERED = ["Подтвердите Ваш Email"]
ALREADY_CONFIRMED = ["Email уже подтвержден. Войдите."]
NO_AVATAR = "Нет фото"
#: OpenAPI of the bodies that the client compares, whatever the status is.
SAVED = {"type": "integer", "enum": [201]}
REFUSED = {
    "type": "array",
    "prefixItems": [{"type": "array", "items": {"type": "string"}}, {"type": "integer", "enum": [400]}],
    "minItems": 2,
    "maxItems": 2,
}


class GreetingsRegistration(BaseSchema):
    """The desktop client sends the e-mail as ``login``; is_star, register and roles are not read (D1)."""

    username = PlainText(required=True, min_length=1, max_length=32)
    phone = PhoneNumber(load_default="", allow_none=True)
    email = PlainText(max_length=EMAIL_MAX_LENGTH)
    login = PlainText(max_length=EMAIL_MAX_LENGTH)
    password = Password(required=True)
    date_of_birth = BirthDate(load_default=None, allow_none=True)

    @post_load
    def choose_email(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return _first_of(data, "email", "login")


class GreetingsLogin(BaseSchema):
    """One of four fields; the newest client sends the e-mail as ``login``."""

    login = PlainText(max_length=EMAIL_MAX_LENGTH)
    email = PlainText(max_length=EMAIL_MAX_LENGTH)
    username = PlainText(max_length=EMAIL_MAX_LENGTH)
    phone = PhoneNumber()
    password = Password(required=True)

    @post_load
    def choose_login(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return _first_of(data, "login", "email", "username", "phone")


class GreetingsSignedIn(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    phone = fields.Integer(required=True, metadata={"description": "the national number, 0 for none"})
    is_star = fields.Boolean(required=True)
    email = fields.String(required=True, allow_none=True)
    avatar = fields.String(required=True, metadata={"description": f"path under /media/, or {NO_AVATAR!r}"})
    token = fields.String(required=True)


class GreetingsConfirmation(BaseSchema):
    token = PlainText(required=True, min_length=1, max_length=200)
    username = PlainText(max_length=300)
    confirm = PlainText(max_length=10)


class GreetingsPersonalQuery(BaseSchema):
    user_id = ActorId()
    is_star = fields.String(validate=validate.OneOf(["true", "false"]))


class GreetingsPersonalBody(BaseSchema):
    user_id = ActorId()
    is_star = fields.Boolean(truthy={True}, falsy={False})


class GreetingsPersonal(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    phone = fields.Integer(required=True)
    email = fields.String(required=True, allow_none=True)
    avatar = fields.String(required=True, allow_none=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    date_of_birth = fields.Date(allow_none=True, metadata={"description": "of a customer"})
    likes = fields.Integer(metadata={"description": "of a star"})
    locale = fields.String(required=True, metadata={"description": "the language of mails: ru or en", "example": "ru"})
    time_zone = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "in which mails name moments; null: the service's own", "example": "Asia/Almaty"},
    )


class GreetingsPersonalChange(BaseSchema):
    """The whole object of the GET; phone, birth date, avatar and likes are not changed.

    ``current_password``: for a new e-mail, unless the session is younger than ten minutes.
    """

    id = Id()
    username = PlainText(min_length=1, max_length=32)
    email = PlainText(max_length=EMAIL_MAX_LENGTH, allow_none=True)
    first_name = PlainText(max_length=150, allow_none=True)
    last_name = PlainText(max_length=150, allow_none=True)
    locale = Locale(allow_none=True)
    time_zone = TimeZone(allow_none=True)
    current_password = Password()


@docs(tags=["greetings: people"], summary="Register an account and mail a link that confirms the e-mail")
@json_schema(GreetingsRegistration)
@response_schema(ONE_STRING, 201)
async def register(request: web.Request) -> web.Response:
    body = body_of(request)
    draft = AccountDraft(body["username"], body["email"], body["phone"], body["date_of_birth"])
    await request.app[ACCOUNTS].register(client_info(request), draft, body["password"], "greetings")
    return json_response(REGISTERED, 201)


@docs(tags=["greetings: people"], summary="Log in by e-mail, user name or phone")
@json_schema(GreetingsLogin)
@response_schema(GreetingsSignedIn, 201)
async def log_in(request: web.Request) -> web.Response:
    body = body_of(request)
    session = await request.app[ACCOUNTS].log_in(client_info(request), "greetings", body["login"], body["password"])
    return session_response(request, session, await session_view(request, session), 201)


@docs(tags=["greetings: people"], summary="Finish a log-in with a second factor")
@json_schema(SecondStepDraft)
@response_schema(GreetingsSignedIn, 201)
async def second_step(request: web.Request) -> web.Response:
    session = await finish_sign_in(request, "greetings")
    return session_response(request, session, await session_view(request, session), 201)


@docs(
    tags=["greetings: people"],
    summary="Confirm an e-mail by its mailed link",
    description="Starts a session at the first request. A browser gets a page and no session.",
    responses={200: json_or_page({"oneOf": [named(GreetingsSignedIn), ONE_STRING]})},
)
@querystring_schema(GreetingsConfirmation)
async def confirm(request: web.Request) -> web.Response:
    if request.method == "HEAD":  # a mail program that checks the link
        return web.Response()
    channel: Channel | None = None if wants_page(request) else "greetings"
    confirmed = await request.app[ACCOUNTS].confirm_email(query_of(request)["token"], client_info(request), channel)
    if channel is None:
        return html_response(_confirmed_page(request, confirmed.account))
    session = confirmed.session
    if session is None:
        return json_response(ALREADY_CONFIRMED)
    return session_response(request, session, await session_view(request, session))


@docs(tags=["greetings: people"], summary="Read the personal page of a customer or a star")
@login_required
@querystring_schema(GreetingsPersonalQuery)
@json_schema(GreetingsPersonalBody)
@response_schema(GreetingsPersonal, 200)
async def personal(request: web.Request) -> web.Response:
    actor = actor_of(request)
    for given in (body_of(request), query_of(request)):
        _require_self(actor, given["user_id"])
    account = await request.app[ACCOUNTS].profile(actor.id)
    return json_response(_personal_view(account, await _star(request, actor.id)))


@docs(
    tags=["greetings: people"],
    summary="Update the personal page",
    description="Answers the number 201, or [messages, 400]: the client reads the body instead of the status.",
)
@login_required
@json_schema(GreetingsPersonalChange)
@response_schema({"oneOf": [SAVED, REFUSED]}, 200)
async def change_personal(request: web.Request) -> web.Response:
    change = {name: value for name, value in body_of(request).items() if value is not None}
    _require_self(actor_of(request), change.pop("id", None))
    try:
        await request.app[PROFILES].edit(actor_of(request), **change)
    except (Taken, Invalid) as refusal:
        words = [text for texts in refusal.field_messages(language_of(request)).values() for text in texts]
        return json_response([words, 400])
    return json_response(201)


def _confirmed_page(request: web.Request, account: Account) -> str:
    back = request.app[SITE].link("greetings", "home")
    return render_page("confirmed.html", language_of(request), back=back, username=account.username, is_market=False)


async def session_view(request: web.Request, session: NewSession) -> dict[str, Any]:
    """The object which every login of this dialect returns."""
    account = session.account
    return {
        "id": account.id,
        "username": account.username,
        "phone": national_number(account.phone),
        "is_star": await request.app[CATALOG].is_star(account.id),
        "email": account.email,
        "avatar": account.avatar_key or NO_AVATAR,
        "token": session.access,
    }


async def _star(request: web.Request, account_id: int) -> Star | None:
    try:
        return await request.app[CATALOG].star(account_id)
    except StarUnknown:
        return None


def _personal_view(account: Account, star: Star | None) -> dict[str, Any]:
    special = {"likes": star.likes} if star else {"date_of_birth": account.birth_date}
    return {
        "id": account.id,
        "username": account.username,
        "phone": national_number(account.phone),
        "email": account.email,
        "avatar": account.avatar_key,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "locale": account.language,
        "time_zone": account.time_zone,
        **special,
    }


def _require_self(actor: Actor, account_id: int | None) -> None:
    """:raises Forbidden: the id is of another account (D1)."""
    if account_id not in (None, actor.id):
        raise Forbidden


def _first_of(data: dict[str, Any], name: str, *others: str) -> dict[str, Any]:
    """The data with the first given one of several fields as ``name``."""
    given = next((data[one] for one in (name, *others) if data.get(one)), None)
    if given is None:
        raise ValidationError("Missing data for required field.", name)
    return {**data, name: given}


ROUTES: tuple[Route, ...] = (
    route("POST", "/api/registration/", register, "greetings.registration"),
    route("POST", "/api/login/", log_in, "greetings.login"),
    route("POST", "/api/login/second-factor/", second_step, "greetings.second-factor"),
    route("GET", "/api/registration-confirm/", confirm, "greetings.registration-confirm"),
    route("GET", "/api/personal/", personal, "greetings.personal"),
    route("PUT", "/api/personal/", change_personal, "greetings.personal"),
)
