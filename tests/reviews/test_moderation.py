"""The author of a review is told, with the reason, that staff have hidden it or show it again."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.kit.keys import DATABASE
from tests.admin.conftest import Panel, sign_in
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.notifications.notification_requests import notifications_of
from tests.reviews.conftest import reviewed


async def mails_to(app: web.Application, person: Person) -> list[dict[str, Any]]:
    found = await app[DATABASE].all("select payload from outbox where topic = 'mail' order by id")
    return [row["payload"] for row in found if row["payload"]["to"] == person.email]


async def about_content(api: Api, person: Person, language: str = "ru") -> list[tuple[str, str]]:
    found = await notifications_of(api, person, language=language)
    return [(one["type"], one["message"]) for one in found if one["type"].startswith("content_")]


async def test_the_author_of_a_review_reads_why_it_was_hidden_and_that_it_is_shown_again(
    api: Api, app: web.Application, factory: Factory, buyer: Person, creator: Person, order: int
) -> None:
    review_id = (await reviewed(api, buyer, order))["id"]
    panel: Panel = await sign_in(api, await factory.staff("operator"))
    path, before = f"/admin/reviews/{review_id}/listing/", len(await mails_to(app, buyer))
    for _ in range(2):  # the second click tells nothing
        await panel.do(path, is_listed="no", reason="Отзыв не о заказе.")
    hidden = ("content_removed", "Администрация скрыла ваш отзыв о заказе №1. Отзыв не о заказе.")
    assert await about_content(api, buyer) == [hidden]
    [mail] = (await mails_to(app, buyer))[before:]
    assert mail["subject"].endswith("мы скрыли ваш отзыв о заказе №1")
    assert "Причина: Отзыв не о заказе." in mail["text"]
    await panel.do(path, is_listed="yes", reason="Разобрались.")
    shown = ("content_shown", "Администрация снова показывает ваш отзыв о заказе №1. Разобрались.")
    assert await about_content(api, buyer) == [shown, hidden]
    assert (await about_content(api, buyer, "en"))[0][
        1
    ] == "The staff show your review of order no. 1 again. Разобрались."
    assert (await mails_to(app, buyer))[-1]["subject"].endswith("мы снова показываем ваш отзыв о заказе №1")
    assert await about_content(api, creator) == []
