"""What staff hide or show again is told to the person who posted it, with the reason that the form asks for."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.catalog.keys import CATALOG
from mystar.kit.keys import DATABASE
from tests.admin.conftest import sign_in
from tests.conftest import Api
from tests.factory import Factory, actor
from tests.orders.market import open_market

SETTINGS = "/api/v1/notifications/settings/"


async def mails(app: web.Application) -> list[dict[str, Any]]:
    found = await app[DATABASE].all("select payload from outbox where topic = 'mail' order by id")
    return [row["payload"] for row in found if "Администрация" in row["payload"]["text"]]


async def test_a_creator_reads_why_a_service_was_hidden_and_that_it_is_shown_again(
    api: Api, app: web.Application, factory: Factory
) -> None:
    market = await open_market(app, api, factory)
    creator, path = market.creator, f"/admin/services/{market.service_id}/"
    panel = await sign_in(api, await factory.staff("operator"))
    for _ in range(2):  # the second click tells nothing
        await panel.do(f"{path}listing/", is_listed="no", reason="Реклама чужого магазина.", note="третий раз")
    [mail] = await mails(app)
    assert (mail["to"], mail["subject"]) == (creator.email, "UGC Market: мы скрыли вашу услугу «Ролик для блога»")
    assert "Причина: Реклама чужого магазина." in mail["text"]
    assert (mail["reply_to"], bool(mail["unsubscribe"])) == ("support@localhost", True)
    done = await panel.post("/admin/services/bulk/", action="show", id=market.service_id, reason="Исправлено")
    assert done.status == 200
    found = (await (await api.get("/api/v1/notifications/", as_=creator)).json())["results"][:2]
    assert [(one["type"], one["priority"], one["message"]) for one in found] == [
        ("content_shown", "normal", "Администрация снова показывает вашу услугу «Ролик для блога». Исправлено"),
        (
            "content_removed",
            "high",
            "Администрация скрыла вашу услугу «Ролик для блога». Реклама чужого магазина.",
        ),
    ]
    assert "третий раз" not in str(found)
    assert len(await mails(app)) == 2
    # By kind, and not at all once the account is blocked.
    await api.patch(SETTINGS, {"muted": ["content_removed"]}, as_=creator)
    staff = actor(await factory.staff(), "operator")
    await app[CATALOG].set_listed(staff, market.service_id, False, "Снова")
    assert len(await mails(app)) == 2
    await app[DATABASE].execute("update accounts set is_active = false where id = %(id)s", id=creator.id)
    await app[CATALOG].set_listed(staff, market.service_id, True)
    count = "select count(*) from notifications where kind like 'content%%'"
    assert (await app[DATABASE].value(count), len(await mails(app))) == (3, 2)
