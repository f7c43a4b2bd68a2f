"""What all providers have in common: a link to them, a code for a token, a token for a person."""

from __future__ import annotations

import base64
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Literal

from yarl import URL

from mystar.accounts.oauth.model import ProviderDown, ProviderOff, ProviderRefused, ProviderTokenRefused
from mystar.accounts.oauth.providers.http_client import ProviderHttpClient
from mystar.sections import ProviderSettings

Name = Literal["yandex", "vk", "vk_legacy", "mailru"]
ResponseType = Literal["code", "token"]

#: RFC 6749, appendix A.12, without the space; longer than any provider's.
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_SUBJECT = re.compile(r"[\w.-]{1,100}", re.ASCII)
#: What clients read of a provider's answer to an exchange; anything else stays with us.
_PASSED_ON = ("access_token", "refresh_token", "token_type", "expires_in", "scope", "user_id", "email")


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as a provider knows them.

    :param subject: the id that never changes there.
    :param vouched: the provider answers for the e-mail (D12).
    :param audience: the client that the token was made for, when the provider says it.
    :param said: the provider's own words, for dialects that pass them on.
    """

    subject: str
    email: str | None = None
    email_verified: bool = False
    nickname: str = ""
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None
    audience: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """What a code was exchanged for. ``seconds``: the token's life, 0 when it has no end or none is told."""

    access_token: str
    seconds: int
    raw: Mapping[str, Any]


class Provider(ABC):
    """One provider, and us as its client."""

    name: ClassVar[Name]
    #: Who vouches for the subjects; two providers may share it.
    issuer: ClassVar[str]
    #: The challenge's method as the provider spells it; "" where PKCE is not offered.
    challenge_method: ClassVar[str] = ""
    #: Of the link, besides what every link has.
    link_parameters: ClassVar[Mapping[str, str]] = {}

    def __init__(self, settings: ProviderSettings, http_client: ProviderHttpClient) -> None:
        self.settings, self._http_client = settings, http_client

    def require(self) -> None:
        """:raises ProviderOff: there is no client of ours."""
        if not self.settings.client_id:
            raise ProviderOff

    def link(self, *, state: str, verifier: str, redirect_url: str, response_type: ResponseType = "code") -> str:
        """Where a browser goes to choose who they are. :raises ProviderOff:"""
        self.require()
        query = {
            "response_type": response_type,
            "client_id": self.settings.client_id,
            **self.link_parameters,
            "redirect_uri": redirect_url,
            "state": state,
        }
        if self.challenge_method and response_type == "code":
            query |= {"code_challenge": pkce_challenge(verifier), "code_challenge_method": self.challenge_method}
        return str(URL(self.settings.authorize_url).update_query(query))

    async def exchange(
        self, code: str, *, state: str, verifier: str, redirect_url: str, device_id: str | None = None
    ) -> TokenResponse:
        """A token for the code that came back to ``redirect_url``.

        :raises ProviderRefused: in the provider's words. :raises ProviderDown: :raises ProviderOff:
        """
        self.require()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_url}
        if self.challenge_method:
            form["code_verifier"] = verifier
        raw = await self._ask_for_token(form, state=state, device_id=device_id)
        token = raw.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ProviderDown
        return TokenResponse(
            token, _seconds(raw.get("expires_in")), {key: raw[key] for key in _PASSED_ON if key in raw}
        )

    async def identify(self, token: str, *, own: bool) -> Profile:
        """Whom the token stands for, once it is sure that the token was made for us.

        A token made for another site is a stranger's way in: that site could show it to us in its visitor's name.

        :param own: the token came out of our own exchange.
        :raises ProviderTokenRefused: :raises ProviderDown: :raises ProviderOff:
        """
        self.require()
        if not _TOKEN.fullmatch(token):
            raise ProviderTokenRefused
        try:
            profile = await self._profile(token)
            ours = own if profile.audience is None else profile.audience == self.settings.client_id
            if not ours and (profile.audience is not None or not await self._is_issued_to_us(token, profile)):
                raise ProviderTokenRefused
        except ProviderRefused as refusal:
            raise ProviderTokenRefused from refusal
        return profile

    async def _ask_for_token(self, form: dict[str, str], *, state: str, device_id: str | None) -> dict[str, Any]:
        """The usual way: our name and secret beside the code."""
        ours = {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        return await self._http_client.post(self.name, self.settings.token_url, form | ours)

    @abstractmethod
    async def _profile(self, token: str) -> Profile:
        """:raises ProviderRefused: the provider does not know the token."""

    async def _is_issued_to_us(self, token: str, profile: Profile) -> bool:
        """Whether the provider, asked for it, says that the token was made for us. Most have no such question."""
        return False


def pkce_challenge(verifier: str) -> str:
    """S256 (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def parse_subject(value: Any) -> str:
    """:raises ProviderDown: no id, so no answer that we understand."""
    subject = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _SUBJECT.fullmatch(subject):
        raise ProviderDown
    return subject


def clean_text(value: Any, longest: int = 150) -> str:
    """A text of the provider's, tidied; "" for anything else. It is shown to people, so nothing invisible stays."""
    return " ".join("".join(c for c in value if c.isprintable()).split())[:longest] if isinstance(value, str) else ""


def parse_date(value: Any, pattern: str) -> date | None:
    """A whole date by a pattern with groups ``d``, ``m``, ``y``; None for none, half of one, or nonsense."""
    found = re.fullmatch(pattern, value) if isinstance(value, str) else None
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"])) if found else None
    except ValueError:
        return None


def _seconds(value: Any) -> int:
    return int(value) if isinstance(value, int | str) and re.fullmatch(r"\d{1,12}", str(value)) else 0
