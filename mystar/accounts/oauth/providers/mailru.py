"""Mail.ru (OAuth Mail): verifies e-mails and states which client a token was issued to."""

from __future__ import annotations

from mystar.accounts.oauth.providers.base import Profile, Provider, clean_text, parse_date, parse_subject


class MailRu(Provider):
    name = "mailru"
    issuer = "mailru"
    challenge_method = "S256"
    # Asks again each time, so that a person can switch accounts (docs/dialects/identity.md).
    link_parameters = {"scope": "userinfo", "prompt_force": "1"}

    async def _profile(self, token: str) -> Profile:
        # Mail.ru takes the token in the query and nowhere else.
        raw = await self._http_client.get(self.name, self.settings.profile_url, {"access_token": token})
        email = clean_text(raw.get("email"), 254)
        return Profile(
            subject=parse_subject(raw.get("id")),
            email=email or None,
            email_verified=bool(email),
            nickname=clean_text(raw.get("nickname")) or clean_text(raw.get("name")),
            first_name=clean_text(raw.get("first_name")),
            last_name=clean_text(raw.get("last_name")),
            birth_date=parse_date(raw.get("birthday"), r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})"),
            audience=clean_text(raw.get("client_id")) or None,
            raw=raw,
        )
