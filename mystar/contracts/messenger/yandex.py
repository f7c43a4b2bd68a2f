"""Yandex for the messenger: its client gets the token from Yandex itself and brings it here.

See docs/dialects/messenger.md.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, querystring_schema, response_schema
from marshmallow import fields, validate

from mystar.accounts.access import client_info, login_optional, maybe_actor_of
from mystar.accounts.keys import SIGN_IN
from mystar.contracts.sign_in import MAX_TOKEN_LENGTH, begin, set_attempt_cookie, token_response
from mystar.kit.web.fields import BaseSchema, PlainText
from mystar.kit.web.http import json_response
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import query_of

_TAGS = ["messenger: people"]
#: Texts that clients compare.
DETAILS = {
    "already_registered": "User already exist.",
    "sign_in_first": "User already exist.",
    "provider_token_refused": "Bad status code from Yandex.",
}


class YandexLink(BaseSchema):
    yandex_url = fields.String(required=True)


class OauthToken(BaseSchema):
    oauth_token = PlainText(required=True, min_length=1, max_length=MAX_TOKEN_LENGTH)


class YandexRegistered(BaseSchema):
    detail = fields.String(required=True, validate=validate.OneOf(["success"]))


class YandexSignedIn(BaseSchema):
    token = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(["Bearer"]))


@docs(
    tags=_TAGS,
    summary="Get a link to sign in at Yandex",
    description="The browser returns with a token in the fragment, which only the client's script can read.",
)
@response_schema(YandexLink, 200)
async def yandex_link(request: web.Request) -> web.Response:
    url, cookie = await begin(request, "yandex", "messenger", landing="/", response_type="token")
    return set_attempt_cookie(request, "yandex", cookie, json_response({"yandex_url": url}))


@docs(
    tags=_TAGS,
    summary="Register through Yandex",
    description="For a signed-in account it links Yandex.",
)
@login_optional
@querystring_schema(OauthToken)
@response_schema(YandexRegistered, 200)
async def yandex_register(request: web.Request) -> web.Response:
    token, actor = query_of(request)["oauth_token"], maybe_actor_of(request)
    await request.app[SIGN_IN].register_with("yandex", token, client_info(request), "messenger", actor=actor)
    return json_response({"detail": "success"})


@docs(tags=_TAGS, summary="Log in through Yandex")
@querystring_schema(OauthToken)
@response_schema(YandexSignedIn, 200)
async def yandex_login(request: web.Request) -> web.Response:
    token = query_of(request)["oauth_token"]
    result = await request.app[SIGN_IN].sign_in_with("yandex", token, client_info(request), "messenger")
    return token_response({"token": result.session.access, "type": "Bearer"})


ROUTES: tuple[Route, ...] = (
    route("GET", "/auth/yandex_oauth_url/", yandex_link, "messenger.yandex-link"),
    route("POST", "/auth/yandex_oauth_register/", yandex_register, "messenger.yandex-registration"),
    route("POST", "/auth/login_yandex/", yandex_login, "messenger.yandex-login"),
)
