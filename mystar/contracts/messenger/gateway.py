"""Who is asking, for a proxy that guards other services (docs/dialects/messenger.md#accounts-and-users).

nginx asks here with the caller's headers before it lets a request pass (``auth_request``) and hands the account's id
on; see deploy/nginx.conf. It is asked with every request of every such service, so it only looks: nothing is
renewed, written or counted.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, login_required, token_of, token_response
from mystar.kit.security.tokens import expiry_of
from mystar.kit.web.fields import BaseSchema
from mystar.kit.web.routes import Route, route

ACCOUNT_ID = "X-Account-Id"


class MessengerToken(BaseSchema):
    token = fields.String(required=True)
    expire = fields.Integer(required=True, metadata={"description": "when it expires, in seconds since 1970"})


@docs(
    tags=["messenger: gateway"],
    summary="Check an access token and read its account",
    description=f"The target of nginx's auth_request. The header {ACCOUNT_ID} names the account; HEAD answers it, too.",
)
@login_required
@response_schema(MessengerToken, 200)
async def get_token(request: web.Request) -> web.Response:
    token = token_of(request) or ""
    response = token_response({"token": token, "expire": expiry_of(token)})
    response.headers[ACCOUNT_ID] = str(actor_of(request).id)
    return response


ROUTES: tuple[Route, ...] = (route("GET", "/gateway/get-token/", get_token, "messenger.gateway"),)
