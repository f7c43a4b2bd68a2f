"""A double of the older VK: oauth.vk.com for codes, api.vk.com for profiles. The API refuses with status 200."""

from __future__ import annotations

import secrets
import time
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import SECRET_KEY, Grant, Handler, ProviderDouble, Refused, read_parameters
from mystar.sandbox.pages import json

PREFIX = "/vk"
CLIENT_ID, STRANGER_ID = "7000001", "7999999"
CLIENTS = {CLIENT_ID: SECRET_KEY, STRANGER_ID: SECRET_KEY}
_DAY = 86_400


class VkLegacy(ProviderDouble):
    key = "vk_legacy"
    title = ("ВКонтакте", "VK")
    authorize_path = f"{PREFIX}/authorize"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # Service tokens of the applications.
        self._service_keys = {secrets.token_hex(32): client for client in self.tokens.clients}

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [
            ("*", f"{PREFIX}/access_token", self.exchange_code),
            ("*", f"{PREFIX}/method/users.get", self.show_profile),
            ("*", f"{PREFIX}/method/secure.checkToken", self.check_token),
        ]

    def token_response(self, grant: Grant) -> dict[str, Any]:
        offline = "offline" in grant.parameters.get("scope", "").split(",")
        answer = {
            "access_token": self.tokens.issue_token(grant),
            "expires_in": 0 if offline else _DAY,
            "user_id": grant.account.number,
        }
        return answer | ({"email": grant.account.email} if grant.account.email else {})

    async def exchange_code(self, request: web.Request) -> web.Response:
        form = await read_parameters(request)
        try:
            self.check_client(form)
            if form.get("grant_type") == "client_credentials":
                key = next(key for key, client in self._service_keys.items() if client == form["client_id"])
                return json({"access_token": key})
            return json(self.token_response(self.tokens.redeem(form)))
        except Refused as refusal:
            return json({"error": refusal.error, "error_description": refusal.description}, 401)

    async def show_profile(self, request: web.Request) -> web.Response:
        form = await read_parameters(request)
        grant = self.tokens.find(form.get("access_token", ""))
        if grant is None:
            return _error(5, "User authorization failed: invalid access_token (4).")
        account = grant.account
        year, month, day = account.birthday.split("-") if account.birthday.count("-") == 2 else ("0", "0", "0")
        birth = {"bdate": f"{int(day)}.{int(month)}.{year}"} if account.birthday else {}
        user = {
            "first_name": account.first_name,
            "id": account.number,
            "last_name": account.last_name,
            "can_access_closed": True,
            "is_closed": False,
            "screen_name": account.login,
            **birth,
            "photo_max_orig": "https://userapi.example/photo.jpg",
            "has_mobile": 1,
        }
        return json({"response": [user]})

    async def check_token(self, request: web.Request) -> web.Response:
        form = await read_parameters(request)
        client = self._service_keys.get(form.get("access_token", ""))
        if client is None:
            return _error(28, "Application authorization failed: service token is invalid")
        grant = self.tokens.find(form.get("token", ""))
        if grant is None or grant.client_id != client:
            return _error(15, "Access denied: token is not of this application")
        given = int(grant.issued_at.timestamp())
        checked = {"success": 1, "user_id": grant.account.number, "date": given, "expire": int(time.time()) + _DAY}
        return json({"response": checked})


def _error(code: int, message: str) -> web.Response:
    return json({"error": {"error_code": code, "error_msg": message, "request_params": []}})
