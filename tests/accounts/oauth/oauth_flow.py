"""Sign-in through a provider, as a browser and its client do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import ClientResponse
from yarl import URL

from tests.conftest import Api

#: The fixed state of a careless client.
VERIFIER, CHALLENGE = "v" * 43, "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"


@dataclass(frozen=True)
class Flow:
    """One provider in one channel.

    :param stranger: a client at the provider that is not us.
    """

    name: str
    dialect: str
    link: str
    code: str
    registration: str
    login: str
    stranger: str

    def __str__(self) -> str:
        return f"{self.name}-{self.dialect}"

    @property
    def is_greetings(self) -> bool:
        return self.dialect == "greetings"


def _identity(name: str, path: str, stranger: str) -> Flow:
    addresses = (f"{path}/link", f"{path}/get/token", f"{path}/registration", f"{path}/login")
    return Flow(name, "identity", *addresses, stranger)


YANDEX = _identity("yandex", "/yandex", "another-site")
VK = _identity("vk", "/vk", "51999999")
MAILRU = _identity("mailru", "/mail.ru", "another-site")
VK_LEGACY = Flow(
    "vk_legacy", "greetings", "/api/pre-vk-oauth/", "/api/mid-vk/", "/api/vk-oauth/", "/api/vk-login/", "7999999"
)
YANDEX_GREETINGS = Flow(
    "yandex",
    "greetings",
    "/api/pre-yandex-oauth/",
    "/api/mid-yandex/",
    "/api/yandex-oauth/",
    "/api/yandex-login/",
    "another-site",
)
#: One channel for each provider.
PROVIDERS = (YANDEX, VK, VK_LEGACY, MAILRU)
FLOWS = (*PROVIDERS, YANDEX_GREETINGS)


async def link_of(api: Api, flow: Flow) -> URL:
    answer = await api.get(flow.link)
    assert answer.status == 200, await answer.text()
    body = await answer.json()
    return URL(body["link"] if flow.is_greetings else body)


async def browser_of(api: Api, flow: Flow) -> tuple[URL, str]:
    """A link, and the cookie of the browser that asked for it."""
    api.forget_cookies()
    answer = await api.get(flow.link)
    body = await answer.json()
    cookie = answer.cookies[f"mystar_sign_in_{flow.name}"].value
    return URL(body["link"] if flow.is_greetings else body), cookie


async def choose(link: URL, **person: str) -> URL:
    """The choice at the provider; returns where the browser is redirected. ``deny="1"`` refuses."""
    # The address is sent as it came, like a browser does.
    async with aiohttp.ClientSession() as session, session.post(link, data=person, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return URL(answer.headers["Location"])


async def come_back(api: Api, flow: Flow, back: URL, **instead: str | None) -> ClientResponse:
    """The client passes on what the provider sent, or something ``instead`` of parts of it; None = not at all."""
    query = {**back.query, **instead}
    return await api.get(flow.code, params={name: value for name, value in query.items() if value is not None})


async def token_of(api: Api, flow: Flow, **person: str) -> str:
    """A provider token of a person, issued to us."""
    answer = await come_back(api, flow, await choose(await link_of(api, flow), **person))
    assert answer.status == 200, await answer.text()
    return str((await answer.json())["access_token"])


async def login(api: Api, flow: Flow, token: str, **options: Any) -> ClientResponse:
    if flow.is_greetings:
        return await api.post(flow.login, {"access_token": token}, **options)
    return await api.get(flow.login, params={"access_token": token}, **options)


async def register(
    api: Api, flow: Flow, token: str, more: Mapping[str, Any] | None = None, **options: Any
) -> ClientResponse:
    if flow.is_greetings:
        return await api.post(flow.registration, {"access_token": token, **(more or {})}, **options)
    return await api.get(flow.registration, params={"access_token": token}, **options)


async def strangers_token(flow: Flow, http: str, **person: str) -> str:
    """A token of the same person, issued to another client."""
    prefixes = {"yandex": "/yandex", "vk": "/vkid", "vk_legacy": "/vk", "mailru": "/mailru"}
    pages = {"yandex": "/authorize", "vk": "/authorize", "vk_legacy": "/authorize", "mailru": "/login"}
    exchanges = {"yandex": "/token", "vk": "/oauth2/auth", "vk_legacy": "/access_token", "mailru": "/token"}
    base = http + prefixes[flow.name]
    ours = {"client_id": flow.stranger, "redirect_uri": "https://another.example/back"}
    asked = {**ours, "response_type": "code", "state": "s", "code_challenge_method": "S256"}
    asked["code_challenge"] = CHALLENGE
    back = await choose(URL(base + pages[flow.name]).with_query(asked), **person)
    form = {**ours, "grant_type": "authorization_code", "code": back.query["code"], "code_verifier": VERIFIER}
    form |= {"client_secret": "sandbox-secret-key", "device_id": back.query.get("device_id", ""), "state": "s"}
    async with aiohttp.ClientSession() as session, session.post(base + exchanges[flow.name], data=form) as answer:
        said = await answer.json()
        assert "access_token" in said, said
        return str(said["access_token"])
