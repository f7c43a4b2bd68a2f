"""The older VK flow of greetings (oauth.vk.com and api.vk.com): no PKCE, e-mails not verified.

A token of a client is checked by `secure.checkToken`, which knows only the tokens of the calling application.
"""

from __future__ import annotations

from typing import Any

from yarl import URL

from mystar.accounts.oauth.model import ProviderDown, ProviderRefused
from mystar.accounts.oauth.providers.base import Profile, Provider, clean_text, parse_date, parse_subject

_VERSION = "5.124"


class VkLegacy(Provider):
    name = "vk_legacy"
    issuer = "vk"
    link_parameters = {"display": "page", "scope": "email,offline", "v": _VERSION}

    async def _profile(self, token: str) -> Profile:
        fields = "screen_name,bdate,photo_max_orig,has_mobile"
        raw = await self._method(self.settings.profile_url, {"access_token": token, "fields": fields})
        people = raw.get("response")
        user = people[0] if isinstance(people, list) and people and isinstance(people[0], dict) else {}
        return Profile(
            subject=parse_subject(user.get("id")),
            nickname=clean_text(user.get("screen_name")),
            first_name=clean_text(user.get("first_name")),
            last_name=clean_text(user.get("last_name")),
            birth_date=parse_date(user.get("bdate"), r"(?P<d>\d\d?)\.(?P<m>\d\d?)\.(?P<y>\d{4})"),
            raw=user,
        )

    async def _is_issued_to_us(self, token: str, profile: Profile) -> bool:
        if self.settings.own_tokens_only:
            return False
        url = str(URL(self.settings.profile_url).with_name("secure.checkToken"))
        key = self.settings.service_key or await self._service_key()
        checked = (await self._method(url, {"access_token": key, "token": token})).get("response")
        if not isinstance(checked, dict):
            raise ProviderDown
        return checked.get("success") == 1 and str(checked.get("user_id")) == profile.subject

    async def _service_key(self) -> str:
        """The token of the application (client credentials flow)."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
            "v": _VERSION,
        }
        key = (await self._http_client.post(self.name, self.settings.token_url, form)).get("access_token")
        if not isinstance(key, str):
            raise ProviderRefused(reason="no_service_key")
        return key

    async def _method(self, url: str, form: dict[str, str]) -> dict[str, Any]:
        return await self._http_client.post(self.name, url, form | {"v": _VERSION})
