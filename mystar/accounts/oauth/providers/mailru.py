"""Mail.ru (OAuth Mail): vouches for its mailboxes and says whom a token was made for."""

from __future__ import annotations

from mystar.accounts.oauth.providers.base import Profile, Provider, day_of, subject_of, text_of


class MailRu(Provider):
    name = "mailru"
    issuer = "mailru"
    challenge_method = "S256"
    # Of docs/dialects/identity.md: whoever comes back to switch accounts is asked again.
    link_parameters = {"scope": "userinfo", "prompt_force": "1"}

    async def _profile(self, token: str) -> Profile:
        # Mail.ru takes the token in the query and nowhere else.
        said = await self._calls.get(self.name, self.settings.profile_url, {"access_token": token})
        email = text_of(said.get("email"), 254)
        return Profile(
            subject=subject_of(said.get("id")),
            email=email or None,
            vouched=bool(email),
            nickname=text_of(said.get("nickname")) or text_of(said.get("name")),
            first_name=text_of(said.get("first_name")),
            last_name=text_of(said.get("last_name")),
            birth_date=day_of(said.get("birthday"), r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})"),
            audience=text_of(said.get("client_id")) or None,
            said=said,
        )
