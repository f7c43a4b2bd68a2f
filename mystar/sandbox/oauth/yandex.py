"""A double of Yandex ID: https://yandex.ru/dev/id/doc/."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import SECRET_KEY, Double, Handler, Refused, Ticket, form_of
from mystar.sandbox.pages import json

PREFIX = "/yandex"
CLIENT_ID, STRANGER_ID = "sandbox-yandex", "another-site"
CLIENTS = {CLIENT_ID: SECRET_KEY, STRANGER_ID: SECRET_KEY}
_YEAR = 31_536_000


class Yandex(Double):
    key = "yandex"
    title = ("Яндекс ID", "Yandex ID")
    authorize_path = f"{PREFIX}/authorize"
    response_types = ("code", "token")

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [("POST", f"{PREFIX}/token", self.give_token), ("GET", f"{PREFIX}/info", self.tell)]

    def granted(self, ticket: Ticket) -> dict[str, Any]:
        return {
            "access_token": f"y0_{self.desk.token(ticket)}",
            "expires_in": _YEAR,
            "refresh_token": f"1:{secrets.token_urlsafe(24)}",
            "token_type": "bearer",
        }

    async def give_token(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        try:
            self.check_client(form)
            if form.get("grant_type") != "authorization_code":
                raise Refused("unsupported_grant_type", "unsupported_grant_type")
            return json(self.granted(self.desk.redeem(form)))
        except Refused as refusal:
            return json({"error": refusal.error, "error_description": refusal.description}, 400)

    async def tell(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        ticket = self.desk.holder(token.removeprefix("y0_")) if scheme.lower() in ("oauth", "bearer") else None
        if ticket is None:
            return web.Response(status=401)
        person = ticket.person
        return json(
            {
                "id": str(person.number),
                "login": person.login,
                "client_id": ticket.client_id,
                "display_name": person.name,
                "real_name": person.name,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "sex": None,
                "default_email": person.email,
                "emails": [person.email] if person.email else [],
                "birthday": person.birthday or None,
                "default_avatar_id": "0/0-0",
                "is_avatar_empty": True,
                "psuid": f"1.AA.{person.number}",
            }
        )
