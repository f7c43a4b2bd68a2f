"""Prices that the payment provider would refuse are refused when they are set."""

from __future__ import annotations

from typing import Any

import pytest

from mystar.catalog.model import PriceLimits, PriceOutsideLimits
from tests.conftest import Api
from tests.factory import Factory, Person

pytestmark = pytest.mark.usefixtures("api")


@pytest.fixture
async def creator(factory: Factory) -> Person:
    return await factory.star(channel="market")


def service(category_id: int, **prices: Any) -> dict[str, Any]:
    return {"title": "Ролик", "category_id": category_id, "delivery_time": 3, "base_price": "1000", **prices}


async def test_a_service_outside_the_limits_is_refused_with_its_field(
    api: Api, factory: Factory, creator: Person
) -> None:
    category = await factory.category()
    cases = (
        ({"base_price": "0.99"}, "price"),
        ({"base_price": "350000.01"}, "price"),
        ({"allows_modifications": True, "modifications_price": "350000.01"}, "modifications_price"),
    )
    for prices, field in cases:
        answer = await api.post("/api/v1/services/", service(category, **prices), as_=creator, language="en")
        refusal = await answer.json()
        assert (answer.status, refusal["code"], list(refusal["errors"])) == (422, "price_outside_limits", [field])
        assert "from 1 RUB to 350,000 RUB" in str(refusal["errors"])


async def test_the_limits_themselves_are_accepted_and_free_extras_too(
    api: Api, factory: Factory, creator: Person
) -> None:
    category = await factory.category()
    for prices in (
        {"base_price": "1"},
        {"base_price": "350000"},
        {"options": [{"name": "Подпись", "price": "0"}], "allows_modifications": True},
    ):
        answer = await api.post("/api/v1/services/", service(category, **prices), as_=creator)
        assert answer.status == 201, await answer.text()


async def test_a_price_cannot_be_changed_to_one_outside_the_limits(api: Api, factory: Factory, creator: Person) -> None:
    category = await factory.category()
    made = await (await api.post("/api/v1/services/", service(category), as_=creator)).json()
    answer = await api.patch(f"/api/v1/services/{made['id']}/", {"base_price": "400000"}, as_=creator)

    assert answer.status == 422
    assert (await api.patch(f"/api/v1/services/{made['id']}/", {"title": "Клип"}, as_=creator)).status == 200


async def test_a_greeting_outside_the_limits_is_refused(api: Api, factory: Factory) -> None:
    person, category = await factory.person(), await factory.category()
    body = {"price": "350001", "price_another": "0.50", "cat_name_id": category}
    answer = await api.post("/api/star/create/", body, as_=person)

    assert answer.status == 400
    assert {"price", "price_another"} <= set(await answer.json())


def test_a_greeting_without_a_price_is_accepted() -> None:
    PriceLimits(100, 200).check(price=None)
    PriceLimits(100, 200).check(price=0)
    with pytest.raises(PriceOutsideLimits):
        PriceLimits(100, 200).check(price=99)
