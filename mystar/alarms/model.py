"""When a measurement is an alarm, when the alarm opens and closes, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from mystar.errors import Text
from mystar.kit.health import Fact

Unit = Literal["seconds", "hours", "bytes", "count", "state"]
Step = Literal["wait", "open", "close", "forget"]

#: An alarm is over when no process has seen it for this long, so that it does not open and close all the time.
QUIET = timedelta(minutes=5)
#: What was seen once and not again within this time never was an alarm.
FORGOTTEN = timedelta(seconds=100)
#: How long a silence lasts.
SILENCE = timedelta(days=1)
DATABASE_AWAY = "database_away"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Beyond them a measurement is bad. ``backup_hours`` 0 = backups are not watched."""

    outbox_seconds: float
    free_disk_bytes: float
    backup_hours: float


class Rule(NamedTuple):
    """``after``: how long a measurement has to be bad until its alarm opens.

    ``measure`` is what is measured. ``what`` and ``advice`` are said in mails and in the panel, ``what`` with
    ``{value}`` or ``{note}``.
    """

    measure: Text
    title: Text
    what: Text
    advice: Text
    unit: Unit
    after: timedelta


def is_bad(fact: Fact, limits: Thresholds) -> bool:
    """The one rule by which a measurement is good or bad."""
    if fact.kind == "outbox_old":
        return fact.value > limits.outbox_seconds
    if fact.kind == "disk_low":
        return fact.value < limits.free_disk_bytes
    if fact.kind == "backup_late":
        return 0 < limits.backup_hours < fact.value
    return fact.value > 0


