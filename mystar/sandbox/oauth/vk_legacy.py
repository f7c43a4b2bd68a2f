"""A double of the older VK: oauth.vk.com for codes, api.vk.com for people. The API refuses with status 200."""

from __future__ import annotations

import secrets
import time
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import SECRET_KEY, Double, Handler, Refused, Ticket, form_of
from mystar.sandbox.pages import json

PREFIX = "/vk"
CLIENT_ID, STRANGER_ID = "7000001", "7999999"
CLIENTS = {CLIENT_ID: SECRET_KEY, STRANGER_ID: SECRET_KEY}
_DAY = 86_400


class VkLegacy(Double):
    key = "vk_legacy"
    title = ("ВКонтакте", "VK")
    authorize_path = f"{PREFIX}/authorize"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # The applications' own tokens.
        self._service_keys = {secrets.token_hex(32): client for client in self.desk.clients}

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [
            ("*", f"{PREFIX}/access_token", self.give_token),
            ("*", f"{PREFIX}/method/users.get", self.tell),
            ("*", f"{PREFIX}/method/secure.checkToken", self.check_token),
        ]

    def granted(self, ticket: Ticket) -> dict[str, Any]:
        offline = "offline" in ticket.asked.get("scope", "").split(",")
        said = {
            "access_token": self.desk.token(ticket),
            "expires_in": 0 if offline else _DAY,
            "user_id": ticket.person.number,
        }
        return said | ({"email": ticket.person.email} if ticket.person.email else {})

    async def give_token(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        try:
            self.check_client(form)
            if form.get("grant_type") == "client_credentials":
                key = next(key for key, client in self._service_keys.items() if client == form["client_id"])
                return json({"access_token": key})
            return json(self.granted(self.desk.redeem(form)))
        except Refused as refusal:
            return json({"error": refusal.error, "error_description": refusal.description}, 401)

    async def tell(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        ticket = self.desk.holder(form.get("access_token", ""))
        if ticket is None:
            return _error(5, "User authorization failed: invalid access_token (4).")
        person = ticket.person
        year, month, day = person.birthday.split("-") if person.birthday.count("-") == 2 else ("0", "0", "0")
        birth = {"bdate": f"{int(day)}.{int(month)}.{year}"} if person.birthday else {}
        user = {
            "first_name": person.first_name,
            "id": person.number,
            "last_name": person.last_name,
            "can_access_closed": True,
            "is_closed": False,
            "screen_name": person.login,
            **birth,
            "photo_max_orig": "https://userapi.example/photo.jpg",
            "has_mobile": 1,
        }
        return json({"response": [user]})

    async def check_token(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        client = self._service_keys.get(form.get("access_token", ""))
        if client is None:
            return _error(28, "Application authorization failed: service token is invalid")
        ticket = self.desk.holder(form.get("token", ""))
        if ticket is None or ticket.client_id != client:
            return _error(15, "Access denied: token is not of this application")
        given = int(ticket.given_at.timestamp())
        checked = {"success": 1, "user_id": ticket.person.number, "date": given, "expire": int(time.time()) + _DAY}
        return json({"response": checked})


def _error(code: int, message: str) -> web.Response:
    return json({"error": {"error_code": code, "error_msg": message, "request_params": []}})
