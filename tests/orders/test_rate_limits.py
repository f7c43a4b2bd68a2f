"""Orders are limited, since each one is mailed to its creator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mystar.settings import Settings
from tests.orders.market import Market, add_service


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(LIMITS__ENABLED="true", LIMITS__ORDER="3/hour", LIMITS__ORDER_AGAIN="2/hour")


async def status(market: Market, service_id: int) -> int:
    answer = await market.api.post("/api/v1/orders/", {"service_id": service_id}, as_=market.buyer)
    return answer.status


async def test_orders_of_one_service_and_of_one_account_are_limited(market: Market) -> None:
    (other, _), (third, _) = [await add_service(market.app, market.creator) for _ in range(2)]
    assert [await status(market, market.service_id) for _ in range(3)] == [201, 201, 429]
    assert [await status(market, one) for one in (other, third)] == [429, 429], "a refused order counts as well"


async def test_greetings_of_one_star_are_limited(market: Market) -> None:
    draft = {"star_id": market.creator.id, "for_whom": "Kira", "comment": "Happy birthday"}
    answers = [await market.api.post("/api/order/", draft, as_=market.buyer) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 429], await answers[0].text()
    assert int(answers[-1].headers["Retry-After"]) > 0
