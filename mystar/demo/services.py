"""Services of the demo's stars, with options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from mystar.accounts.model import Actor
from mystar.catalog.keys import LISTINGS
from mystar.catalog.model import OptionDraft, Service, ServiceDraft
from mystar.catalog.search import ServiceFilter
from mystar.kit.money import kopecks
from mystar.kit.web.pagination import PageRequest


@dataclass(frozen=True, slots=True)
class ServiceFixture:
    """A service. Prices in rubles; ``options`` are prices by name."""

    title: str
    description: str
    price: int
    days: int
    options: Mapping[str, int]
    tags: tuple[str, ...] = ()
    price_with_modifications: int | None = None


#: By the star's mailbox.
SERVICES: Mapping[str, tuple[ServiceFixture, ...]] = {
    "lira": (
        ServiceFixture(
            "Песня на ваши стихи",
            "Сочиню мелодию, спою и запишу под гитару: полторы-две минуты.",
            20_000,
            10,
            {"Минусовка отдельным файлом": 3_000, "Второй голос": 4_500},
            ("песня", "стихи"),
            price_with_modifications=22_000,
        ),
    ),
    "zanaves": (
        ServiceFixture(
            "Озвучка ролика",
            "До трёх минут голосом короля, рассказчика или пирата.",
            9_000,
            4,
            {"Срочно, за сутки": 4_500, "Английская версия": 6_000},
            ("озвучка", "голос"),
        ),
        ServiceFixture(
            "Аудиогид по вашему музею", "Десять залов, десять минут.", 30_000, 21, {}, ("озвучка", "экскурсия")
        ),
    ),
    "tulup": (
        ServiceFixture(
            "Логотип на льду", "Нарисую коньком и сниму сверху.", 15_000, 7, {"Съёмка ночью": 5_000}, ("лёд",)
        ),
    ),
}


class ServiceLoader:
    """Creates the missing services; a service is recognised by its title."""

    def __init__(self, app: web.Application) -> None:
        self._listings = app[LISTINGS]

    async def load(self, mailbox: str, actor: Actor, category_id: int) -> dict[str, Service]:
        """The star's services by title."""
        own = await self._listings.own(actor, ServiceFilter(), PageRequest(size=100))
        known = {service.title: service for service in own.rows}
        for one in SERVICES.get(mailbox, ()):
            if one.title not in known:
                known[one.title] = await self._listings.create(actor, _draft(one, category_id))
        return known


def _draft(one: ServiceFixture, category_id: int) -> ServiceDraft:
    return ServiceDraft(
        title=one.title,
        description=one.description,
        category_id=category_id,
        base_price=kopecks(one.price),
        delivery_days=one.days,
        allows_modifications=one.price_with_modifications is not None,
        modifications_price=kopecks(one.price_with_modifications) if one.price_with_modifications else None,
        options=tuple(OptionDraft(name=name, price=kopecks(price)) for name, price in one.options.items()),
        tags=one.tags,
    )
