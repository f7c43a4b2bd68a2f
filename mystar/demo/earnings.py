"""What the demo's stars earn: a commission of a fifth, an order's money on a card, a payout whose outcome is unknown,
a statement, a cool-down and a debt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from aiohttp import web

from mystar.accounts.model import Actor
from mystar.demo import fixtures
from mystar.earnings.details.model import Kind
from mystar.earnings.details.service import DetailsService
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS, PAYOUT_DETAILS, PAYOUTS
from mystar.earnings.payouts.model import OPEN, Status, approver
from mystar.earnings.rules.model import RuleDraft, Terms
from mystar.earnings.service import EarningService, Policy
from mystar.earnings.statements.service import StatementService
from mystar.earnings.tasks import Clearance
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.kit.postgres import queries

QUERIES = queries.load(__package__)
#: A fifth, in basis points.
_COMMISSION = 2_000
#: Kopecks that were earned before the demo begins.
_EARNED = 4_500_000
_DEBT = -120_000
_CARD: Mapping[str, str] = {"token": "pt-220000-0004-0123456789abcdef", "mask": "220000******0004"}
_OTHER_CARD: Mapping[str, str] = {"token": "pt-220220-0047-0123456789abcdef", "mask": "220220******0047"}
_PHONE: Mapping[str, str] = {"phone": "+79990000101", "bank_id": "100000000004"}
_OTHER_PHONE: Mapping[str, str] = {"phone": "+79990000104", "bank_id": "100000000111"}
_BEFORE = "Заработано на прежней площадке"
#: Seconds that a payout through the sandbox may take.
_SENT_WITHIN = 15.0


class _MonthAgo(Clock):
    """So that there is a month to state."""

    def now(self) -> datetime:
        return super().now() - timedelta(days=31)


class EarningsLoader:
    """Every step is done once, however often the demo is loaded."""

    def __init__(self, app: web.Application) -> None:
        self._db, self._rules, self._earnings = app[DATABASE], app[COMMISSION_RULES], app[EARNINGS]
        self._details: DetailsService = app[PAYOUT_DETAILS]
        self._payouts = app[PAYOUTS]
        self._last_month = EarningService(self._db, self._rules, _MonthAgo(), Policy())

    async def set_commission(self) -> None:
        """Before the first order is placed."""
        if not await self._rules.current():
            await self._rules.set_list([RuleDraft("Для всех", Terms(_COMMISSION))])

    async def load(self, owner: Actor, stars: Mapping[str, Actor]) -> None:
        """:param stars: by mailbox."""
        await self._earn(self._last_month, owner, stars["lira"], _EARNED)
        await StatementService(self._db, Clock()).close_months()
        await self._pay(owner, stars["lira"], "card", _CARD)
        await self._pay_for_an_order(owner, stars["hohotushka"])
        await self._earn(self._earnings, owner, stars["kinoproba"], _EARNED)
        await self._lose_track(owner, stars["kinoproba"])
        if not await self._is_known(stars["samovar"]):
            await self._put(stars["samovar"], "sbp", _PHONE)
            await self._earn(self._earnings, owner, stars["samovar"], _EARNED)
        if not await self._is_known(stars["zanaves"]):
            await self._earnings.adjust(owner, stars["zanaves"].id, _DEBT, "Возврат покупателю после выплаты")

    async def _earn(self, earnings: EarningService, owner: Actor, star: Actor, amount: int) -> None:
        if not await self._is_known(star):
            await earnings.adjust(owner, star.id, amount, _BEFORE)

    async def _pay_for_an_order(self, owner: Actor, star: Actor) -> None:
        """From a paid order to money on a card, within a minute instead of two weeks."""
        if await self._db.value(QUERIES.has_payout, creator_id=star.id):
            return
        await self._db.execute(QUERIES.end_clearance, creator_id=star.id, now=Clock().now())
        await Clearance(self._earnings).run()
        balance, _ = await self._earnings.balance(star.id)
        if balance.available > 0:
            await self._pay(owner, star, "card", _OTHER_CARD)

    async def _pay(self, owner: Actor, star: Actor, kind: Kind, fields: Mapping[str, str]) -> None:
        """To details whose cool-down is over, by hand or through the provider, as the installation pays."""
        payout_id = await self._approved(owner, star, kind, fields)
        if payout_id is None:
            return
        payout = await self._payouts.get(star, payout_id)
        if payout.provider == "manual":
            await self._payouts.pay(approver(owner), payout_id, f"ПП-{payout_id}")
            return
        for _ in range(int(_SENT_WITHIN * 10)):
            if (await self._payouts.get(star, payout_id)).status not in OPEN:
                return
            await asyncio.sleep(0.1)

    async def _lose_track(self, owner: Actor, star: Actor) -> None:
        """A payout that was sent, and whose outcome is not known. A provider that is there tells it soon."""
        payout_id = await self._approved(owner, star, "sbp", _OTHER_PHONE)
        if payout_id is None:
            return
        async with self._db.transaction() as tx:
            payout = await self._payouts.lock(tx, payout_id)
            if payout.status is Status.APPROVED:
                sent = await self._payouts.move_parts(tx, payout, payout.parts, Status.SENDING)
                await self._payouts.move_parts(tx, sent, sent.parts, Status.UNKNOWN, reason="no_answer")

    async def _approved(self, owner: Actor, star: Actor, kind: Kind, fields: Mapping[str, str]) -> int | None:
        """Ask for everything and approve it; None: that was done before."""
        if await self._db.value(QUERIES.has_payout, creator_id=star.id):
            return None
        await self._put(star, kind, fields)
        await self._db.execute(QUERIES.end_cooldown, creator_id=star.id)
        payout = await self._payouts.request(star)
        if payout.status is Status.REQUESTED:
            await self._payouts.approve(approver(owner), payout.id)
        return payout.id

    async def _put(self, star: Actor, kind: Kind, fields: Mapping[str, str]) -> None:
        await self._details.put(star, kind, fields, fixtures.PASSWORD)

    async def _is_known(self, star: Actor) -> bool:
        """Whether the star's balance has been adjusted already."""
        return bool(await self._db.value(QUERIES.has_adjustment, creator_id=star.id))
