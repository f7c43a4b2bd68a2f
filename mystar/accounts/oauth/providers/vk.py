"""VK ID (https://id.vk.com/about/business/go/docs/): OAuth 2.1 with PKCE and without a client secret.

It does not verify e-mails. A profile request names the client, but VK's documents do not say that a token of another
client is refused then; `own_tokens_only` therefore accepts only tokens of our own exchange.
"""

from __future__ import annotations

from typing import Any

from mystar.accounts.oauth.model import ProviderRefused
from mystar.accounts.oauth.providers.base import Profile, Provider, clean_text, parse_date, parse_phone, parse_subject


class VkId(Provider):
    name = "vk"
    issuer = "vk"
    challenge_method = "s256"
    link_parameters = {"scope": "email"}

    async def _ask_for_token(self, form: dict[str, str], *, state: str, device_id: str | None) -> dict[str, Any]:
        more = {"client_id": self.settings.client_id, "device_id": device_id or "", "state": state}
        raw = await self._http_client.post(self.name, self.settings.token_url, form | more)
        # A response to another request must not log in the wrong person.
        if raw.get("state", state) != state:
            raise ProviderRefused(reason="state")
        return raw

    async def _profile(self, token: str) -> Profile:
        form = {"client_id": self.settings.client_id, "access_token": token}
        raw = await self._http_client.post(self.name, self.settings.profile_url, form)
        user = raw.get("user")
        user = user if isinstance(user, dict) else {}
        return Profile(
            subject=parse_subject(user.get("user_id")),
            email=clean_text(user.get("email"), 254) or None,
            first_name=clean_text(user.get("first_name")),
            last_name=clean_text(user.get("last_name")),
            # Verified, and given to applications with the scope "phone"; an e-mail is not verified.
            phone=parse_phone(user.get("phone")),
            birth_date=parse_date(user.get("birthday"), r"(?P<d>\d\d?)\.(?P<m>\d\d?)\.(?P<y>\d{4})"),
            raw=user,
        )

    async def _is_issued_to_us(self, token: str, profile: Profile) -> bool:
        return not self.settings.own_tokens_only
