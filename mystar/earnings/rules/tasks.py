"""Mails to creators about a new list of commission rules, a batch of creators at a time."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.earnings.rules.model import Rule, percent_text
from mystar.earnings.rules.repository import RuleRepository
from mystar.earnings.rules.service import RulesSet
from mystar.errors import Text
from mystar.kit.clock import MOSCOW
from mystar.kit.events import Events
from mystar.kit.moments import moment_text
from mystar.kit.money import format_rubles
from mystar.kit.outbox.letters import items
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
                    rules=items(_lines(changed, creator["id"], creator["language"])),
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


def _lines(rules: Sequence[Rule], creator_id: int, language: str) -> list[str]:
    """The rules that can apply to the creator, in words."""
    return [
        _line(rule).in_(language)
        for rule in rules
        if rule.conditions.creator_ids is None or creator_id in rule.conditions.creator_ids
    ]


def _line(rule: Rule) -> Text:
    terms, start = rule.terms, rule.valid_from
    share = f"{percent_text(terms.percent_bp)} %"
    parts = [Text(f"{rule.name or 'Правило'}: {share.replace('.', ',')}", f"{rule.name or 'Rule'}: {share}")]
    if terms.fixed:
        parts.append(_rubles(" + {}", " + {}", terms.fixed))
    if terms.min_amount:
        parts.append(_rubles(", не меньше {}", ", at least {}", terms.min_amount))
    if terms.max_amount is not None:
        parts.append(_rubles(", не больше {}", ", at most {}", terms.max_amount))
    parts.append(Text(f", с {moment_text(start, 'ru', MOSCOW)}", f", from {moment_text(start, 'en', MOSCOW)}"))
    return Text("".join(part.ru for part in parts), "".join(part.en for part in parts))


def _rubles(russian: str, english: str, amount: int) -> Text:
    return Text(russian.format(format_rubles(amount, "ru")), english.format(format_rubles(amount, "en")))
