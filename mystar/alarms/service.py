"""Judging the health of the installation, and telling its owners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from email.utils import parseaddr

from mystar.accounts.model import Actor
from mystar.alarms.model import (
    DATABASE_AWAY,
    RULES,
    SILENCE,
    Alarm,
    Measured,
    Thresholds,
    is_bad,
    measured,
)
from mystar.alarms.repository import AlarmRepository
from mystar.audit.service import AuditService
from mystar.errors import Forbidden, NotFound, Text, Unavailable
from mystar.kit.clock import Clock
from mystar.kit.health import Fact, Health
from mystar.kit.moments import moment_text
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database, Row, Tx

_KEEP = timedelta(days=90)
#: The names under which commands leave what they found, and what is made of it.
_RECONCILIATIONS = {"payments reconcile": "payments", "earnings reconcile": "earnings"}
_BACKUP, _CHECK = "backup", "check"
_OPENED = Text("{title}. {what}\n{advice}\nС {began}.", "{title}. {what}\n{advice}\nSince {began}.")
_CLOSED = Text("Прошло: {title}. Началось {began}.", "Over: {title}. It began on {began}.")
_MORE = Text(" и ещё {more}", " and {more} more")


@dataclass(frozen=True, slots=True)
class Recipients:
    """Recipients besides the owners. ``mailbox`` may be empty; ``fallback`` gets mails that have no other recipient."""

    mailbox: str
    fallback: str
    language: str


class AlarmService:
    """Any number of processes may judge at once.

    :param mails_per_day: about one subject; a further opening is told when the day is over.
    """

    def __init__(
        self,
        db: Database,
        health: Health,
        mailer: Mailer,
        audit: AuditService,
        clock: Clock,
        *,
        thresholds: Thresholds,
        recipients: Recipients,
        mails_per_day: int,
        panel_url: str,
    ) -> None:
        self._db, self._health, self._mailer, self._audit, self._clock = db, health, mailer, audit, clock
        self._thresholds, self._recipients, self._panel_url = thresholds, recipients, panel_url
        self._mails_per_day = mails_per_day
        self._away_since: datetime | None = None

    async def evaluate(self) -> None:
        """Measure, keep what is bad, and in the same transaction queue the mails about what opens or is over.

        :raises Unavailable: the database is away; this is told when it is back.
        """
        try:
            facts = await self._health.facts()
            async with self._db.transaction() as tx:
                await self._judge(tx, facts)
        except Unavailable:
            self._away_since = self._away_since or self._clock.now()
            raise
        self._away_since = None

    async def _judge(self, tx: Tx, facts: Sequence[Fact]) -> None:
        alarms, now = AlarmRepository(tx), self._clock.now()
        await alarms.lock()
        for fact in facts:
            if fact.kind in RULES and is_bad(fact, self._thresholds):
                await alarms.see(fact, now, now)
        if (since := self._away_since) is not None:
            await alarms.see(Fact(DATABASE_AWAY, "", (now - since).total_seconds()), since, now)
        opened, closed = [], []
        for alarm in await alarms.current(now):
            match alarm.next_step(now):
                case "open":
                    await alarms.open(alarm.id, now)
                    alarm = replace(alarm, opened_at=now)
                case "close":
                    await alarms.close(alarm.id, now)
                    closed += [alarm] if alarm.mailed_at else []
                    continue
                case "forget":
                    await alarms.forget(alarm.id)
            if alarm.opened_at and not alarm.mailed_at and self._may_tell(alarm, now):
                await alarms.mark_mailed(alarm.id, now)
                opened.append(alarm)
        if opened or closed:
            await self._tell(tx, opened, closed)

    def _may_tell(self, alarm: Alarm, now: datetime) -> bool:
        return not alarm.is_silent(now) and alarm.told_lately < self._mails_per_day

    async def _tell(self, tx: Tx, opened: Sequence[Alarm], closed: Sequence[Alarm]) -> None:
        told = {row["email"]: row["language"] for row in await AlarmRepository(tx).owners()}
        extra = self._recipients.mailbox or ("" if told else self._recipients.fallback)
        if extra:
            told.setdefault(parseaddr(extra)[1], self._recipients.language)
        for address, language in told.items():
            values = {
                "title": _title(opened or closed, language),
                "closed": _paragraphs(_CLOSED, closed, language, self._clock.zone),
            }
            if opened:
                values["opened"] = _paragraphs(_OPENED, opened, language, self._clock.zone)
            name = "alarms_opened" if opened else "alarms_closed"
            await self._mailer.queue(tx, name, address, language, link=self._panel_url, **values)

    async def current(self, actor: Actor) -> list[Alarm]:
        """The open ones, oldest first. :raises Forbidden: not staff."""
        actor.require_staff()
        return [one for one in await AlarmRepository(self._db).current(self._clock.now()) if one.opened_at]

    async def measure(self, actor: Actor) -> list[Measured]:
        """What this process measures now. :raises Forbidden: not staff."""
        actor.require_staff()
        return list(measured(await self._health.facts(), self._thresholds))

    async def silence(self, actor: Actor, alarm_id: int) -> None:
        """Mail no further opening of this kind and subject for a day; an alarm that lasts longer is told then.

        :raises Forbidden: not an owner. :raises NotFound: there is no such alarm, or it is over.
        """
        actor.require_staff()
        if actor.role != "owner":
            raise Forbidden
        async with self._db.transaction() as tx:
            until = self._clock.now() + SILENCE
            found = await AlarmRepository(tx).silence(alarm_id, until)
            if found is None:
                raise NotFound
            kind, subject = found
            await self._audit.record(
                tx, "alarm_silenced", actor_id=actor.id, alarm=kind, name=subject, until=until.isoformat()
            )

    async def counts(self) -> list[Row]:
        """Open alarms of every kind, for metrics."""
        found = await AlarmRepository(self._db).count_open()
        return [{"alarm": kind, "alarm_open": found.get(kind, 0)} for kind in RULES]

    async def mark(self, name: str, problems: int = 0) -> None:
        """Keep that a command has run, and how many problems it found.

        :param name: "backup", "check", "payments reconcile" or "earnings reconcile".
        """
        await AlarmRepository(self._db).mark(name, problems, self._clock.now())

    async def marked(self) -> list[Fact]:
        """What commands found in their last run; nothing of those that were never run."""
        facts = []
        for row in await AlarmRepository(self._db).marks():
            name, problems = row["name"], float(row["problems"])
            if name == _BACKUP:
                age = (self._clock.now() - row["marked_at"]).total_seconds() / 3600
                facts.append(Fact("backup_late", "", age))
            elif name == _CHECK:
                facts.append(Fact("check_failed", "", problems))
            elif name in _RECONCILIATIONS:
                facts.append(Fact("reconciliation_differs", _RECONCILIATIONS[name], problems))
        return facts

    async def purge(self) -> int:
        """Delete up to a thousand alarms that are over for three months; how many."""
        return await AlarmRepository(self._db).purge(self._clock.now() - _KEEP)


def _title(alarms: Sequence[Alarm], language: str) -> str:
    title, more = alarms[0].title(language), len(alarms) - 1
    return title + _MORE.in_(language, more=more) if more else title


def _paragraphs(words: Text, alarms: Sequence[Alarm], language: str, zone: tzinfo) -> str:
    return "\n\n".join(
        words.in_(
            language,
            title=one.title(language),
            what=one.what(language),
            advice=one.advice(language),
            began=moment_text(one.began_at, language, zone),
        )
        for one in alarms
    )
