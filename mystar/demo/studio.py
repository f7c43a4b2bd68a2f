"""What the studio was asked for, by its sample person and by guests; one of the orders is on its way already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mystar.accounts.model import Actor
from mystar.demo import pictures
from mystar.demo.tales import in_one_piece
from mystar.files.service import FileService
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.queries import load
from mystar.orders.studio.service import StudioOrders

QUERIES = load(__package__)


@dataclass(frozen=True, slots=True)
class Commission:
    """Known by its ``title``. ``emblems``: what is on its pictures."""

    title: str
    description: str
    is_guests: bool = False
    emblems: tuple[str, ...] = ()
    is_begun: bool = False


COMMISSIONS = (
    Commission(
        "Сайт для цветочного магазина",
        "Каталог на сто позиций, корзина и доставка по городу. Примеры того, что нравится, приложены.",
        emblems=("smile", "note"),
        is_begun=True,
    ),
    Commission("Логотип", "Нужен знак для пекарни: тёплые цвета, читается на вывеске.", emblems=("film",)),
    Commission("Лендинг для курса", "Одна страница, форма записи, оплата.", is_guests=True, emblems=("ball",)),
    Commission("Правки на сайте", "Поменять телефоны и добавить раздел с отзывами.", is_guests=True),
)


class Commissions:
    def __init__(self, db: Database, studio: StudioOrders, files: FileService) -> None:
        self._db, self._studio, self._files = db, studio, files

    async def tell(self, customer: Actor, operator: Actor) -> None:
        """Those that are not there yet."""
        known = {row["title"] for row in await self._db.all(QUERIES.studio_titles)}
        for one in COMMISSIONS:
            if one.title in known:
                continue
            owner = None if one.is_guests else customer
            order = await self._studio.place(
                owner,
                title=one.title,
                description=one.description,
                file_ids=[await self._picture(owner, emblem) for emblem in one.emblems],
            )
            if one.is_begun:
                await self._studio.process(operator, order.id)

    async def _picture(self, owner: Actor | None, emblem: str) -> int:
        picture = await asyncio.to_thread(pictures.emblem, emblem, "#7a52e0", "#f2a65a")
        file = await self._files.receive(
            owner, in_one_piece(pictures.jpeg(picture)), kinds=("image",), folder="studio", name=f"{emblem}.jpeg"
        )
        return file.id
