"""Mails to creators about a new list of commission rules, a batch of creators at a time."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.earnings.rules.model import Rule, percent_text
from mystar.earnings.rules.repository import RuleRepository
from mystar.earnings.rules.service import RulesSet
from mystar.kit.clock import MOSCOW
from mystar.kit.events import Events
from mystar.kit.money import rubles_text
from mystar.kit.outbox.mail import Mailer
from mystar.kit.outbox.model import OutboxMessage
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database, Tx

TOPIC = "commission_rules"
_BATCH = 200


class RuleMails:
    """One message of the outbox writes a batch of mails and the message for the next batch, all in one transaction."""

    def __init__(self, db: Database, outbox: Outbox, mailer: Mailer) -> None:
        self._db, self._outbox, self._mailer = db, outbox, mailer

    def listen(self, events: Events) -> None:
        events.on(RulesSet, self._begin)

    async def send(self, message: OutboxMessage) -> None:
        """Write the mails of a batch. A repeated message writes none twice."""
        number, after = int(message.payload["list"]), int(message.payload["after"])
        async with self._db.transaction() as tx:
            rules = RuleRepository(tx)
            changed = await rules.of_list(number)
            creators = await rules.creators_to_tell(after, _BATCH)
            for creator in creators:
                await self._mailer.queue(
                    tx,
                    "commission_changed",
                    creator["email"],
                    creator["language"],
                    dialect=creator["channel"],
                    once_as=f"commission:{number}:{creator['id']}",
                    username=creator["username"],
                    rules=_lines(changed, creator["id"]),
                )
            if creators:
                await self._put(tx, number, creators[-1]["id"])

    async def _begin(self, tx: Tx, event: RulesSet) -> None:
        """The first list changes nothing that a creator has seen."""
        number = event.rules[0].list
        if number > 1:
            await self._put(tx, number, 0)

    async def _put(self, tx: Tx, number: int, after: int) -> None:
        await self._outbox.put(tx, TOPIC, {"list": number, "after": after}, name=f"{number}:{after}")


def _lines(rules: Sequence[Rule], creator_id: int) -> list[dict[str, str]]:
    """The rules that can apply to the creator, for the template."""
    return [
        {
            "name": rule.name,
            "percent": percent_text(rule.terms.percent_bp),
            "fixed": rubles_text(rule.terms.fixed) if rule.terms.fixed else "",
            "min": rubles_text(rule.terms.min_amount) if rule.terms.min_amount else "",
            "max": "" if rule.terms.max_amount is None else rubles_text(rule.terms.max_amount),
            "start": rule.valid_from.astimezone(MOSCOW).strftime("%d.%m.%Y %H:%M"),
        }
        for rule in rules
        if rule.conditions.creator_ids is None or creator_id in rule.conditions.creator_ids
    ]
