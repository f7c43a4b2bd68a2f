"""Reviews in the market dialect (docs/dialects/market.md#reviews, D27)."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from aiohttp import web

from mystar.app import broken_invariants
from mystar.creators.keys import CREATORS
from mystar.errors import Forbidden
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDER_READS, ORDERS
from mystar.reviews.keys import REVIEWS
from mystar.reviews.model import ReviewUnknown
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.notifications.notification_requests import kinds, notifications_of
from tests.reviews.conftest import GOOD, Complete, reviewed


def at(order_id: int) -> str:
    return f"/api/v1/orders/{order_id}/reviews/"


async def rating(app: web.Application, creator: Person) -> tuple[float, int]:
    found = await app[CREATORS].by_account(creator.id)
    return float(found.rating), found.rating_count


async def listed(api: Api, app: web.Application, creator: Person) -> list[int]:
    creator_id = (await app[CREATORS].by_account(creator.id)).id
    page = await (await api.get(f"/api/v1/creators/{creator_id}/reviews/")).json()
    return [one["id"] for one in page["results"]]


async def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = await answer.json()
    assert (answer.status, body["code"]) == (status, code), body
    return body


async def test_a_buyer_reviews_a_completed_order_publicly(
    api: Api, app: web.Application, buyer: Person, creator: Person, order: int
) -> None:
    made = await reviewed(api, buyer, order, rating=4)
    profile = await app[CREATORS].by_account(creator.id)
    assert made == {
        "id": made["id"],
        "order_id": order,
        "service_id": made["service_id"],
        "service_title": "Видео-поздравление",
        "creator_profile": profile.id,
        "creator_name": "Анна Комета",
        "reviewer": {"id": buyer.id, "username": "olga", "avatar": None},
        "rating": 4,
        "content": "Замечательно!",
        "comment": "Замечательно!",
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
        "reply": None,
    }
    assert (float(profile.rating), profile.rating_count) == (4, 1)
    for path in (f"/api/v1/creators/{profile.id}/reviews/", f"/api/services/{made['service_id']}/reviews/"):
        page = await (await api.get(path)).json()
        assert page == {"count": 1, "next": None, "previous": None, "results": [made]}
    assert await (await api.get(f"/api/v1/reviews/{made['id']}/")).json() == made
    assert (await (await api.get(f"/api/v1/creators/{profile.id}/")).json())["rating"] == 4


async def test_comment_is_accepted_as_an_alias_of_content(api: Api, buyer: Person, order: int) -> None:
    answer = await api.post(f"/api/orders/{order}/reviews", {"comment": "Хорошо", "rating": "3"}, as_=buyer)
    body = await answer.json()
    assert (answer.status, body["content"], body["rating"]) == (201, "Хорошо", 3)


async def test_a_second_review_is_refused(
    api: Api, app: web.Application, buyer: Person, creator: Person, order: int
) -> None:
    def may_review() -> bool:
        return "review" in [one.name for one in app[ORDERS].allowed_actions(card.order, actor(buyer))]

    card = await app[ORDER_READS].entry(actor(buyer), order)
    assert may_review()
    await reviewed(api, buyer, order)
    card = await app[ORDER_READS].entry(actor(buyer), order)
    assert not may_review()
    assert card.order.reviewed_at is not None
    body = await refused(await api.post(at(order), GOOD, as_=buyer), 409, "order_wrong_time")
    assert (body["status"], "review" in [one["name"] for one in body["allowed_actions"]]) == ("completed", False)
    assert await rating(app, creator) == (5, 1)


async def test_one_of_concurrent_reviews_is_stored(
    api: Api, app: web.Application, buyer: Person, creator: Person, complete: Complete
) -> None:
    for number in (1, 2):
        order = await complete()
        answers = await asyncio.gather(*(api.post(at(order), GOOD, as_=buyer) for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
        assert await rating(app, creator) == (5, number)


async def test_an_order_in_progress_cannot_be_reviewed(
    api: Api, factory: Factory, buyer: Person, creator: Person, complete: Complete
) -> None:
    for order in (await factory.order(buyer, creator), await complete(approve=False)):
        body = await refused(await api.post(at(order), GOOD, as_=buyer, language="en"), 409, "order_wrong_time")
        assert body["status"] in ("pending", "delivered")
        assert body["allowed_actions"]


async def test_only_the_buyer_reviews(
    api: Api, app: web.Application, factory: Factory, creator: Person, order: int
) -> None:
    await refused(await api.post(at(order), GOOD, as_=creator), 403, "order_not_yours")
    await refused(await api.post(at(order), GOOD, as_=await factory.staff()), 403, "order_not_yours")
    await refused(await api.post(at(order), GOOD, as_=await factory.person()), 404, "order_not_found")
    await refused(await api.post(at(order), GOOD, as_=await factory.star()), 404, "order_not_found")
    await refused(await api.post(at(order + 99), GOOD, as_=creator), 404, "order_not_found")
    answer = await api.post(at(order), GOOD)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert await rating(app, creator) == (0, 0)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"rating": 5}, "content"),
    ({"content": " ", "rating": 5}, "content"),
    ({"content": "x" * 5001, "rating": 5}, "content"),
    ({"content": ["x"], "rating": 5}, "content"),
    ({"content": "x"}, "rating"),
    *(({"content": "x", "rating": value}, "rating") for value in (0, 6, -1, 4.5, True, "five", None)),
]


async def test_an_invalid_review_is_refused_by_field(api: Api, buyer: Person, order: int) -> None:
    for draft, field in WRONG:
        body = await refused(await api.post(at(order), draft, as_=buyer), 422, "invalid")
        assert list(body["errors"]) == [field], draft


async def test_read_only_fields_of_a_review_are_ignored(
    api: Api, app: web.Application, factory: Factory, buyer: Person, order: int
) -> None:
    other = await factory.star()
    forged = {
        "id": 77,
        "author_id": other.id,
        "reviewer": {"id": other.id},
        "creator_id": 1,
        "service_id": 1,
        "order_id": 1,
        "reply": "Спасибо",
        "hidden_at": None,
        "created_at": "2001-01-01T00:00:00Z",
    }
    made = await reviewed(api, buyer, order, **forged)
    assert (made["reviewer"]["id"], made["order_id"], made["reply"]) == (buyer.id, order, None)
    assert made["id"] != 77
    assert made["created_at"] > "2020"
    assert await rating(app, other) == (0, 0)


async def test_lists_are_newest_first_and_have_pages(
    api: Api, app: web.Application, buyer: Person, creator: Person, complete: Complete
) -> None:
    ids = [(await reviewed(api, buyer, await complete(), rating=number))["id"] for number in (3, 4, 5)]
    assert await listed(api, app, creator) == ids[::-1]
    creator_id = (await app[CREATORS].by_account(creator.id)).id
    path = f"/api/v1/creators/{creator_id}/reviews/"
    page = await (await api.get(path, params={"page": 2, "page_size": 2})).json()
    assert (page["count"], page["next"], [one["id"] for one in page["results"]]) == (3, None, ids[:1])
    assert (await api.get(path, params={"page": 3, "page_size": 2})).status == 404
    assert (await api.get(path, params={"page_size": 0})).status == 422
    await refused(await api.get("/api/v1/creators/999/reviews/"), 404, "creator_unknown")
    assert (await api.get("/api/v1/services/999/reviews/")).status == 404
    await refused(await api.get("/api/v1/reviews/999/"), 404, "review_unknown")


# Answers.


async def test_the_creator_answers_and_corrects_the_answer_once(
    api: Api, buyer: Person, creator: Person, order: int
) -> None:
    path = f"/api/v1/reviews/{(await reviewed(api, buyer, order))['id']}/"
    answer = await api.post(path + "reply/", {"content": "Спасибо!"}, as_=creator)
    first = (await answer.json())["reply"]
    assert (answer.status, first["content"], first["comment"]) == (201, "Спасибо!", "Спасибо!")
    answer = await api.post(path + "reply/", {"comment": "Большое спасибо!"}, as_=creator)
    second = (await answer.json())["reply"]
    assert (answer.status, second["content"], second["created_at"]) == (200, "Большое спасибо!", first["created_at"])
    assert second["updated_at"] >= first["updated_at"]
    await refused(await api.post(path + "reply/", {"content": "Ещё"}, as_=creator), 409, "reply_final")
    assert (await (await api.get(path)).json())["reply"] == second


async def test_of_concurrent_replies_one_creates_and_one_changes(
    api: Api, buyer: Person, creator: Person, order: int
) -> None:
    path = f"/api/v1/reviews/{(await reviewed(api, buyer, order))['id']}/reply/"
    answers = await asyncio.gather(*(api.post(path, {"content": str(one)}, as_=creator) for one in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 201, 409, 409]
    assert (await kinds(api, buyer)).count("review_reply") == 1


async def test_only_the_creator_replies(api: Api, factory: Factory, buyer: Person, creator: Person, order: int) -> None:
    path = f"/api/v1/reviews/{(await reviewed(api, buyer, order))['id']}/reply/"
    body = {"content": "Спасибо"}
    await refused(await api.post(path, body, as_=buyer), 403, "review_not_yours")
    for stranger in (await factory.person(), await factory.star(), await factory.staff()):
        await refused(await api.post(path, body, as_=stranger), 404, "review_unknown")
    assert (await api.post(path, body)).status == 401
    assert (await api.post(path, {}, as_=creator)).status == 422
    await refused(await api.post("/api/v1/reviews/999/reply/", body, as_=creator), 404, "review_unknown")


# Staff.


async def test_a_hidden_review_is_not_shown_and_does_not_count(
    api: Api, app: web.Application, factory: Factory, buyer: Person, creator: Person, complete: Complete
) -> None:
    bad, good = [(await reviewed(api, buyer, await complete(), rating=stars))["id"] for stars in (1, 5)]
    await app[CREATORS].rate(actor(buyer), creator.id, 3)
    assert await rating(app, creator) == (3, 3)
    reviews, staff = app[REVIEWS], actor(await factory.staff("operator"), "operator")
    await asyncio.gather(*(reviews.hide(staff, bad) for _ in range(3)))
    assert await rating(app, creator) == (4, 2)
    assert await listed(api, app, creator) == [good]
    assert (await api.get(f"/api/v1/reviews/{bad}/")).status == 404
    assert (await api.post(f"/api/v1/reviews/{bad}/reply/", {"content": "Нет"}, as_=creator)).status == 404
    assert await broken_invariants(app) == []
    await reviews.show(staff, bad)
    await reviews.show(staff, bad)
    assert await rating(app, creator) == (3, 3)
    assert await listed(api, app, creator) == [good, bad]
    with pytest.raises(ReviewUnknown):
        await reviews.hide(staff, 999)
    for person in (actor(buyer), actor(creator), actor(await factory.staff("viewer"), "viewer")):
        with pytest.raises(Forbidden):
            await reviews.hide(person, good)


# What follows.


async def test_the_creator_is_told_of_a_review_and_the_buyer_of_the_answer(
    api: Api, buyer: Person, creator: Person, order: int
) -> None:
    review = await reviewed(api, buyer, order, rating=4)
    newest = (await notifications_of(api, creator))[0]
    assert (newest["type"], newest["message"]) == ("review", f"На заказ №{order} оставлен отзыв.")
    assert newest["data"] == {"order_id": order, "review_id": review["id"], "rating": 4}
    for words in ("Спасибо", "Спасибо!"):
        await api.post(f"/api/v1/reviews/{review['id']}/reply/", {"content": words}, as_=creator)
    answers = [one for one in await notifications_of(api, buyer, language="en") if one["type"] == "review_reply"]
    assert [one["message"] for one in answers] == [f"Your review of order no. {order} was answered."]
    assert "review" not in await kinds(api, buyer)


async def test_reviewing_honours_the_idempotency_key(api: Api, buyer: Person, order: int) -> None:
    headers = {"Idempotency-Key": "review"}
    answers = [await api.post(at(order), GOOD, as_=buyer, headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert await answers[0].json() == await answers[1].json()


async def test_a_recount_of_votes_and_reviews_finds_planted_differences_only(
    api: Api, app: web.Application, factory: Factory, buyer: Person, creator: Person, complete: Complete
) -> None:
    chance, reviews = random.Random(7), app[REVIEWS]
    staff, other = actor(await factory.staff(), "owner"), await factory.star()
    written: list[int] = []
    for number in range(12):
        star = chance.choice((creator, other))
        written.append((await reviewed(api, buyer, await complete(of=star), rating=chance.randint(1, 5)))["id"])
        if number % 3 == 0:
            await app[CREATORS].rate(actor(await factory.person()), star.id, chance.randint(1, 5))
        await chance.choice((reviews.hide, reviews.show))(staff, chance.choice(written))
    assert await broken_invariants(app) == []
    await app[DATABASE].execute(
        "update creators set rating_sum = rating_sum + 1 where account_id = %(id)s", id=other.id
    )
    await app[DATABASE].execute("update orders set reviewed_at = null where id = (select max(order_id) from reviews)")
    assert [(one.of, one.what, one.stored - one.counted) for one in await reviews.recount()] == [
        ("creator", "rating_sum", 1),
        ("order", "reviews", -1),
    ]
    assert len(await broken_invariants(app)) == 2
