"""Yandex ID (https://yandex.ru/dev/id/doc/): verifies e-mails and states which client a token was issued to."""

from __future__ import annotations

from mystar.accounts.oauth.providers.base import Profile, Provider, clean_text, parse_date, parse_phone, parse_subject


class Yandex(Provider):
    name = "yandex"
    issuer = "yandex"
    challenge_method = "S256"

    async def _profile(self, token: str) -> Profile:
        headers = {"Authorization": f"OAuth {token}"}
        raw = await self._http_client.get(self.name, self.settings.profile_url, {"format": "json"}, headers)
        # Yandex binds a phone to an account by an SMS; it is handed over to applications that ask for it.
        phone = raw.get("default_phone")
        email = clean_text(raw.get("default_email"), 254)
        return Profile(
            subject=parse_subject(raw.get("id")),
            email=email or None,
            email_verified=bool(email),
            nickname=clean_text(raw.get("login")),
            first_name=clean_text(raw.get("first_name")),
            last_name=clean_text(raw.get("last_name")),
            birth_date=parse_date(raw.get("birthday"), r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"),
            phone=parse_phone(phone.get("number")) if isinstance(phone, dict) else None,
            audience=clean_text(raw.get("client_id")) or None,
            raw=raw,
        )
