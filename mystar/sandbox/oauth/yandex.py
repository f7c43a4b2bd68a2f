"""A double of Yandex ID: https://yandex.ru/dev/id/doc/."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import SECRET_KEY, Grant, Handler, ProviderDouble, Refused, read_parameters
from mystar.sandbox.pages import json

PREFIX = "/yandex"
CLIENT_ID, STRANGER_ID = "sandbox-yandex", "another-site"
CLIENTS = {CLIENT_ID: SECRET_KEY, STRANGER_ID: SECRET_KEY}
_YEAR = 31_536_000


class Yandex(ProviderDouble):
    key = "yandex"
    title = ("Яндекс ID", "Yandex ID")
    authorize_path = f"{PREFIX}/authorize"
    response_types = ("code", "token")

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [("POST", f"{PREFIX}/token", self.exchange_code), ("GET", f"{PREFIX}/info", self.show_profile)]

    def token_response(self, grant: Grant) -> dict[str, Any]:
        return {
            "access_token": f"y0_{self.tokens.issue_token(grant)}",
            "expires_in": _YEAR,
            "refresh_token": f"1:{secrets.token_urlsafe(24)}",
            "token_type": "bearer",
        }

    async def exchange_code(self, request: web.Request) -> web.Response:
        form = await read_parameters(request)
        try:
            self.check_client(form)
            if form.get("grant_type") != "authorization_code":
                raise Refused("unsupported_grant_type", "unsupported_grant_type")
            return json(self.token_response(self.tokens.redeem(form)))
        except Refused as refusal:
            return json({"error": refusal.error, "error_description": refusal.description}, 400)

    async def show_profile(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self.tokens.find(token.removeprefix("y0_")) if scheme.lower() in ("oauth", "bearer") else None
        if grant is None:
            return web.Response(status=401)
        account = grant.account
        return json(
            {
                "id": str(account.number),
                "login": account.login,
                "client_id": grant.client_id,
                "display_name": account.name,
                "real_name": account.name,
                "first_name": account.first_name,
                "last_name": account.last_name,
                "sex": None,
                "default_email": account.email,
                "emails": [account.email] if account.email else [],
                "birthday": account.birthday or None,
                **({"default_phone": {"id": 12, "number": account.phone}} if account.phone else {}),
                "default_avatar_id": "0/0-0",
                "is_avatar_empty": True,
                "psuid": f"1.AA.{account.number}",
            }
        )
