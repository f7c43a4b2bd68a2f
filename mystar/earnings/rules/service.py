"""Set and apply commission rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mystar.earnings.rules.model import Conditions, Rule, RuleDraft, require_list
from mystar.earnings.rules.repository import RuleRepository
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Queryable, Tx


@dataclass(frozen=True, slots=True)
class RulesSet:
    """A new list of rules begins to apply at its rules' starts. ``by`` None: the operator of the command line.

    ``before``: the rules that could apply until then.
    """

    rules: tuple[Rule, ...]
    by: int | None
    before: tuple[Rule, ...] = ()


class _Tried(Exception):
    """Ends the transaction in which a list was tried, so that nothing of it stays."""

    def __init__(self, rule: Rule | None) -> None:
        self.rule = rule


class RuleService:
    """A list replaces the one before from its start on; rules are never edited, nor the terms frozen on orders."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def set_list(self, drafts: Sequence[RuleDraft], by: int | None = None) -> list[Rule]:
        """Add a list; answer its rules. :raises RulesWrong:"""
        before = tuple(await self.current())
        async with self._db.transaction() as tx:
            added = await self._add(tx, drafts, by, self._clock.now())
            await tx.publish(RulesSet(tuple(added), by, before))
        return added

    async def check(self, drafts: Sequence[RuleDraft]) -> None:
        """:raises RulesWrong: the list could not be set now."""
        require_list(drafts, self._clock.now(), _latest_start(await RuleRepository(self._db).all()))

    async def now(self, service_id: int, kind: str, price: int) -> Rule | None:
        """The rule that a sale comes under now."""
        return await self.choose(self._db, service_id, kind, price)

    async def try_list(self, drafts: Sequence[RuleDraft], service_id: int, kind: str, price: int) -> Rule | None:
        """The rule of this list that a sale would come under once all of them have begun; nothing is set.

        :raises RulesWrong: the list could not be set.
        """
        now = self._clock.now()
        begun = max([now, *(draft.valid_from for draft in drafts if draft.valid_from)])
        try:
            async with self._db.transaction() as tx:
                await self._add(tx, drafts, None, now)
                raise _Tried(await RuleRepository(tx).first_match(service_id, kind, price, begun))
        except _Tried as tried:
            return tried.rule

    async def current(self) -> list[Rule]:
        """The rules that can still apply to a new order, in the order in which they are asked."""
        now = self._clock.now()
        found = []
        for rule in await RuleRepository(self._db).all():
            found.append(rule)
            if rule.conditions == Conditions() and rule.valid_from <= now:
                break
        return found

    async def _add(self, tx: Tx, drafts: Sequence[RuleDraft], by: int | None, now: datetime) -> list[Rule]:
        rules = RuleRepository(tx)
        await rules.lock()
        known = await rules.all()
        require_list(drafts, now, _latest_start(known))
        number = known[0].list + 1 if known else 1
        for position, draft in enumerate(drafts, start=1):
            await rules.add(number, position, draft, by, now)
        return await rules.of_list(number)

    async def choose(self, tx: Queryable, service_id: int, kind: str, price: int) -> Rule | None:
        """The rule for a service that is sold now, ``price`` in kopecks; None: no rule, and the commission is 0."""
        return await RuleRepository(tx).first_match(service_id, kind, price, self._clock.now())


def _latest_start(rules: Sequence[Rule]) -> datetime | None:
    """When the newest list's rule without conditions starts."""
    newest = [rule for rule in rules if rule.list == rules[0].list] if rules else []
    return newest[-1].valid_from if newest else None
