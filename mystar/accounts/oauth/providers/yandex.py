"""Yandex ID (https://yandex.ru/dev/id/doc/): vouches for e-mails and says whom a token was made for."""

from __future__ import annotations

from mystar.accounts.oauth.providers.base import Profile, Provider, day_of, subject_of, text_of


class Yandex(Provider):
    name = "yandex"
    issuer = "yandex"
    challenge_method = "S256"

    async def _profile(self, token: str) -> Profile:
        headers = {"Authorization": f"OAuth {token}"}
        said = await self._calls.get(self.name, self.settings.profile_url, {"format": "json"}, headers)
        email = text_of(said.get("default_email"), 254)
        return Profile(
            subject=subject_of(said.get("id")),
            email=email or None,
            vouched=bool(email),
            nickname=text_of(said.get("login")),
            first_name=text_of(said.get("first_name")),
            last_name=text_of(said.get("last_name")),
            birth_date=day_of(said.get("birthday"), r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"),
            audience=text_of(said.get("client_id")) or None,
            said=said,
        )
