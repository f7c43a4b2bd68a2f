"""Yandex and the older VK: a link, the code's exchange, registration, login (docs/dialects/greetings.md, D12, D15)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import client_info, login_optional, maybe_actor_of
from mystar.accounts.keys import SIGN_IN
from mystar.accounts.oauth.providers.base import Name
from mystar.accounts.oauth.service import ContactDetails
from mystar.accounts.schemas import EMAIL_MAX_LENGTH, PhoneNumber
from mystar.contracts.greetings.accounts import GreetingsSignedIn, session_view
from mystar.contracts.sign_in import (
    MAX_TOKEN_LENGTH,
    ProviderAnswer,
    ProviderCallback,
    ProviderToken,
    begin,
    end_attempt,
    exchange,
    redirect_to_site_page,
    set_attempt_cookie,
    token_response,
)
from mystar.kit.web.fields import BaseSchema, PlainText
from mystar.kit.web.http import json_response
from mystar.kit.web.routes import Handler, Route, route
from mystar.kit.web.validation import body_of, query_of

#: Fields of VK's profile that the document shows; VK's id is shown as vk_id.
_VK_PROFILE = (
    "first_name",
    "last_name",
    "can_access_closed",
    "is_closed",
    "screen_name",
    "bdate",
    "photo_max_orig",
    "has_mobile",
)
#: Where the providers redirect to, below the address of the site.
_YANDEX_CALLBACK, _VK_CALLBACK = "/yandex/callback", "/vk/callback"
#: The client compares the text, whatever the language.
NO_TOKEN = ["access_token not found"]


class GreetingsLink(BaseSchema):
    link = fields.String(required=True)


class YandexRegistration(ProviderToken):
    """``expires_in`` and ``refresh_token`` are not read."""

    phone = PhoneNumber(load_default="", allow_none=True)


class VkRegistration(BaseSchema):
    """The e-mail is unverified, and confirmed by a mailed link."""

    access_token = PlainText(load_default="", max_length=MAX_TOKEN_LENGTH, allow_none=True)
    phone = PhoneNumber(load_default="", allow_none=True)
    email = PlainText(load_default="", max_length=EMAIL_MAX_LENGTH, allow_none=True)


class VkLogin(BaseSchema):
    """The e-mail that clients send is not read: it would prove nothing."""

    access_token = PlainText(load_default="", max_length=MAX_TOKEN_LENGTH, allow_none=True)


class VkAnswer(ProviderAnswer):
    user_id = fields.Integer()
    email = fields.String()


class VkRegistered(GreetingsSignedIn):
    vk_id = fields.Integer(required=True)
    first_name = fields.String()
    last_name = fields.String()
    can_access_closed = fields.Boolean()
    is_closed = fields.Boolean()
    screen_name = fields.String()
    bdate = fields.String()
    photo_max_orig = fields.String()
    has_mobile = fields.Integer()


def _link(name: Name, landing: str, summary: str) -> Handler:
    @docs(tags=["greetings: providers"], summary=summary)
    @response_schema(GreetingsLink, 200)
    async def link(request: web.Request) -> web.Response:
        url, cookie = await begin(request, name, "greetings", landing=landing)
        return set_attempt_cookie(request, name, cookie, json_response({"link": url}))

    handler: Handler = link
    return handler


@docs(tags=["greetings: providers"], summary="Exchange an authorization code of Yandex for its token")
@querystring_schema(ProviderCallback)
@response_schema(ProviderAnswer, 200)
async def mid_yandex(request: web.Request) -> web.Response:
    redirect_to_site_page(request, "yandex", "greetings", landing=_YANDEX_CALLBACK)
    answer = token_response(await exchange(request, "yandex", "greetings"))
    return await end_attempt(request, "yandex", "greetings", answer)


@docs(tags=["greetings: providers"], summary="Exchange an authorization code of VK for its token")
@querystring_schema(ProviderCallback)
@response_schema(VkAnswer, 200)
async def mid_vk(request: web.Request) -> web.Response:
    redirect_to_site_page(request, "vk_legacy", "greetings", landing=_VK_CALLBACK)
    answer = token_response(await exchange(request, "vk_legacy", "greetings"))
    return await end_attempt(request, "vk_legacy", "greetings", answer)


@docs(
    tags=["greetings: providers"],
    summary="Register through Yandex",
    description="For a signed-in account it links Yandex.",
)
@login_optional
@json_schema(YandexRegistration)
@response_schema(GreetingsSignedIn, 201)
async def yandex_register(request: web.Request) -> web.Response:
    body = body_of(request)
    result = await request.app[SIGN_IN].register_with(
        "yandex",
        body["access_token"],
        client_info(request),
        "greetings",
        actor=maybe_actor_of(request),
        contact=ContactDetails(phone=body["phone"] or None),
    )
    return token_response(await session_view(request, result.session), 201)


@docs(tags=["greetings: providers"], summary="Log in through Yandex")
@json_schema(ProviderToken)
@response_schema(GreetingsSignedIn, 200)
async def yandex_login(request: web.Request) -> web.Response:
    token = body_of(request)["access_token"]
    result = await request.app[SIGN_IN].sign_in_with("yandex", token, client_info(request), "greetings")
    return token_response(await session_view(request, result.session))


@docs(
    tags=["greetings: providers"],
    summary="Register through VK",
    description="`id` is the account's, VK's own is `vk_id`. For a signed-in account it links VK.",
)
@login_optional
@json_schema(VkRegistration)
@response_schema(VkRegistered, 201)
async def vk_register(request: web.Request) -> web.Response:
    body = body_of(request)
    if not body["access_token"]:
        return json_response(NO_TOKEN, 400)
    result = await request.app[SIGN_IN].register_with(
        "vk_legacy",
        body["access_token"],
        client_info(request),
        "greetings",
        actor=maybe_actor_of(request),
        contact=ContactDetails(body["email"] or None, body["phone"] or None),
    )
    shown = {name: result.profile.raw[name] for name in _VK_PROFILE if name in result.profile.raw}
    session = await session_view(request, result.session)
    return token_response({**shown, "vk_id": int(result.profile.subject), **session}, 201)


@docs(tags=["greetings: providers"], summary="Log in through VK")
@json_schema(VkLogin)
@response_schema(GreetingsSignedIn, 200)
async def vk_login(request: web.Request) -> web.Response:
    return await _vk_login(request, body_of(request)["access_token"])


@docs(tags=["greetings: providers"], summary="Log in through VK with the parameters of the older client")
@querystring_schema(VkLogin)
@response_schema(GreetingsSignedIn, 200)
async def vk_login_by_query(request: web.Request) -> web.Response:
    if request.method == "HEAD":
        return web.Response()
    return await _vk_login(request, query_of(request)["access_token"])


async def _vk_login(request: web.Request, token: str | None) -> web.Response:
    if not token:
        return json_response(NO_TOKEN, 400)
    result = await request.app[SIGN_IN].sign_in_with("vk_legacy", token, client_info(request), "greetings")
    return token_response(await session_view(request, result.session))


ROUTES: tuple[Route, ...] = (
    route(
        "GET",
        "/api/pre-yandex-oauth/",
        _link("yandex", _YANDEX_CALLBACK, "Get a link to sign in at Yandex"),
        "greetings.yandex-link",
    ),
    route("GET", "/api/mid-yandex/", mid_yandex, "greetings.yandex-code"),
    route("POST", "/api/yandex-oauth/", yandex_register, "greetings.yandex-registration"),
    route("POST", "/api/yandex-login/", yandex_login, "greetings.yandex-login"),
    route(
        "GET",
        "/api/pre-vk-oauth/",
        _link("vk_legacy", _VK_CALLBACK, "Get a link to sign in at VK"),
        "greetings.vk-link",
    ),
    route("GET", "/api/mid-vk/", mid_vk, "greetings.vk-code"),
    route("POST", "/api/vk-oauth/", vk_register, "greetings.vk-registration"),
    route("POST", "/api/vk-login/", vk_login, "greetings.vk-login"),
    route("GET", "/api/vk-login/", vk_login_by_query, "greetings.vk-login"),
)
