"""How the catalogue is listed, filtered, ordered, searched and counted."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from mystar.app import broken_invariants
from mystar.catalog import filter_queries, search, search_repository
from mystar.catalog.keys import LISTINGS, TAXONOMY
from mystar.catalog.model import CategoryInUse, ServiceDraft, TagExists
from mystar.catalog.search import ServiceFilter, SortOrder, distance, is_typo_of, words_of
from mystar.demo import scale
from mystar.errors import Forbidden, NotFound
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.kit.web.pagination import PageRequest
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory, Person, actor
from tests.subtests import as_subtests

ALL = "/api/v1/services/"


def test_words_are_compared_without_case_and_signs() -> None:
    assert words_of("Ёлка — «КАФЕ», хип-хоп_2") == ["елка", "кафе", "хип", "хоп", "2"]
    assert distance("фотограф", "фотограф") == 0
    assert distance("фотгораф", "фотограф") == 1
    for slip, word in (("фатограф", "фотограф"), ("дзайн", "дизайн"), ("lgo", "logo")):
        assert is_typo_of(slip, word)
    for word, other in (("кот", "рота"), ("торт", "порта"), ("логотип", "логотип")):
        assert not is_typo_of(word, other)


class Market:
    """Two creators, two categories, five services and no greetings."""

    def __init__(self, api: Api, app: web.Application, factory: Factory) -> None:
        self._api, self._app, self._factory = api, app, factory

    async def open(self) -> None:
        self.design, self.music = await self._factory.category("Дизайн"), await self._factory.category("Музыка")
        self.vera = await self._creator("vera", "Вера", "Метелица")
        self.max = await self._creator("maxim", "Maxim", "Bell")
        self.ids = {
            name: await self._put_up(*service)
            for name, service in {
                "logo": (self.vera, self.design, 1000, "Логотип для кофейни", "Рисую фирменные знаки", ("кофе",)),
                "photo": (self.vera, self.design, 5000, "Услуги фотографа", "Снимаю свадьбы", ("свадьба",)),
                "song": (self.max, self.music, 3000, "Песня на заказ", "Напишу песни о вас", ("свадьба", "рок")),
                "brand": (self.max, self.design, 9000, "Brand identity", "Logos and painted signs", ()),
                "piano": (self.max, self.music, 2000, "Настройка рояля", "Ёлки не наряжаю", ()),
            }.items()
        }

    async def _creator(self, username: str, first_name: str, last_name: str) -> Person:
        return await self._factory.creator(username, first_name=first_name, last_name=last_name)

    async def _put_up(
        self, creator: Person, category: int, price: int, title: str, description: str, tags: tuple[str, ...]
    ) -> int:
        draft = ServiceDraft(title, description, category, price * 100, 3, tags=tags)
        return (await self._app[LISTINGS].create(actor(creator), draft)).id

    async def shows(self, **params: Any) -> list[str]:
        """Names of the services of the page, which must say that there are no more."""
        answer = await self._api.get(ALL, params=params)
        assert answer.status == 200, await answer.text()
        page = await answer.json()
        assert page["count"] == len(page["results"])
        names = {service_id: name for name, service_id in self.ids.items()}
        return [names[one["id"]] for one in page["results"]]


@pytest.fixture
async def market(api: Api, app: web.Application, factory: Factory) -> Market:
    market = Market(api, app, factory)
    await market.open()
    return market


async def test_filters_and_orders_of_a_list(market: Market) -> None:
    assert await market.shows() == ["piano", "brand", "song", "photo", "logo"]
    assert await market.shows(ordering="created_at") == ["logo", "photo", "song", "brand", "piano"]
    assert await market.shows(ordering="price") == ["logo", "piano", "song", "photo", "brand"]
    assert await market.shows(ordering="-price") == ["brand", "photo", "song", "piano", "logo"]
    assert await market.shows(category=market.music) == ["piano", "song"]
    assert await market.shows(category=f"музыка,{market.design}", max_price=2000) == ["piano", "logo"]
    assert await market.shows(category="Дизайн", min_price="1000.01", ordering="price") == ["photo", "brand"]
    assert await market.shows(category="нет такой") == []
    assert await market.shows(min_price=3000, max_price=5000) == ["song", "photo"]
    assert await market.shows(platform="youtube", category="", unknown="1") == await market.shows()


async def test_a_parameter_without_effect_is_reported_and_refused_on_request(market: Market, api: Api) -> None:
    ignored = await api.get(f"{ALL}?platform=youtube&category=&жанр=рок&platform=vk&page=1")
    assert ignored.headers["X-Ignored-Parameters"] == "platform, %D0%B6%D0%B0%D0%BD%D1%80"
    known = await api.get(ALL, params={"search": "логотип", "ordering": "price", "kind": "all", "page_size": 5})
    assert "X-Ignored-Parameters" not in known.headers
    many = await api.get(f"{ALL}?{'&'.join(f'p{number}=1' for number in range(1000))}")
    assert len(many.headers["X-Ignored-Parameters"].split(", ")) == 20

    for prefer in ("handling=strict", 'respond-async, handling="strict"', "Handling = Strict; foo=1"):
        refused = await api.get(f"{ALL}?platform=youtube&page=1", headers={"Prefer": prefer})
        assert (refused.status, list((await refused.json())["errors"])) == (422, ["platform"])
    lenient = await api.get(f"{ALL}?platform=youtube", headers={"Prefer": "handling=lenient"})
    assert (lenient.status, lenient.headers["X-Ignored-Parameters"]) == (200, "platform")
    stars = await api.get("/api/star/getlist/?sort=price")
    assert (stars.status, stars.headers["X-Ignored-Parameters"]) == (201, "sort")


async def test_services_are_filtered_by_creator(market: Market, api: Api) -> None:
    one = await (await api.get(f"{ALL}{market.ids['logo']}/")).json()
    assert await market.shows(creator=one["creator_profile"]) == ["photo", "logo"]
    assert await market.shows(creator_profile=one["creator_profile"]) == ["photo", "logo"]
    assert await market.shows(creator=999) == await market.shows(creator_profile=999) == []


async def test_lists_sort_by_rating_and_by_completed_orders(market: Market, api: Api, app: web.Application) -> None:
    one = await (await api.get(f"{ALL}{market.ids['logo']}/")).json()
    best = "update creators set rating_sum = 5, rating_count = 1, completed_orders = 3 where id = %(id)s"
    await app[DATABASE].execute(best, id=one["creator_profile"])
    expected = ["photo", "logo", "piano", "brand", "song"]
    assert await market.shows(ordering="rating") == await market.shows(ordering="-popularity") == expected
    assert await market.shows(ordering="popularity", category=market.design) == ["photo", "logo", "brand"]


@as_subtests
@pytest.mark.parametrize(
    "params",
    [
        {"page": 0},
        {"page_size": 101},
        {"min_price": "дёшево"},
        {"max_price": "-1"},
        {"ordering": "beauty"},
        {"creator": "anna"},
        {"creator": "1" * 19},
        {"search": "а" * 201},
        {"search": "\x00"},
    ],
)
async def test_invalid_filter_values_are_refused_by_name(api: Api, params: dict[str, Any]) -> None:
    refused = await api.get(ALL, params=params)
    assert (refused.status, list((await refused.json())["errors"])) == (422, list(params))


async def test_pages_link_to_each_other(market: Market, api: Api) -> None:
    seen, link, pages = [], f"{ALL}?page_size=2&ordering=price", 0
    while link:
        page = await (await api.get(str(URL(link).relative() if URL(link).absolute else link))).json()
        assert page["count"] == 5
        seen, link, pages = seen + [one["id"] for one in page["results"]], page["next"], pages + 1
    assert (len(set(seen)), pages) == (5, 3)
    assert (await api.get(f"{ALL}?page_size=2&page=4")).status == 404
    assert (await api.get(f"{ALL}?page=1000000&page_size=100&search=песня")).status == 404


async def test_a_search_stems_words_in_both_languages(market: Market) -> None:
    assert await market.shows(search="песню") == ["song"]
    assert await market.shows(search="логотипы кофейням") == ["logo"]
    # What is said twice weighs more.
    assert await market.shows(search="СВАДЬБУ") == ["photo", "song"]
    assert await market.shows(search="logo") == ["brand"]
    assert await market.shows(search="painting") == ["brand"]
    assert await market.shows(search="ёлка") == await market.shows(search="Елка") == ["piano"]
    assert await market.shows(search="метелица") == ["photo", "logo"]
    assert await market.shows(search="bell рояль") == ["piano"]
    assert await market.shows(search="свадьба", ordering="-price") == ["photo", "song"]
    assert await market.shows(search="свадьба", category=market.music, max_price=3000) == ["song"]
    for nothing in ("зонтики", "и", "!!!", "' or 1=1; --", "a & ! b | :* %s %(x)s", "\\"):
        assert await market.shows(search=nothing) == [], nothing


async def test_a_search_tolerates_misspellings_and_matches_prefixes(market: Market) -> None:
    for slip in ("фатограф", "фотограв", "фтограф", "фотгораф", "фотографф", "фото"):
        assert await market.shows(search=slip) == ["photo"], slip
    assert await market.shows(search="логатип и для кафейня") == ["logo"]
    assert await market.shows(search="brnad") == ["brand"]
    assert await market.shows(search="митилица") == ["photo", "logo"]
    # What is written right comes before what is only similar.
    assert (await market.shows(search="песня"))[0] == "song"


@as_subtests
@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Разработка на C++ и 1С", "1C"),
        ("Настройка 1C", "1с"),
        ("Cъёмка с Latin C", "съёмка"),
        ("Хит-парад", "хитпарад"),
        ("Хитпарад", "хит парад"),
        ("Песня на заказ", "gtcyz"),
        ("AC/DC кавер", "acdc"),
        ("Ёлка и хоровод", "`krf"),
        ("Playlist", "здфндшые"),
        ("Поздравление от Фёдора для Алёны", "ФЕДОР"),
        ("AC/DC кавер, rock'n'roll", "rock'n'roll"),
    ],
)
async def test_a_search_finds_transliterations_wrong_layouts_and_joined_words(
    api: Api, app: web.Application, factory: Factory, title: str, asked: str
) -> None:
    creator = await factory.star()
    other = ServiceDraft("Уборка квартир", "", await factory.category(), 100, 3)
    unwanted = await app[LISTINGS].create(actor(creator), other)
    wanted = await app[LISTINGS].create(actor(creator), replace(other, title=title))
    found = [one["id"] for one in (await (await api.get(ALL, params={"search": asked})).json())["results"]]
    assert wanted.id in found
    assert unwanted.id not in found


async def test_the_search_index_follows_changes(market: Market, api: Api) -> None:
    where = f"{ALL}{market.ids['piano']}/"
    await api.patch(where, {"title": "Настройка скрипки", "tags": ["оркестр"]}, as_=market.max)
    assert await market.shows(search="скрипка") == await market.shows(search="оркестры") == ["piano"]
    assert await market.shows(search="рояль") == []
    await api.patch("/api/v1/users/me/", {"last_name": "Колокольчиков"}, as_=market.max)
    assert len(await market.shows(search="колокольчиков")) == 3
    assert await market.shows(search="bell") == []
    await api.patch(where, {"is_active": False}, as_=market.max)
    assert await market.shows(search="скрипка") == []


async def test_counts_follow_every_change(market: Market, api: Api, app: web.Application, factory: Factory) -> None:
    piano = f"{ALL}{market.ids['piano']}/"

    async def counts() -> list[int]:
        pages = [await api.get(ALL, params=params) for params in ({}, {"category": "Музыка"}, {"max_price": 2500})]
        return [(await page.json())["count"] for page in pages]

    assert await counts() == [5, 2, 2]
    await api.patch(piano, {"is_active": False}, as_=market.max)
    assert await counts() == [4, 1, 1]
    await api.patch(piano, {"is_active": True, "category_id": market.design}, as_=market.max)
    assert await counts() == [5, 1, 2]
    moves = [market.design, market.music] * 4
    await asyncio.gather(*(api.patch(piano, {"category_id": one}, as_=market.max) for one in moves))
    await factory.star(category_id=market.music)
    await api.delete(piano, as_=market.max)
    # The new star's greeting is listed only if it is asked for.
    assert await counts() == [4, 1, 1]
    greetings = await api.get(ALL, params={"kind": "greeting"})
    assert [(await greetings.json())["count"], len(await market.shows(kind="service"))] == [1, 4]
    assert (await (await api.get(ALL, params={"kind": "all"})).json())["count"] == 5
    assert await broken_invariants(app) == []


async def test_categories_tags_and_empty_filter_lists(market: Market, api: Api) -> None:
    categories = await (await api.get("/api/v1/categories/")).json()
    assert [(one["id"], one["name"]) for one in categories] == [(market.design, "Дизайн"), (market.music, "Музыка")]
    tags = await api.get("/api/v1/tags/")
    assert tags.headers["X-Total-Count"] == "3"
    assert [(one["name"], one["services"]) for one in await tags.json()] == [("кофе", 1), ("рок", 1), ("свадьба", 2)]
    assert [one["name"] for one in await (await api.get("/api/tags/?search=СВА")).json()] == ["свадьба"]
    assert (await api.get("/api/v1/tags/?page=0")).status == 422
    for name in ("platforms", "languages"):
        assert await (await api.get(f"/api/v1/{name}/")).json() == []


async def test_staff_edit_categories(market: Market, app: web.Application, factory: Factory) -> None:
    desk, staff = app[TAXONOMY], actor(await factory.staff(), "operator")
    new = await desk.add_category(staff, "  Танцы  и пляски ")
    await desk.edit_category(staff, new, name="Танцы", position=7)
    await desk.reorder_categories(staff, [market.music, new, market.design])
    listed = await app[LISTINGS].category_ids(["танцы"])
    assert listed == (new,)
    await desk.delete_category(staff, new)
    with pytest.raises(CategoryInUse):
        await desk.delete_category(staff, market.music)
    with pytest.raises(NotFound):
        await desk.edit_category(staff, new, name="Снова")
    for action in (
        desk.add_category(actor(market.vera), "Моя"),
        desk.edit_category(actor(market.vera, "viewer"), new, name="Моя"),
        desk.delete_category(actor(market.vera), market.music),
        desk.merge_tags(actor(market.vera), [1], 2),
    ):
        with pytest.raises(Forbidden):
            await action


async def test_staff_edit_tags_and_the_search_index_follows(
    market: Market, app: web.Application, factory: Factory
) -> None:
    desk, staff = app[TAXONOMY], actor(await factory.staff(), "operator")
    tags = {tag.name: tag.id for tag in (await desk.tags(PageRequest())).rows}
    await desk.rename_tag(staff, tags["кофе"], "Чай")
    assert await market.shows(search="чай") == ["logo"]
    with pytest.raises(TagExists):
        await desk.rename_tag(staff, tags["кофе"], "СВАДЬБА")
    await desk.merge_tags(staff, [tags["рок"], tags["кофе"]], tags["свадьба"])
    assert [(tag.name, tag.services) for tag in (await desk.tags(PageRequest())).rows] == [("свадьба", 3)]
    assert await market.shows(search="свадьба") == ["photo", "song", "logo"]
    await desk.delete_tag(staff, tags["свадьба"])
    assert await market.shows(search="свадьба") == ["photo"]
    with pytest.raises(NotFound):
        await desk.delete_tag(staff, tags["свадьба"])


async def test_counts_end_at_the_bound(market: Market, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_queries, "MAX_COUNTED", 3)
    monkeypatch.setattr(search_repository, "MAX_FOUND", 1)
    assert (await (await api.get(f"{ALL}?min_price=1.17")).json())["count"] == 3
    assert (await api.get(f"{ALL}?min_price=1.17&page=2&page_size=3")).status == 404
    assert (await (await api.get(ALL)).json())["count"] == 5
    assert (await (await api.get(f"{ALL}?search=метелица")).json())["count"] == 1


@pytest.fixture
async def filled(settings: Settings, db: Database) -> Database:
    await asyncio.to_thread(scale.fill, settings.database.url, 1000)
    return db


async def test_every_list_uses_an_index(filled: Database) -> None:
    """Walks one in the order of the list, or collects little and sorts it; reads nothing from end to end."""
    category = await filled.value("select min(id) from categories")
    creator = await filled.value("select max(id) from creators")
    for filters in (
        *(ServiceFilter(order=order) for order in SortOrder),
        ServiceFilter(order=SortOrder.PRICE_DESC, min_price=200_000),
    ):
        seen = await plan(filled, filter_queries.page_of_ids(filters, limit=20, offset=0))
        assert not re.search(r"(?:^|-> +)Sort\b", seen), seen
    for filters in (
        *(ServiceFilter((category,), order=order) for order in SortOrder),
        ServiceFilter(min_price=200_000, max_price=300_000),
        ServiceFilter(creator_id=creator),
    ):
        await plan(filled, filter_queries.page_of_ids(filters, limit=20, offset=0))
    for query in ("портрет & музея", search.expand_query({"портрет": ["трет"], "музею": []})):
        assert "services_words_idx" in await plan(filled, filter_queries.search(ServiceFilter(), query))
    ranged = filter_queries.count(ServiceFilter((category,), min_price=100_000, max_price=130_000))
    assert "price" in await plan(filled, ranged)


async def plan(db: Database, statement: tuple[str, Any]) -> str:
    text, values = statement
    lines = [row["QUERY PLAN"] for row in await db.all(f"explain {text}", values)]
    assert not any("Seq Scan" in line for line in lines), "\n".join(lines)
    return "\n".join(lines)


def test_the_number_of_search_words_is_bounded() -> None:
    assert len(search.query_words("слово " * 100)) == 12
