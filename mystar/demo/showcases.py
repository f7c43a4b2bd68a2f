"""What the demo's stars can and have done, and what is said of them: by the verbs of the domains, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from mystar.accounts.model import Actor
from mystar.catalog.model import GreetingChange
from mystar.creators.keys import CREATORS, SKILLS
from mystar.demo import pictures
from mystar.demo.cast import CATEGORIES, Star
from mystar.demo.tales import Scene
from mystar.orders.keys import ORDERS
from mystar.orders.state_machine import Action
from mystar.portfolio.keys import PORTFOLIO, SHOWCASE
from mystar.reviews.keys import REVIEWS

#: ``upload(actor, picture, kind, folder, name)``: the file's id.
Upload = Callable[[Actor, bytes, str, str, str], Awaitable[int]]

#: By name, with what they are.
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
class Show:
    """What one star shows: ``skills`` by name with their level, and a work, drawn in the colours of the star."""

    specialization: str
    experience: str
    social: Mapping[str, str]
    skills: Mapping[str, int]
    work: str
    about: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the buyer of a completed order says of it, and the star's answer."""

    rating: int
    words: str
    answer: str


#: By the star's mailbox.
SHOWS: Mapping[str, Show] = {
    "lira": Show(
        "Песни-поздравления",
        "Двенадцать лет на сцене и ни одной фонограммы",
        {"vk": "lira.metelitsa"},
        {"Вокал": 5, "Импровизация": 3},
        "Концерт во дворе",
        "Спела для целого дома, пока чинили лифт.",
    ),
    "zanaves": Show(
        "Озвучка и чтение",
        "Сыграл всех королей и одного пирата",
        {"behance": "https://www.behance.net/zanaves"},
        {"Сценическая речь": 5, "Монтаж": 2},
        "Аудиосказка для детского сада",
        "Девять ролей, один голос.",
    ),
    "tulup": Show(
        "Поздравления на льду",
        "Катаюсь с трёх лет, пишу коньком с семи",
        {},
        {"Фигурное катание": 5},
        "Открытка размером с каток",
        "Три слова, сорок минут, ни одного падения.",
    ),
    "hohotushka": Show(
        "Розыгрыши",
        "Рассмешила две налоговые инспекции",
        {"instagram": "tetya.hohotushka"},
        {"Импровизация": 5, "Сценическая речь": 4},
        "Юбилей без единого тоста",
        "Гости смеялись три часа подряд.",
    ),
}
#: By the wish of the order.
OPINIONS: Mapping[str, Opinion] = {
    "Помирите нас шуткой про перфоратор.": Opinion(
        5, "Сосед смеялся громче перфоратора. Теперь дружим!", "Передайте соседу: я заеду с дрелью."
    ),
}


class Showcases:
    """Shows what is missing; what is there stays as it is."""

    def __init__(self, app: web.Application, upload: Upload) -> None:
        self._creators, self._skills, self._portfolio = app[CREATORS], app[SKILLS], app[PORTFOLIO]
        self._showcase, self._orders, self._reviews = app[SHOWCASE], app[ORDERS], app[REVIEWS]
        self._upload = upload

    async def skills(self, owner: Actor) -> dict[str, int]:
        """Ids by name."""
        known = {skill.name: skill.id for skill in (await self._skills.all(offset=0, limit=100)).rows}
        for name, description in ALL_SKILLS.items():
            if name not in known:
                known[name] = (await self._skills.add(owner, name, description)).id
        return known

    async def show(self, star: Star, actor: Actor, skills: Mapping[str, int]) -> None:
        show = SHOWS[star.person.mailbox]
        if (await self._portfolio.own_items(actor, offset=0, limit=1)).count:
            return
        profile = {
            "specialization": show.specialization,
            "experience": show.experience,
            "social_links": dict(show.social),
        }
        await self._showcase.change(actor, profile, GreetingChange())
        await self._skills.set_many(actor, {skills[name]: level for name, level in show.skills.items()})
        emblem = next(category.emblem for category in CATEGORIES if category.name == star.category)
        colours = ((star.look.top, star.look.bottom), (star.look.bottom, star.look.clothes))
        drawn = [pictures.jpeg(await asyncio.to_thread(pictures.emblem, emblem, *pair)) for pair in colours]
        cover, image = [
            await self._upload(actor, picture, "image", f"portfolio/{part}", "work.jpeg")
            for part, picture in zip(("covers", "images"), drawn, strict=True)
        ]
        await self._portfolio.add_item(
            actor, title=show.work, description=show.about, cover_id=cover, image_ids=[image]
        )

    async def review(self, scenes: Sequence[Scene]) -> None:
        """What buyers say of orders that came to their end, and what the stars answer."""
        for scene in scenes:
            order = (await self._orders.read(scene.buyer, scene.order_id)).order
            opinion = OPINIONS.get(order.wish)
            if opinion is None:
                continue
            if Action.REVIEW in {allowed.name for allowed in self._orders.allowed_actions(order, scene.buyer)}:
                await self._reviews.write(scene.buyer, order.id, rating=opinion.rating, words=opinion.words)
            await self._answer(scene, opinion)

    async def _answer(self, scene: Scene, opinion: Opinion) -> None:
        creator = await self._creators.by_account(scene.star.id)
        for review in (await self._reviews.of_creator(creator.id, offset=0, limit=100)).rows:
            if review.order_id == scene.order_id and review.reply is None:
                await self._reviews.reply(scene.star, review.id, opinion.answer)
