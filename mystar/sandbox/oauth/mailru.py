"""A double of OAuth Mail (oauth.mail.ru)."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import SECRET_KEY, Grant, Handler, ProviderDouble, Refused, read_parameters
from mystar.sandbox.pages import json

PREFIX = "/mailru"
CLIENT_ID, STRANGER_ID = "sandbox-mailru", "another-site"
CLIENTS = {CLIENT_ID: SECRET_KEY, STRANGER_ID: SECRET_KEY}


class MailRu(ProviderDouble):
    key = "mailru"
    title = ("Mail.ru", "Mail.ru")
    authorize_path = f"{PREFIX}/login"
    required = ("client_id", "redirect_uri", "state")

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [("POST", f"{PREFIX}/token", self.exchange_code), ("GET", f"{PREFIX}/userinfo", self.show_profile)]

    def token_response(self, grant: Grant) -> dict[str, Any]:
        return {
            "access_token": self.tokens.issue_token(grant),
            "expires_in": 3600,
            "refresh_token": secrets.token_hex(32),
            "token_type": "bearer",
        }

    async def exchange_code(self, request: web.Request) -> web.Response:
        form = await read_parameters(request)
        try:
            self.check_client(form)
            if form.get("grant_type") != "authorization_code":
                raise Refused("invalid_request", "unsupported grant_type")
            return json(self.token_response(self.tokens.redeem(form)))
        except Refused as refusal:
            return json({"error": refusal.error, "error_code": 5, "error_description": refusal.description}, 400)

    async def show_profile(self, request: web.Request) -> web.Response:
        grant = self.tokens.find(request.query.get("access_token", ""))
        if grant is None:
            return json({"error": "token not found", "error_code": 6, "error_description": "token not found"})
        account = grant.account
        year, month, day = account.birthday.split("-") if account.birthday.count("-") == 2 else ("", "", "")
        return json(
            {
                "id": str(account.number),
                "client_id": grant.client_id,
                "gender": "",
                "name": account.name,
                "nickname": account.login,
                "locale": "ru_RU",
                "first_name": account.first_name,
                "last_name": account.last_name,
                "birthday": f"{day}.{month}.{year}" if year else "",
                "email": account.email,
                "image": "https://filin.example/pic",
            }
        )
