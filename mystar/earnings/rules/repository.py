"""Commission rules as rows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from mystar.earnings.rules.model import Conditions, Rule, RuleDraft, Terms
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    erasures=(QUERIES.erase_rule_names,),
)
_CONDITIONS = ("creator_ids", "category_ids", "kinds")


class RuleRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def all(self) -> list[Rule]:
        """Newest list first, each by position."""
        return [_rule(row) for row in await self._tx.all(QUERIES.rules)]

    async def of_list(self, number: int) -> list[Rule]:
        return [_rule(row) for row in await self._tx.all(QUERIES.rules_of_list, list=number)]

    async def creators_to_tell(self, after: int, limit: int) -> list[Row]:
        """``id, username, email, language, channel`` of accounts with a creator profile, by id behind ``after``."""
        return await self._tx.all(QUERIES.creators_to_tell, after=after, limit=limit)

    async def lock(self) -> None:
        await self._tx.value(QUERIES.lock_rules)

    async def add(
        self, list_number: int, position: int, draft: RuleDraft, created_by: int | None, now: datetime
    ) -> None:
        conditions = asdict(draft.conditions)
        for name in _CONDITIONS:
            conditions[name] = None if conditions[name] is None else list(conditions[name])
        await self._tx.execute(
            QUERIES.add_rule,
            list=list_number,
            position=position,
            name=draft.name,
            **conditions,
            **asdict(draft.terms),
            valid_from=draft.valid_from or now,
            created_by=created_by,
            now=now,
        )

    async def first_match(self, service_id: int, kind: str, price: int, now: datetime) -> Rule | None:
        row = await self._tx.one_or_none(QUERIES.first_match, service_id=service_id, kind=kind, price=price, now=now)
        return _rule(row) if row else None


def _rule(row: Row) -> Rule:
    lists = {name: None if row[name] is None else tuple(row[name]) for name in _CONDITIONS}
    return Rule(
        id=row["id"],
        list=row["list"],
        position=row["position"],
        name=row["name"],
        terms=Terms(row["percent_bp"], row["fixed"], row["min_amount"], row["max_amount"]),
        conditions=Conditions(**lists, price_from=row["price_from"], price_to=row["price_to"]),
        valid_from=row["valid_from"],
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
