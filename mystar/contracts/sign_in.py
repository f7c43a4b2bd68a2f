"""Signing in through providers as browsers see it: a cookie names the attempt, whichever dialect began it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from marshmallow import fields

from mystar.accounts.access import client_info
from mystar.accounts.keys import SIGN_IN
from mystar.accounts.model import Channel
from mystar.accounts.oauth.providers.base import Name, ResponseType
from mystar.kit.web.fields import BaseSchema, PlainText
from mystar.kit.web.http import json_response
from mystar.kit.web.validation import query_of

#: Characters; real tokens have a few hundred.
TOKEN_LONGEST = 4096
_SECONDS = 600


class ProviderCallback(BaseSchema):
    """What a provider adds to the address that it sends the browser back to, as far as the client passes it on."""

    code = PlainText(max_length=TOKEN_LONGEST)
    error = PlainText(max_length=200, metadata={"description": "in place of a code, when access was denied"})
    state = PlainText(max_length=200, metadata={"description": "identifies the attempt when there is no cookie"})


class ProviderToken(BaseSchema):
    access_token = PlainText(required=True, min_length=1, max_length=TOKEN_LONGEST)


class ProviderAnswer(BaseSchema):
    """The provider's own words."""

    access_token = fields.String(required=True)
    refresh_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer(metadata={"description": "seconds; 0 = no end"})


async def begin(
    request: web.Request, name: Name, channel: Channel, *, landing: str, response_type: ResponseType = "code"
) -> tuple[str, str]:
    """A link to the provider, and the state that `keep` gives to the browser."""
    beginning = await request.app[SIGN_IN].begin(
        name, client_info(request), channel, landing=landing, response_type=response_type
    )
    return beginning.link, beginning.state


def keep(request: web.Request, name: Name, state: str, answer: web.Response) -> web.Response:
    """The answer, with the attempt's name in a cookie that comes back from the provider and that no script reads."""
    https = request.app[SIGN_IN].public_url.startswith("https://")
    answer.set_cookie(_cookie(name), state, max_age=_SECONDS, path="/", httponly=True, samesite="Lax", secure=https)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def exchange(request: web.Request, name: Name) -> Mapping[str, Any]:
    """The provider's words for the code in the query."""
    query = query_of(request)
    return await request.app[SIGN_IN].exchange(
        name,
        client_info(request),
        code=query.get("code"),
        error=query.get("error"),
        cookie=request.cookies.get(_cookie(name)),
        state=query.get("state"),
        device_id=query.get("device_id"),
    )


def secret(data: Any, status: int = 200) -> web.Response:
    """An answer with tokens, which no cache may keep."""
    return json_response(data, status, {"Cache-Control": "no-store"})


def over(name: Name, answer: web.Response) -> web.Response:
    """The answer that ends an attempt: its cookie goes."""
    answer.del_cookie(_cookie(name), path="/")
    return answer


def _cookie(name: Name) -> str:
    return f"mystar_sign_in_{name}"