_MINUTE = timedelta(minutes=1)
RULES: Mapping[str, Rule] = {
    DATABASE_AWAY: Rule(
        Text("База данных", "Database"),
        Text("База данных не отвечала", "The database did not answer"),
        Text("PostgreSQL не отвечал {value}.", "PostgreSQL did not answer for {value}."),
        Text(
            "Проверьте журнал PostgreSQL и место на его диске.", "See the log of PostgreSQL and the room on its disk."
        ),
        "seconds",
        _MINUTE,
    ),
    "outbox_old": Rule(
        Text("Исходящее, самое старое", "Outbox, the oldest"),
        Text("Исходящее не отправляется", "The outbox is not sent"),
        Text("Самое старое ждёт {value}.", "The oldest has waited for {value}."),
        Text("Получатель не отвечает: панель, «Исходящее».", "The receiver does not answer: panel, outbox."),
        "seconds",
        _MINUTE,
    ),
    "mail_refused": Rule(
        Text("Почтовый сервер", "Mail server"),
        Text("Почтовый сервер не принимает письма", "The mail server refuses the mails"),
        Text("Он отказывает всей установке: {note}", "It refuses the whole installation: {note}"),
        Text("mystar mail test --to АДРЕС скажет почему.", "mystar mail test --to ADDRESS says why."),
        "state",
        5 * _MINUTE,
    ),
    "provider_away": Rule(
        Text("Платёжный провайдер", "Payment provider"),
        Text("Платёжный провайдер недоступен", "The payment provider is away"),
        Text("Вызовы не проходят: {note}", "Calls fail: {note}"),
        Text(
            "Вызовы повторяются сами, никто не платит дважды. Потом: mystar payments reconcile.",
            "Calls are repeated by themselves, no payment is made twice. Afterwards: mystar payments reconcile.",
        ),
        "state",
        3 * _MINUTE,
    ),
    "reconciliation_differs": Rule(
        Text("Последняя сверка", "Last reconciliation"),
        Text("Сверка разошлась", "The reconciliation differs"),
        Text("Расхождений в последней сверке: {value}.", "Differences of the last reconciliation: {value}."),
        Text(
            "Запустите сверку ещё раз, она назовёт каждое. Деньги: панель, «Расхождения».",
            "Run it again, it names each of them. Money: panel, discrepancies.",
        ),
        "count",
        timedelta(),
    ),
    "check_failed": Rule(
        Text("Последняя проверка", "Last check"),
        Text("Проверка нашла ошибки", "The check has found problems"),
        Text("Ошибок в последней проверке: {value}.", "Problems of the last check: {value}."),
        Text("mystar check назовёт каждую.", "mystar check names each of them."),
        "count",
        timedelta(),
    ),
    "storage_fails": Rule(
        Text("Хранение файлов", "Storage of files"),
        Text("Файлы не сохраняются", "Files cannot be stored"),
        Text("Пробная запись не удалась: {note}", "Writing on trial failed: {note}"),
        Text("Освободите место или верните S3.", "Free room, or bring S3 back."),
        "state",
        _MINUTE,
    ),
    "disk_low": Rule(
        Text("Свободно на диске", "Free disk"),
        Text("Кончается место на диске", "The disk is nearly full"),
        Text("Свободно {value}.", "Free: {value}."),
        Text("Освободите место: без него не сохраняются файлы.", "Free room: without it files are not stored."),
        "bytes",
        _MINUTE,
    ),
    "backup_late": Rule(
        Text("Последняя резервная копия", "Last backup"),
        Text("Резервной копии нет слишком долго", "The backup is late"),
        Text("Последняя сделана {value} назад.", "The last one was made {value} ago."),
        Text("Проверьте задание с mystar backup --to.", "See to the job with mystar backup --to."),
        "hours",
        timedelta(),
    ),
    "task_stopped": Rule(
        Text("Фоновые задачи", "Background tasks"),
        Text("Фоновая задача не выполняется", "A background task has stopped"),
        Text("Опаздывает на {value}.", "It is late by {value}."),
        Text("Причина — в журнале службы.", "The reason is in the log of the service."),
        "seconds",
        _MINUTE,
    ),
    "holds_end": Rule(
        Text("Удержания, которые кончаются", "Holds that end"),
        Text("Удержанные деньги скоро вернутся покупателям", "Held money is about to return to buyers"),
        Text("Удержаний, которые кончатся за шесть часов: {value}.", "Holds that end within six hours: {value}."),
        Text(
            "Панель, «Платежи», удержаны: спишите или отмените.",
            "Panel, payments, status held: capture or cancel them.",
        ),
        "count",
        15 * _MINUTE,
    ),
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition measured as bad. ``opened_at`` None: not for long enough; ``mailed_at`` None: not mailed yet.

    ``began_at`` and ``seen_at``: when it was measured first and last. ``silenced_until``: no mail is sent before.
    """

    id: int
    kind: str
    subject: str
    value: float
    note: str
    began_at: datetime
    seen_at: datetime
    opened_at: datetime | None
    mailed_at: datetime | None
    silenced_until: datetime | None = None
    #: Mails about alarms of this kind and subject within a day.
    told_lately: int = 0

    @property
    def rule(self) -> Rule | None:
        """None for a kind that only another version knows."""
        return RULES.get(self.kind)

    def is_silent(self, now: datetime) -> bool:
        return self.silenced_until is not None and now < self.silenced_until

    def next_step(self, now: datetime) -> Step:
        """The step that is due. Good measurements are not kept: an alarm that is not measured any more is over."""
        unseen = now - self.seen_at
        if self.rule is None:
            return "wait"
        if self.opened_at is None:
            if unseen > FORGOTTEN:
                return "forget"
            return "open" if now - self.began_at >= self.rule.after else "wait"
        return "close" if unseen >= QUIET else "wait"

    def title(self, language: str) -> str:
        words = self.rule.title.in_(language) if self.rule else self.kind
        return f"{words} ({self.subject})" if self.subject else words

    def what(self, language: str) -> str:
        if self.rule is None:
            return self.note
        value, note = amount(self.value, self.rule.unit, language), _note(self.note).in_(language)
        return self.rule.what.in_(language, value=value, note=note)

    def advice(self, language: str) -> str:
        return self.rule.advice.in_(language) if self.rule else ""


#: Notes that are said in Russian, too; others are of the system.
_NOTES: Mapping[str, Text] = {
    "no answer": Text("нет ответа", "no answer"),
    "the credentials are refused": Text("ключи не приняты", "the credentials are refused"),
}


def _note(note: str) -> Text:
    return _NOTES.get(note) or Text(note, note)


@dataclass(frozen=True, slots=True)
class Measured:
    """Facts as the panel shows them: each bad one, and the worst of a kind that is good."""

    measure: Text
    subject: str
    value: Text
    is_bad: bool


def measured(facts: Sequence[Fact], limits: Thresholds) -> Iterator[Measured]:
    """In the order of the rules; kinds without a rule are left out."""
    for kind, rule in RULES.items():
        of_kind = [fact for fact in facts if fact.kind == kind]
        bad = [fact for fact in of_kind if is_bad(fact, limits)]
        for fact in bad:
            words = (amount(fact.value, rule.unit, language) for language in ("ru", "en"))
            yield Measured(rule.measure, fact.subject, _note(fact.note) if fact.note else Text(*words), True)
        if of_kind and not bad:
            yield Measured(rule.measure, "", _GOOD, False)


_GOOD = Text("в порядке", "in order")
_UNITS: Mapping[str, tuple[str, ...]] = {"ru": ("с", "мин", "ч", "дн."), "en": ("s", "min", "h", "days")}


def amount(value: float, unit: Unit, language: str) -> str:
    """A value in its unit: "12 min", "3 h", "1.5 GB"."""
    if unit == "bytes":
        return f"{value / 1e9:.1f} {'ГБ' if language == 'ru' else 'GB'}"
    if unit in ("count", "state"):
        return f"{value:.0f}"
    seconds, (second, minute, hour, day) = value * (3600 if unit == "hours" else 1), _UNITS[language]
    for length, name in ((86400, day), (3600, hour), (60, minute)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} {second}"
