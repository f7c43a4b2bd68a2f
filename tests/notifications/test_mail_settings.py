"""Which kinds of notifications an account wants mails about."""

from __future__ import annotations

from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.notifications.repository import NotificationRepository
from tests.chat.chat_client import opened, said
from tests.conftest import Api
from tests.factory import Factory

SETTINGS = "/api/v1/notifications/settings/"


async def test_kinds_that_are_muted_are_not_mailed(api: Api, app: web.Application, factory: Factory) -> None:
    reader, writer = await factory.person(), await factory.person()
    database = app[DATABASE]
    assert await (await api.get(SETTINGS, as_=reader)).json() == {"email": True, "muted": []}
    refused = await api.patch(SETTINGS, {"muted": ["spam"]}, as_=reader)
    assert refused.status == 422
    changed = await api.patch(SETTINGS, {"muted": ["message", "announcement", "message"]}, as_=reader)
    assert await changed.json() == {"email": True, "muted": ["announcement", "message"]}
    # The switch for all of them and the kinds are independent of each other.
    assert (await (await api.patch(SETTINGS, {"email": False}, as_=reader)).json())["muted"] != []
    assert (await (await api.patch(SETTINGS, {"email": True}, as_=reader)).json())["email"] is True

    chat = await opened(api, writer, reader)
    await said(api, writer, chat, "Привет")
    notifications = NotificationRepository(database)
    assert await notifications.digest_of(reader.id, 20) == ([], 0)
    assert [await notifications.wants_mail(reader.id, kind) for kind in (None, "message", "offer")] == [
        True,
        False,
        True,
    ]
    await api.patch(SETTINGS, {"muted": []}, as_=reader)
    assert (await notifications.digest_of(reader.id, 20))[1] == 1
