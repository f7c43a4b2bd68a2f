"""A double of VK ID (OAuth 2.1 at id.vk.com): PKCE, device_id, no client secret, refusals with status 200."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from mystar.sandbox.oauth.provider import Grant, Handler, ProviderDouble, Refused, read_parameters
from mystar.sandbox.pages import json

PREFIX = "/vkid"
CLIENT_ID, STRANGER_ID = "51000001", "51999999"
CLIENTS = {CLIENT_ID: "", STRANGER_ID: ""}


class VkId(ProviderDouble):
    key = "vk"
    title = ("VK ID", "VK ID")
    authorize_path = f"{PREFIX}/authorize"
    required = ("client_id", "redirect_uri", "state", "code_challenge")

    def endpoints(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", f"{PREFIX}/oauth2/auth", self.exchange_code),
            ("POST", f"{PREFIX}/oauth2/user_info", self.show_profile),
        ]

    def redirect_parameters(self) -> dict[str, str]:
        return {"device_id": secrets.token_urlsafe(24), "type": "code_v2", "expires_in": "600"}

    def token_response(self, grant: Grant) -> dict[str, Any]:
        return {
            "refresh_token": f"vk2.r.{secrets.token_urlsafe(32)}",
            "access_token": f"vk2.a.{self.tokens.issue_token(grant)}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "user_id": grant.account.number,
            "state": grant.parameters["state"],
            "scope": grant.parameters.get("scope", ""),
        }

    async def exchange_code(self, request: web.Request) -> web.Response:
        form = await read_parameters(request)
        try:
            if form.get("grant_type") != "authorization_code" or not form.get("device_id"):
                raise Refused("invalid_request", "grant_type or device_id is missing")
            grant = self.tokens.redeem(form)
            if form.get("state") != grant.parameters["state"]:
                raise Refused("invalid_request", "state does not match")
            return json(self.token_response(grant))
        except Refused as refusal:
            return json({"error": refusal.error, "error_description": refusal.description, "state": form.get("state")})

    async def show_profile(self, request: web.Request) -> web.Response:
        form = await read_parameters(request)
        grant = self.tokens.find(form.get("access_token", "").removeprefix("vk2.a."))
        if grant is None:
            return json({"error": "invalid_token", "error_description": "access_token is missing or invalid"})
        if grant.client_id != form.get("client_id"):
            return json({"error": "invalid_client", "error_description": "access_token belongs to another client"})
        account = grant.account
        year, month, day = account.birthday.split("-") if account.birthday.count("-") == 2 else ("", "", "")
        user = {
            "user_id": str(account.number),
            "first_name": account.first_name,
            "last_name": account.last_name,
            "avatar": "https://userapi.example/photo.jpg",
            "email": account.email,
            **({"phone": account.phone.removeprefix("+")} if account.phone else {}),
            "sex": 0,
            "verified": False,
            "birthday": f"{day}.{month}.{year}" if year else "",
        }
        return json({"user": user})
