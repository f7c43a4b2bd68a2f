"""The client of a provider: authorization URL, code exchange, and the profile of a token."""

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

from mystar.accounts.credentials import InvalidCredential, normalize_phone
from mystar.accounts.oauth.model import ProviderDown, ProviderOff, ProviderRefused, ProviderTokenRefused
from mystar.accounts.oauth.providers.http_client import ProviderHttpClient
from mystar.sections import ProviderSettings

Name = Literal["yandex", "vk", "vk_legacy", "mailru"]
ResponseType = Literal["code", "token"]

#: RFC 6749, appendix A.12, without the space; longer than any provider's.
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_SUBJECT = re.compile(r"[\w.-]{1,100}", re.ASCII)
#: Fields of the token response that are passed on to clients.
_TOKEN_FIELDS = ("access_token", "refresh_token", "token_type", "expires_in", "scope", "user_id", "email")


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile at a provider.

    :param subject: the permanent id.
    :param email_verified: the provider vouches for the e-mail (D12).
    :param phone: in E.164, verified by the provider; None without one, or where it does not vouch for it.
    :param audience: the client id that the token was issued to, if the provider states it.
    :param raw: the response of the provider, for dialects that pass it on.
    """

    subject: str
    email: str | None = None
    email_verified: bool = False
    nickname: str = ""
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None
    phone: str | None = None
    audience: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """``seconds``: the lifetime of the token, 0 if unlimited or not stated."""

    access_token: str
    seconds: int
    raw: Mapping[str, Any]


class Provider(ABC):
    """One provider, with our client id."""

    name: ClassVar[Name]
    #: The namespace of the subjects; two providers may share it.
    issuer: ClassVar[str]
    #: The PKCE method as the provider spells it; "" without PKCE.
    challenge_method: ClassVar[str] = ""
    #: Further parameters of the authorization URL.
    link_parameters: ClassVar[Mapping[str, str]] = {}

    def __init__(self, settings: ProviderSettings, http_client: ProviderHttpClient) -> None:
        self.settings, self._http_client = settings, http_client

    def require_enabled(self) -> None:
        """:raises ProviderOff: no client id is configured."""
        if not self.settings.client_id:
            raise ProviderOff

    def authorization_url(
        self, *, state: str, verifier: str, redirect_url: str, response_type: ResponseType = "code"
    ) -> str:
        """Where the browser goes to sign in. :raises ProviderOff:"""
        self.require_enabled()
        query = {
            "response_type": response_type,
            "client_id": self.settings.client_id,
            **self.link_parameters,
            **({"scope": self.settings.scope} if self.settings.scope else {}),
            "redirect_uri": redirect_url,
            "state": state,
        }
        if self.has_pkce(response_type):
            query |= {"code_challenge": pkce_challenge(verifier), "code_challenge_method": self.challenge_method}
        return str(URL(self.settings.authorize_url).update_query(query))

    def has_pkce(self, response_type: ResponseType) -> bool:
        """Whether a code of another attempt is refused by the provider (RFC 7636)."""
        return bool(self.challenge_method) and response_type == "code"

    async def exchange(
        self, code: str, *, state: str, verifier: str, redirect_url: str, device_id: str | None = None
    ) -> TokenResponse:
        """A token for the code that came back to ``redirect_url``.

        :raises ProviderRefused: with the provider's error code. :raises ProviderDown: :raises ProviderOff:
        """
        self.require_enabled()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_url}
        if self.challenge_method:
            form["code_verifier"] = verifier
        raw = await self._ask_for_token(form, state=state, device_id=device_id)
        token = raw.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ProviderDown
        return TokenResponse(
            token, _seconds(raw.get("expires_in")), {key: raw[key] for key in _TOKEN_FIELDS if key in raw}
        )

    async def identify(self, token: str, *, own: bool) -> Profile:
        """The profile of a token that was issued to our client.

        A token issued to another client is refused, as its owner could use it to log in as its users.

        :param own: the token comes from our own exchange.
        :raises ProviderTokenRefused: :raises ProviderDown: :raises ProviderOff:
        """
        self.require_enabled()
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
        """With client id and secret beside the code."""
        ours = {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        return await self._http_client.post(self.name, self.settings.token_url, form | ours)

    @abstractmethod
    async def _profile(self, token: str) -> Profile:
        """:raises ProviderRefused: the provider does not know the token."""

    async def _is_issued_to_us(self, token: str, profile: Profile) -> bool:
        """Whether the provider confirms that the token was issued to us. Most cannot be asked."""
        return False


def pkce_challenge(verifier: str) -> str:
    """S256 (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def parse_subject(value: Any) -> str:
    """:raises ProviderDown: the response has no valid id."""
    subject = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _SUBJECT.fullmatch(subject):
        raise ProviderDown
    return subject


def clean_text(value: Any, max_length: int = 150) -> str:
    """A text without invisible characters and repeated spaces; "" for anything else."""
    return " ".join("".join(c for c in value if c.isprintable()).split())[:max_length] if isinstance(value, str) else ""


def parse_phone(value: Any) -> str | None:
    """E.164; None for anything else."""
    try:
        return normalize_phone(clean_text(value, 40))
    except InvalidCredential:
        return None


def parse_date(value: Any, pattern: str) -> date | None:
    """A complete date by a pattern with the groups ``d``, ``m`` and ``y``; None for anything else."""
    found = re.fullmatch(pattern, value) if isinstance(value, str) else None
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"])) if found else None
    except ValueError:
        return None


def _seconds(value: Any) -> int:
    return int(value) if isinstance(value, int | str) and re.fullmatch(r"\d{1,12}", str(value)) else 0
