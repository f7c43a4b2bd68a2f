"""Studio orders of the sample account and of guests; processing of one has started."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mystar.accounts.model import Actor
from mystar.demo import pictures
from mystar.demo.scenarios import single_chunk
from mystar.files.service import FileService
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.queries import load
from mystar.orders.studio.service import StudioOrders

QUERIES = load(__package__)


@dataclass(frozen=True, slots=True)
class StudioOrderFixture:
    """A studio order, recognised by its ``title``. ``emblems``: the subjects of its pictures."""

    title: str
    description: str
    is_guests: bool = False
    emblems: tuple[str, ...] = ()
    is_processing: bool = False


DEMO_STUDIO_ORDERS = (
    StudioOrderFixture(
        "Сайт для цветочного магазина",
        "Каталог на сто позиций, корзина и доставка по городу. Примеры того, что нравится, приложены.",
        emblems=("smile", "note"),
        is_processing=True,
    ),
    StudioOrderFixture("Логотип", "Нужен знак для пекарни: тёплые цвета, читается на вывеске.", emblems=("film",)),
    StudioOrderFixture("Лендинг для курса", "Одна страница, форма записи, оплата.", is_guests=True, emblems=("ball",)),
    StudioOrderFixture("Правки на сайте", "Поменять телефоны и добавить раздел с отзывами.", is_guests=True),
)


class StudioOrderLoader:
    def __init__(self, db: Database, studio: StudioOrders, files: FileService) -> None:
        self._db, self._studio, self._files = db, studio, files

    async def load(self, customer: Actor, operator: Actor) -> None:
        """Place the missing orders."""
        known = {row["title"] for row in await self._db.all(QUERIES.studio_titles)}
        for one in DEMO_STUDIO_ORDERS:
            if one.title in known:
                continue
            owner = None if one.is_guests else customer
            order = await self._studio.place(
                owner,
                title=one.title,
                description=one.description,
                file_ids=[await self._picture(owner, emblem) for emblem in one.emblems],
            )
            if one.is_processing:
                await self._studio.process(operator, order.id)

    async def _picture(self, owner: Actor | None, emblem: str) -> int:
        picture = await asyncio.to_thread(pictures.emblem, emblem, "#7a52e0", "#f2a65a")
        file = await self._files.receive(
            owner, single_chunk(pictures.jpeg(picture)), kinds=("image",), folder="studio", name=f"{emblem}.jpeg"
        )
        return file.id
