"""All providers, as the settings describe us to them."""

from __future__ import annotations

from mystar.accounts.oauth.providers.base import Provider
from mystar.accounts.oauth.providers.http_client import Calls
from mystar.accounts.oauth.providers.mailru import MailRu
from mystar.accounts.oauth.providers.vk import VkId
from mystar.accounts.oauth.providers.vk_legacy import VkLegacy
from mystar.accounts.oauth.providers.yandex import Yandex
from mystar.sections import OauthSettings


def every_provider(settings: OauthSettings, calls: Calls) -> tuple[Provider, ...]:
    """Those that are switched off, too: they say so when they are asked."""
    return (
        Yandex(settings.yandex, calls),
        VkId(settings.vk, calls),
        VkLegacy(settings.vk_legacy, calls),
        MailRu(settings.mailru, calls),
    )
