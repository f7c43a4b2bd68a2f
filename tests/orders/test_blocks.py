"""A block between two people ends orders, and what one tells the world of the other without an order."""

from __future__ import annotations

from typing import Any

from tests.orders.market import Market

BLOCK = "/api/v1/users/{}/block/"


async def test_blocked_accounts_cannot_order_from_each_other(market: Market) -> None:
    creator, buyer = market.creator, market.buyer
    greeting = {"star_id": creator.id, "for_whom": "Kira", "comment": "Happy birthday"}
    endpoints = (("/api/v1/orders/", {"service_id": market.service_id}), ("/api/order/", greeting))
    words = {"ru": ("не принимает от вас", "Вы заблокировали"), "en": ("does not take orders", "You have blocked")}
    for turn, (blocker, blocked) in enumerate(((creator, buyer), (buyer, creator))):
        await market.api.post(BLOCK.format(blocked.id), as_=blocker)
        for path, draft in endpoints:
            for language, texts in words.items():
                answer = await market.api.post(path, draft, as_=buyer, headers={"Accept-Language": language})
                said = await answer.json()
                assert (answer.status, texts[turn] in str(said)) == (403, True), (path, said)
        await market.api.delete(BLOCK.format(blocked.id), as_=blocker)
    assert (await market.place())["id"], "the blocks are lifted"


async def test_blocked_accounts_cannot_rate_a_star(market: Market) -> None:
    star, fan = market.creator, market.buyer
    votes: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("PUT", "/api/ratestar/", {"adresant": star.id, "adresat": fan.id, "rating": 1}),
        ("POST", "/api/star/like/", {"star_id": star.id, "cust_id": fan.id}),
    )
    await market.api.post(BLOCK.format(fan.id), as_=star)
    for method, path, body in votes:
        answer = await market.api.request(method, path, json=body, as_=fan)
        assert answer.status == 403, await answer.text()
    await market.api.delete(BLOCK.format(fan.id), as_=star)
    for method, path, body in votes:
        answer = await market.api.request(method, path, json=body, as_=fan)
        assert answer.status in (200, 201), await answer.text()
