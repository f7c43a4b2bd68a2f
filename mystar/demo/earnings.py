"""What the demo's stars earn: a commission of a fifth, a payout that has arrived, a cool-down and a debt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from mystar.accounts.model import Actor
from mystar.demo import fixtures
from mystar.earnings.details.model import Kind
from mystar.earnings.details.service import DetailsService
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS, PAYOUT_DETAILS, PAYOUTS
from mystar.earnings.payouts.model import Status, approver
from mystar.earnings.rules.model import RuleDraft, Terms
from mystar.kit.keys import DATABASE
from mystar.kit.postgres import queries

QUERIES = queries.load(__package__)
#: A fifth, in basis points.
_COMMISSION = 2_000
#: Kopecks that were earned before the demo begins.
_EARNED = 4_500_000
_DEBT = -120_000
_CARD: Mapping[str, str] = {"token": "pt-demo-0004", "mask": "220000******0004"}
_PHONE: Mapping[str, str] = {"phone": "+79990000101", "bank_id": "100000000004"}


class EarningsLoader:
    """Every step is done once, however often the demo is loaded."""

    def __init__(self, app: web.Application) -> None:
        self._db, self._rules, self._earnings = app[DATABASE], app[COMMISSION_RULES], app[EARNINGS]
        self._details: DetailsService = app[PAYOUT_DETAILS]
        self._payouts = app[PAYOUTS]

    async def set_commission(self) -> None:
        """Before the first order is placed."""
        if not await self._rules.current():
            await self._rules.set_list([RuleDraft("Для всех", Terms(_COMMISSION))])

    async def load(self, owner: Actor, stars: Sequence[Actor]) -> None:
        """:param stars: one who was paid, one whose details are new, and one who owes."""
        paid, waiting, owing = stars
        if not await self._is_known(paid):
            await self._earnings.adjust(owner, paid.id, _EARNED, "Заработано на прежней площадке")
        await self._pay(owner, paid)
        if not await self._is_known(waiting):
            await self._put(waiting, "sbp", _PHONE)
            await self._earnings.adjust(owner, waiting.id, _EARNED, "Заработано на прежней площадке")
        if not await self._is_known(owing):
            await self._earnings.adjust(owner, owing.id, _DEBT, "Возврат покупателю после выплаты")

    async def _pay(self, owner: Actor, star: Actor) -> None:
        """To a card whose cool-down is over; by hand, whatever provider the installation has."""
        if await self._db.value(QUERIES.has_payout, creator_id=star.id):
            return
        await self._put(star, "card", _CARD)
        await self._db.execute(QUERIES.end_cooldown, creator_id=star.id)
        payout = await self._payouts.request(star)
        if payout.provider == "manual" and payout.status is Status.REQUESTED:
            by = approver(owner)
            await self._payouts.approve(by, payout.id)
            await self._payouts.pay(by, payout.id, "ПП-1")

    async def _put(self, star: Actor, kind: Kind, fields: Mapping[str, str]) -> None:
        await self._details.put(star, kind, fields, fixtures.PASSWORD)

    async def _is_known(self, star: Actor) -> bool:
        """Whether the star's balance has been adjusted already."""
        return bool(await self._db.value(QUERIES.has_adjustment, creator_id=star.id))
