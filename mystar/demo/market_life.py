"""What the panel and the market have to look at besides orders: a custom offer, an absence, and reports."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from aiohttp import web

from mystar.accounts.model import Actor
from mystar.catalog.model import Service
from mystar.chat.keys import CHAT, OFFERS
from mystar.chat.offers.model import OfferDraft
from mystar.creators.keys import AVAILABILITY
from mystar.kit.clock import Clock
from mystar.reports.keys import REPORTS
from mystar.reports.model import ObjectKind, Reason, ReportExists

#: Days from now on which a creator is absent.
_AWAY_FROM, _AWAY_TO = 30, 44


class MarketLifeLoader:
    """Each part is recognised when the loading is repeated."""

    def __init__(self, app: web.Application, clock: Clock) -> None:
        self._chat, self._offers = app[CHAT], app[OFFERS]
        self._availability, self._reports = app[AVAILABILITY], app[REPORTS]
        self._clock = clock

    async def load(
        self, stars: Mapping[str, Actor], customers: Mapping[str, Actor], services: Mapping[str, Mapping[str, Service]]
    ) -> None:
        await self._offer(stars["tulup"], customers["anna"], services["tulup"])
        await self._absence(stars["orbita"])
        await self._report(stars["hohotushka"], customers["vera"], stars["samovar"])

    async def _offer(self, creator: Actor, buyer: Actor, services: Mapping[str, Service]) -> None:
        asked, _ = await self._chat.send_to(
            buyer, creator.id, "Нужен логотип и ещё визитки. Сколько вместе?", client_id="demo-offer-asked"
        )
        service = next(iter(services.values()))
        draft = OfferDraft(
            service_id=service.id,
            title="Логотип и визитки",
            text="Логотип в трёх вариантах, визитка с двух сторон, файлы для печати.",
            price=1_200_000,
            modifications_price=None,
            delivery_days=10,
            open_days=30,
        )
        await self._offers.send(creator, asked.conversation_id, draft, language="ru", client_id="demo-offer")

    async def _absence(self, creator: Actor) -> None:
        own = await self._availability.own(creator)
        if not own.absences:
            today = self._clock.today()
            await self._availability.add_absence(
                creator, today + timedelta(days=_AWAY_FROM), today + timedelta(days=_AWAY_TO)
            )

    async def _report(self, author: Actor, reader: Actor, other: Actor) -> None:
        """Of a message by its reader, and of a person by two."""
        message, _ = await self._chat.send_to(
            author, reader.id, "Переведите на карту напрямую, выйдет дешевле.", client_id="demo-report"
        )
        reports = self._reports
        with suppress(ReportExists):
            await reports.report(
                reader, ObjectKind.MESSAGE, message.id, Reason.CONTACTS, "Зовёт платить мимо площадки."
            )
        with suppress(ReportExists):
            await reports.report(reader, ObjectKind.PERSON, author.id, Reason.FRAUD, "")
        with suppress(ReportExists):
            await reports.report(other, ObjectKind.PERSON, author.id, Reason.SPAM, "Пишет всем подряд.")
