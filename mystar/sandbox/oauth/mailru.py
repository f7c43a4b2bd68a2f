"""A double of OAuth Mail (oauth.mail.ru)."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import SECRET_KEY, Double, Handler, Refused, Ticket, form_of
from mystar.sandbox.pages import json

PREFIX = "/mailru"
CLIENT_ID, STRANGER_ID = "sandbox-mailru", "another-site"
CLIENTS = {CLIENT_ID: SECRET_KEY, STRANGER_ID: SECRET_KEY}


class MailRu(Double):
    key = "mailru"
    title = ("Mail.ru", "Mail.ru")
    authorize_path = f"{PREFIX}/login"
    required = ("client_id", "redirect_uri", "state")

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [("POST", f"{PREFIX}/token", self.give_token), ("GET", f"{PREFIX}/userinfo", self.tell)]

    def granted(self, ticket: Ticket) -> dict[str, Any]:
        return {
            "access_token": self.desk.token(ticket),
            "expires_in": 3600,
            "refresh_token": secrets.token_hex(32),
            "token_type": "bearer",
        }

    async def give_token(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        try:
            self.check_client(form)
            if form.get("grant_type") != "authorization_code":
                raise Refused("invalid_request", "unsupported grant_type")
            return json(self.granted(self.desk.redeem(form)))
        except Refused as refusal:
            return json({"error": refusal.error, "error_code": 5, "error_description": refusal.description}, 400)

    async def tell(self, request: web.Request) -> web.Response:
        ticket = self.desk.holder(request.query.get("access_token", ""))
        if ticket is None:
            return json({"error": "token not found", "error_code": 6, "error_description": "token not found"})
        person = ticket.person
        year, month, day = person.birthday.split("-") if person.birthday.count("-") == 2 else ("", "", "")
        return json(
            {
                "id": str(person.number),
                "client_id": ticket.client_id,
                "gender": "",
                "name": person.name,
                "nickname": person.login,
                "locale": "ru_RU",
                "first_name": person.first_name,
                "last_name": person.last_name,
                "birthday": f"{day}.{month}.{year}" if year else "",
                "email": person.email,
                "image": "https://filin.example/pic",
            }
        )
