"""VK ID, Mail.ru and Yandex: the same four steps for each (docs/dialects/identity.md, D12)."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web
from aiohttp_apispec import docs, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import client_info, login_optional, maybe_actor_of
from mystar.accounts.keys import SIGN_IN
from mystar.accounts.oauth.model import NotRegistered
from mystar.accounts.oauth.providers.base import Name
from mystar.accounts.oauth.service import SignInResult
from mystar.contracts.base import message_and_detail
from mystar.contracts.sign_in import (
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
from mystar.kit.web.http import html_response, json_response, language_of
from mystar.kit.web.routes import Handler, Route, route
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import query_of

_TAGS = ["identity: providers"]
#: OpenAPI of a link: the whole answer is one JSON string.
_LINK = {"type": "string"}


class IdentityProviderPair(BaseSchema):
    access = fields.String(required=True)
    refresh = fields.String(required=True)


class VkCallback(ProviderCallback):
    device_id = PlainText(max_length=300, metadata={"description": "VK adds it to the code"})


class IdentityProviderAnswer(ProviderAnswer):
    """The document of identity says ``expire_in``, providers say ``expires_in``: both are there."""

    refresh_token = fields.String(required=True)
    expire_in = fields.Integer(required=True)


def _link(name: Name, path: str, title: str) -> Handler:
    @docs(tags=_TAGS, summary=f"Get a link to sign in at {title}")
    @response_schema(_LINK, 200)
    async def link(request: web.Request) -> web.Response:
        url, cookie = await begin(request, name, "identity", landing=f"{path}/callback")
        return set_attempt_cookie(request, name, cookie, json_response(url))

    handler: Handler = link
    return handler


def _token(name: Name, path: str, title: str) -> Handler:
    @docs(tags=_TAGS, summary=f"Exchange an authorization code of {title} for its token")
    @querystring_schema(VkCallback if name == "vk" else ProviderCallback)
    @response_schema(IdentityProviderAnswer, 200)
    async def token(request: web.Request) -> web.Response:
        redirect_to_site_page(request, name, "identity", landing=f"{path}/callback")
        said = dict(await exchange(request, name, "identity"))
        seconds = said.get("expires_in", 0)
        answer = token_response({"refresh_token": "", **said, "expires_in": seconds, "expire_in": seconds})
        return await end_attempt(request, name, "identity", answer)

    handler: Handler = token
    return handler


async def _callback(request: web.Request) -> web.Response:
    """The fallback for a site without a page at the redirect address."""
    back = request.app[SITE].link("identity", "home")
    is_refused = "error" in request.query
    return html_response(render_page("provider_callback.html", language_of(request), back=back, is_refused=is_refused))


def _registration(name: Name, title: str) -> Handler:
    @docs(
        tags=_TAGS,
        summary=f"Register through {title}",
        description="For a signed-in account it links the provider.",
    )
    @login_optional
    @querystring_schema(ProviderToken)
    @response_schema(IdentityProviderPair, 200)
    async def registration(request: web.Request) -> web.Response:
        if request.method == "HEAD":  # a HEAD must not register an account
            return web.Response()
        token, actor = query_of(request)["access_token"], maybe_actor_of(request)
        result = await request.app[SIGN_IN].register_with(name, token, client_info(request), "identity", actor=actor)
        return _pair(result)

    handler: Handler = registration
    return handler


def _login(name: Name, title: str) -> Handler:
    @docs(tags=_TAGS, summary=f"Log in through {title}")
    @querystring_schema(ProviderToken)
    @response_schema(IdentityProviderPair, 200)
    async def login(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return web.Response()
        token = query_of(request)["access_token"]
        try:
            return _pair(await request.app[SIGN_IN].sign_in_with(name, token, client_info(request), "identity"))
        except NotRegistered as refusal:
            if name != "vk":
                raise
            # VK's page of the client registers next, with the token that it reads out of this refusal.
            return token_response({**message_and_detail(refusal, language_of(request)), "access_token": token}, 400)

    handler: Handler = login
    return handler


def _pair(result: SignInResult) -> web.Response:
    return token_response({"access": result.session.access, "refresh": result.session.refresh})


def _routes(name: Name, path: str, title: str) -> Iterator[Route]:
    resource = f"identity.{name}"
    yield route("GET", f"{path}/link", _link(name, path, title), f"{resource}-link")
    yield route("GET", f"{path}/get/token", _token(name, path, title), f"{resource}-token")
    yield route("GET", f"{path}/callback", _callback, f"{resource}-callback", documented=False)
    yield route("GET", f"{path}/registration", _registration(name, title), f"{resource}-registration")
    yield route("GET", f"{path}/login", _login(name, title), f"{resource}-login")


ROUTES: tuple[Route, ...] = (
    *_routes("vk", "/vk", "VK ID"),
    *_routes("mailru", "/mail.ru", "Mail.ru"),
    *_routes("yandex", "/yandex", "Yandex ID"),
)
