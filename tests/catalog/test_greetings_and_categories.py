"""What creators sell: the pricing of a greeting, tags, categories."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from mystar.catalog.keys import CATALOG
from mystar.catalog.model import (
    CategoryExists,
    CategoryUnknown,
    GreetingPricing,
    PriceImpossible,
    StarUnknown,
    tags_by_key,
)
from mystar.creators.keys import CREATORS
from mystar.files.keys import FILES
from mystar.kit.keys import DATABASE
from mystar.kit.text import comparison_key
from tests.conftest import Api
from tests.factory import Factory, actor, picture


def test_spellings_of_a_tag_share_a_key() -> None:
    assert {comparison_key(name) for name in ("Хип-Хоп", " хип-хоп", "ХИП-ХОП\n", "хип-хоп")} == {"хип-хоп"}
    assert comparison_key("Straße") == comparison_key("STRASSE")
    assert tags_by_key(["Рок", "рок ", "", "  ", "Дом  2"]) == {"рок": "Рок", "дом 2": "Дом 2"}


async def set_pricing(app: web.Application, account_id: int, pricing: GreetingPricing) -> None:
    creator = await app[CREATORS].by_account(account_id)
    async with app[DATABASE].transaction() as tx:
        await app[CATALOG].set_greeting(tx, creator.id, pricing)


async def test_new_pricing_replaces_the_old(api: Api, app: web.Application, factory: Factory) -> None:
    star = await factory.star(tags=["Рок", "Кино"], invitation_price=5_000_000)
    category = await factory.category()

    await set_pricing(app, star.id, GreetingPricing(250_000, category, days=7, tags=("кино", "Театр")))

    found = await app[CATALOG].star(star.id)
    assert (found.price, found.invitation_price, found.category_id) == (250_000, None, category)
    assert (found.delivery_days, found.tags) == (7, ("Кино", "Театр"))
    assert [one.id for one in await app[CATALOG].stars(tag="ТЕАТР")] == [star.id]
    assert await app[CATALOG].stars(tag="рок") == []


async def test_invalid_pricing_changes_nothing(api: Api, app: web.Application, factory: Factory) -> None:
    star = await factory.star(tags=["Рок"])
    before = await app[CATALOG].star(star.id)
    for pricing, refusal in (
        (GreetingPricing(0, before.category_id), PriceImpossible),
        (GreetingPricing(100, before.category_id, invitation_price=-1), PriceImpossible),
        (GreetingPricing(100, 999), CategoryUnknown),
    ):
        with pytest.raises(refusal):
            await set_pricing(app, star.id, pricing)
    assert await app[CATALOG].star(star.id) == before


async def test_stars_with_the_same_new_tags_are_created_concurrently(
    api: Api, app: web.Application, factory: Factory
) -> None:
    tags = [f"тег {number}" for number in range(12)]
    category = await factory.category()
    await asyncio.gather(
        *(factory.star(category_id=category, tags=tags if number % 2 else tags[::-1]) for number in range(8))
    )
    assert await app[DATABASE].value("select count(*) from tags") == len(tags)
    assert await app[CATALOG].count_stars(tag="ТЕГ 7") == 8


async def test_a_category_has_a_unique_name_and_a_public_picture(
    api: Api, app: web.Application, factory: Factory
) -> None:
    staff = await factory.staff()

    async def chunks():
        yield picture()

    photo = await app[FILES].receive(actor(staff), chunks(), kinds=("image",), folder="categories", name="a.jpg")
    category = await app[CATALOG].add_category("Музыка", photo_id=photo.id, owner_id=staff.id)
    with pytest.raises(CategoryExists):
        await app[CATALOG].add_category("Музыка")
    (shown,) = await (await api.get("/api/categories/")).json()
    assert shown == {"id": category, "cat_name": "Музыка", "cat_photo": photo.id, "category_photo": photo.key}
    assert (await api.get(f"/media/{shown['category_photo']}")).status == 200


async def test_an_account_without_a_profile_has_no_greeting(api: Api, app: web.Application, factory: Factory) -> None:
    person = await factory.person()
    for question in (app[CATALOG].greeting_of, app[CATALOG].star):
        with pytest.raises(StarUnknown):
            await question(person.id)
    assert not await app[CATALOG].is_star(person.id)
    assert await app[CATALOG].is_star((await factory.star()).id)
