"""All providers, as configured."""

from __future__ import annotations

from mystar.accounts.oauth.providers.base import Provider
from mystar.accounts.oauth.providers.http_client import ProviderHttpClient
from mystar.accounts.oauth.providers.mailru import MailRu
from mystar.accounts.oauth.providers.vk import VkId
from mystar.accounts.oauth.providers.vk_legacy import VkLegacy
from mystar.accounts.oauth.providers.yandex import Yandex
from mystar.sections import OauthSettings


def all_providers(settings: OauthSettings, http_client: ProviderHttpClient) -> tuple[Provider, ...]:
    """Including disabled ones, which raise `ProviderOff`."""
    return (
        Yandex(settings.yandex, http_client),
        VkId(settings.vk, http_client),
        VkLegacy(settings.vk_legacy, http_client),
        MailRu(settings.mailru, http_client),
    )
