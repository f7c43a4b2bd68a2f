"""Profiles, skills and works of the demo's stars, and reviews of their orders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from mystar.accounts.model import Actor
from mystar.catalog.model import GreetingPricingPatch
from mystar.creators.keys import CREATORS, SKILLS
from mystar.demo import pictures
from mystar.demo.fixtures import CATEGORIES, StarFixture
from mystar.demo.scenarios import PlacedOrder
from mystar.kit.web.pagination import PageRequest
from mystar.orders.keys import ORDER_READS, ORDERS
from mystar.orders.state_machine import Action
from mystar.portfolio.keys import PORTFOLIO, SHOWCASE
from mystar.portfolio.model import ProfileChange
from mystar.reviews.keys import REVIEWS

#: ``upload(actor, picture, kind, folder, name)``: the file's id.
Upload = Callable[[Actor, bytes, str, str, str], Awaitable[int]]

#: Descriptions by name.
ALL_SKILLS: Mapping[str, str] = {
    "Вокал": "Пение, соло и хором",
    "Импровизация": "Шутки и стихи без подготовки",
    "Монтаж": "Сборка роликов",
    "Сценическая речь": "Голоса, акценты и дикция",
    "Фигурное катание": "Прыжки, вращения и надписи на льду",
    "Photoshop": "Редактирование изображений",
    "After Effects": "Анимация и видеоэффекты",
}


@dataclass(frozen=True, slots=True)
class ProfileFixture:
    """A profile with ``skills``, a level by name, and one work, drawn in the colours of the star."""

    specialization: str
    experience: str
    social: Mapping[str, str]
    skills: Mapping[str, int]
    work: str
    about: str


@dataclass(frozen=True, slots=True)
class ReviewFixture:
    """The review of a completed order and the reply to it."""

    rating: int
    text: str
    reply: str


#: By the star's mailbox.
PROFILES: Mapping[str, ProfileFixture] = {
    "lira": ProfileFixture(
        "Песни-поздравления",
        "Двенадцать лет на сцене и ни одной фонограммы",
        {"vk": "lira.metelitsa"},
        {"Вокал": 5, "Импровизация": 3},
        "Концерт во дворе",
        "Спела для целого дома, пока чинили лифт.",
    ),
    "zanaves": ProfileFixture(
        "Озвучка и чтение",
        "Сыграл всех королей и одного пирата",
        {"behance": "https://www.behance.net/zanaves"},
        {"Сценическая речь": 5, "Монтаж": 2},
        "Аудиосказка для детского сада",
        "Девять ролей, один голос.",
    ),
    "tulup": ProfileFixture(
        "Поздравления на льду",
        "Катаюсь с трёх лет, пишу коньком с семи",
        {},
        {"Фигурное катание": 5},
        "Открытка размером с каток",
        "Три слова, сорок минут, ни одного падения.",
    ),
    "hohotushka": ProfileFixture(
        "Розыгрыши",
        "Рассмешила две налоговые инспекции",
        {"instagram": "tetya.hohotushka"},
        {"Импровизация": 5, "Сценическая речь": 4},
        "Юбилей без единого тоста",
        "Гости смеялись три часа подряд.",
    ),
}
#: By the requirements of the order.
DEMO_REVIEWS: Mapping[str, ReviewFixture] = {
    "Помирите нас шуткой про перфоратор.": ReviewFixture(
        5, "Сосед смеялся громче перфоратора. Теперь дружим!", "Передайте соседу: я заеду с дрелью."
    ),
}


class ProfileLoader:
    """Adds what is missing; existing rows stay as they are."""

    def __init__(self, app: web.Application, upload: Upload) -> None:
        self._creators, self._skills, self._portfolio = app[CREATORS], app[SKILLS], app[PORTFOLIO]
        self._showcase, self._orders, self._reviews = app[SHOWCASE], app[ORDERS], app[REVIEWS]
        self._reads = app[ORDER_READS]
        self._upload = upload

    async def skills(self, owner: Actor) -> dict[str, int]:
        """Ids by name."""
        known = {skill.name: skill.id for skill in (await self._skills.all("", PageRequest(size=100))).rows}
        for name, description in ALL_SKILLS.items():
            if name not in known:
                known[name] = (await self._skills.add(owner, name, description)).id
        return known

    async def load(self, star: StarFixture, actor: Actor, skills: Mapping[str, int]) -> None:
        profile = PROFILES[star.person.mailbox]
        if (await self._portfolio.own_items(actor, PageRequest(size=1))).count:
            return
        changes = {
            "specialization": profile.specialization,
            "experience": profile.experience,
            "social_links": dict(profile.social),
        }
        await self._showcase.change(actor, ProfileChange({}, changes, GreetingPricingPatch()))
        await self._skills.set_many(actor, {skills[name]: level for name, level in profile.skills.items()})
        emblem = next(category.emblem for category in CATEGORIES if category.name == star.category)
        colours = ((star.look.top, star.look.bottom), (star.look.bottom, star.look.clothes))
        drawn = [pictures.jpeg(await asyncio.to_thread(pictures.emblem, emblem, *pair)) for pair in colours]
        cover, image = [
            await self._upload(actor, picture, "image", f"portfolio/{part}", "work.jpeg")
            for part, picture in zip(("covers", "images"), drawn, strict=True)
        ]
        await self._portfolio.add_item(
            actor, title=profile.work, description=profile.about, cover_id=cover, image_ids=[image]
        )

    async def load_reviews(self, placed_orders: Sequence[PlacedOrder]) -> None:
        """Review the completed orders and reply to the reviews."""
        for placed in placed_orders:
            order = (await self._reads.entry(placed.buyer, placed.order_id)).order
            review = DEMO_REVIEWS.get(order.requirements)
            if review is None:
                continue
            if Action.REVIEW in {allowed.name for allowed in self._orders.allowed_actions(order, placed.buyer)}:
                await self._reviews.write(placed.buyer, order.id, rating=review.rating, words=review.text)
            await self._reply(placed, review)

    async def _reply(self, placed: PlacedOrder, fixture: ReviewFixture) -> None:
        creator = await self._creators.by_account(placed.star.id)
        for review in (await self._reviews.of_creator(creator.id, PageRequest(size=100))).rows:
            if review.order_id == placed.order_id and review.reply is None:
                await self._reviews.reply(placed.star, review.id, fixture.reply)
