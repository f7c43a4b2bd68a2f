"""A double of VK ID (OAuth 2.1 at id.vk.com): PKCE, device_id, no client secret, refusals with status 200."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import Double, Handler, Refused, Ticket, form_of
from mystar.sandbox.pages import json

PREFIX = "/vkid"
CLIENT_ID, STRANGER_ID = "51000001", "51999999"
CLIENTS = {CLIENT_ID: "", STRANGER_ID: ""}


class VkId(Double):
    key = "vk"
    title = ("VK ID", "VK ID")
    authorize_path = f"{PREFIX}/authorize"
    required = ("client_id", "redirect_uri", "state", "code_challenge")

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", f"{PREFIX}/oauth2/auth", self.give_token),
            ("POST", f"{PREFIX}/oauth2/user_info", self.tell),
        ]

    def beside_the_code(self) -> dict[str, str]:
        return {"device_id": secrets.token_urlsafe(24), "type": "code_v2", "expires_in": "600"}

    def granted(self, ticket: Ticket) -> dict[str, Any]:
        return {
            "refresh_token": f"vk2.r.{secrets.token_urlsafe(32)}",
            "access_token": f"vk2.a.{self.desk.token(ticket)}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "user_id": ticket.person.number,
            "state": ticket.asked["state"],
            "scope": ticket.asked.get("scope", ""),
        }

    async def give_token(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        try:
            if form.get("grant_type") != "authorization_code" or not form.get("device_id"):
                raise Refused("invalid_request", "grant_type or device_id is missing")
            ticket = self.desk.redeem(form)
            if form.get("state") != ticket.asked["state"]:
                raise Refused("invalid_request", "state does not match")
            return json(self.granted(ticket))
        except Refused as refusal:
            return json({"error": refusal.error, "error_description": refusal.description, "state": form.get("state")})

    async def tell(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        ticket = self.desk.holder(form.get("access_token", "").removeprefix("vk2.a."))
        if ticket is None:
            return json({"error": "invalid_token", "error_description": "access_token is missing or invalid"})
        if ticket.client_id != form.get("client_id"):
            return json({"error": "invalid_client", "error_description": "access_token belongs to another client"})
        person = ticket.person
        year, month, day = person.birthday.split("-") if person.birthday.count("-") == 2 else ("", "", "")
        user = {
            "user_id": str(person.number),
            "first_name": person.first_name,
            "last_name": person.last_name,
            "avatar": "https://userapi.example/photo.jpg",
            "email": person.email,
            "sex": 0,
            "verified": False,
            "birthday": f"{day}.{month}.{year}" if year else "",
        }
        return json({"user": user})
