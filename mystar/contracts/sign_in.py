"""Sign-in through providers for all dialects: a cookie identifies the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from marshmallow import fields
from yarl import URL

from mystar.accounts.access import client_info
from mystar.accounts.keys import SIGN_IN
from mystar.accounts.model import Channel
from mystar.accounts.oauth.providers.base import Name, ResponseType
from mystar.kit.web.fields import BaseSchema, PlainText
from mystar.kit.web.http import cookie_name, delete_cookie, json_response, set_cookie, wants_page
from mystar.kit.web.validation import query_of

#: Characters; tokens of the providers have a few hundred.
MAX_TOKEN_LENGTH = 4096
#: Lifetime of the cookie in seconds.
_MAX_AGE = 600


class ProviderCallback(BaseSchema):
    """The parameters that a provider adds to its redirect, as far as the client passes them on."""

    code = PlainText(max_length=MAX_TOKEN_LENGTH)
    error = PlainText(max_length=200, metadata={"description": "in place of a code, when access was denied"})
    state = PlainText(max_length=200, metadata={"description": "identifies the attempt; checked whenever it is sent"})


class ProviderToken(BaseSchema):
    access_token = PlainText(required=True, min_length=1, max_length=MAX_TOKEN_LENGTH)


class ProviderAnswer(BaseSchema):
    """The provider's own answer."""

    access_token = fields.String(required=True)
    refresh_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer(metadata={"description": "seconds; 0 = no end"})


async def begin(
    request: web.Request, name: Name, channel: Channel, *, landing: str, response_type: ResponseType = "code"
) -> tuple[str, str]:
    """A link to the provider, and the value for `set_attempt_cookie`."""
    begun = await request.app[SIGN_IN].begin(
        name,
        client_info(request),
        channel,
        landing=landing,
        response_type=response_type,
        cookie=request.cookies.get(_cookie(request, name)),
    )
    return begun.link, begun.cookie


def set_attempt_cookie(request: web.Request, name: Name, cookie: str, answer: web.Response) -> web.Response:
    """The answer with the cookie of the browser, which no script can read."""
    set_cookie(request, answer, _cookie(request, name), cookie, samesite="Lax", max_age=_MAX_AGE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def redirect_to_site_page(request: web.Request, name: Name, channel: Channel, *, landing: str) -> None:
    """Redirect a browser that the provider sent to this very address: it would show the tokens as a page (D47).

    The site's page has a script, which exchanges the code here.

    :param landing: the path of that page.
    """
    sign_in = request.app[SIGN_IN]
    if wants_page(request) and URL(sign_in.redirect_url(name, channel, landing)).path == request.path:
        page = URL(f"{sign_in.site_url}{landing}").with_query(request.query)
        raise web.HTTPFound(page, headers={"Cache-Control": "no-store"})


async def exchange(request: web.Request, name: Name, channel: Channel) -> Mapping[str, Any]:
    """The provider's token for the code in the query."""
    query = query_of(request)
    return await request.app[SIGN_IN].exchange(
        name,
        client_info(request),
        channel,
        code=query.get("code"),
        error=query.get("error"),
        cookie=request.cookies.get(_cookie(request, name)),
        state=query.get("state"),
        device_id=query.get("device_id"),
    )


def token_response(data: Any, status: int = 200) -> web.Response:
    """An answer with tokens, which no cache may store."""
    return json_response(data, status, {"Cache-Control": "no-store"})


async def end_attempt(request: web.Request, name: Name, channel: Channel, answer: web.Response) -> web.Response:
    """The answer without the cookie, unless the browser has another attempt."""
    cookie = request.cookies.get(_cookie(request, name))
    if cookie and not await request.app[SIGN_IN].has_open_attempt(name, channel, cookie):
        delete_cookie(request, answer, _cookie(request, name), samesite="Lax")
    return answer


def _cookie(request: web.Request, name: Name) -> str:
    return cookie_name(request, f"mystar_sign_in_{name}")
