"""Creators as a domain: one profile per account, and sums that their facts confirm."""

from __future__ import annotations

import random

import pytest
from aiohttp import web

from mystar.app import broken_invariants
from mystar.catalog.keys import CATALOG
from mystar.creators.keys import CREATORS
from mystar.creators.model import AlreadyLiked, AlreadyRated, CreatorExists, CreatorUnknown, OwnRating, whole_stars
from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Factory, actor


@pytest.mark.parametrize(
    ("total", "count", "shown"), [(0, 0, 0), (1, 1, 1), (3, 2, 2), (9, 2, 5), (4001, 1000, 5), (4000, 1000, 4)]
)
def test_whole_stars_are_the_mean_rounded_up(total: int, count: int, shown: int) -> None:
    assert whole_stars(total, count) == shown


async def test_a_profile_is_created_with_its_greeting_or_not_at_all(
    api: Api, app: web.Application, factory: Factory
) -> None:
    first, second = await factory.person(), await factory.person()
    async with app[DATABASE].transaction() as tx:
        await app[CREATORS].create(tx, first.id, profession="Певица")
    greeting = await app[CATALOG].greeting_of(first.id)
    assert (greeting.account_id, greeting.base_price, greeting.is_for_sale) == (first.id, None, False)

    with pytest.raises(RuntimeError, match="no"):
        async with app[DATABASE].transaction() as tx:
            await app[CREATORS].create(tx, second.id)
            raise RuntimeError("no")
    with pytest.raises(CreatorUnknown):
        await app[CREATORS].by_account(second.id)
    assert await app[DATABASE].value("select count(*) from services") == 1


async def test_an_account_has_one_profile(api: Api, app: web.Application, factory: Factory) -> None:
    star = await factory.star()
    with pytest.raises(CreatorExists):
        async with app[DATABASE].transaction() as tx:
            await app[CREATORS].create(tx, star.id)


async def test_the_mean_has_two_places(api: Api, app: web.Application, factory: Factory) -> None:
    star = await factory.star()
    assert str((await app[CREATORS].by_account(star.id)).rating) == "0.00"
    for rating in (5, 5, 4):
        await app[CREATORS].rate(actor(await factory.person()), star.id, rating)
    assert str((await app[CREATORS].by_account(star.id)).rating) == "4.67"


async def test_a_recount_confirms_a_thousand_operations_and_finds_a_planted_difference(
    api: Api, app: web.Application, factory: Factory
) -> None:
    chance = random.Random(5)
    creators = app[CREATORS]
    stars = [await factory.star() for _ in range(4)]
    people = [actor(await factory.person()) for _ in range(12)] + [actor(star) for star in stars]
    for _ in range(300):
        star, person = chance.choice(stars), chance.choice(people)
        try:
            if chance.random() < 0.5:
                await creators.rate(person, star.id, chance.randint(1, 5))
            else:
                await creators.like(person, star.id)
        except (AlreadyRated, AlreadyLiked, OwnRating):
            pass
    assert await creators.recount() == []
    assert await broken_invariants(app) == []

    await app[DATABASE].execute(
        "update creators set likes_count = likes_count + 1, rating_sum = rating_sum + 1 where account_id = %(id)s",
        id=stars[0].id,
    )
    found = await creators.recount()
    assert [(one.what, one.stored - one.counted) for one in found] == [("likes_count", 1)]
    # What the votes add up to is proved together with the reviews.
    assert len(await broken_invariants(app)) == 2
