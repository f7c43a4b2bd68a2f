"""Reports, cases, decisions, events and errors (docs/dialects/market.md#reports)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text

MAX_COMMENT, MAX_NOTE = 1000, 500


class ObjectKind(StrEnum):
    SERVICE = "service"
    REVIEW = "review"
    MESSAGE = "message"
    PERSON = "person"


class Reason(StrEnum):
    FRAUD = "fraud"
    INSULT = "insult"
    ADULT = "adult"
    CONTACTS = "contacts"
    COPYRIGHT = "copyright"
    SPAM = "spam"
    OTHER = "other"


class Decision(StrEnum):
    """``DISMISS``: nothing is wrong. All others: something was."""

    DISMISS = "dismiss"
    WARN = "warn"
    HIDE = "hide"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Case:
    """Reports about one object, from the first one to the decision. ``account_id``: whose it is."""

    id: int
    kind: ObjectKind
    object_id: int
    account_id: int
    reports: int
    opened_at: datetime
    decided_at: datetime | None
    decided_by: int | None
    decision: Decision | None
    note: str

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What can be decided; a person cannot be hidden."""
        return tuple(one for one in Decision if not (one is Decision.HIDE and self.kind is ObjectKind.PERSON))


@dataclass(frozen=True, slots=True)
class Report:
    """A report as its author sees it. ``decided_at``: of its case; ``is_upheld``: whether something was wrong."""

    id: int
    kind: ObjectKind
    object_id: int
    reason: Reason
    comment: str
    created_at: datetime
    decided_at: datetime | None
    is_upheld: bool | None


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as the actor sees it. ``text``: what is kept of it, by name."""

    account_id: int
    text: dict[str, Any]


# Events


@dataclass(frozen=True, slots=True)
class CaseDecided:
    """``reporters``: their ids and those of their reports."""

    case: Case
    reporters: tuple[tuple[int, int], ...]


# Errors


class ReportedUnknown(NotFound):
    """What is reported does not exist, or the actor cannot see it (D4)."""

    code = "reported_unknown"
    text = Text("Того, на что вы жалуетесь, нет или вам это не видно.", "What you report does not exist for you.")


class OwnReport(Invalid):
    """The actor reports itself, or something of its own."""

    code = "own_report"
    text = Text("Нельзя пожаловаться на себя или на своё.", "You cannot report yourself or what is yours.")

    def __init__(self) -> None:
        super().__init__(fields={"object_id": [self.text]})


class ReportExists(Conflict):
    """The actor has reported this already, and it is not decided yet.

    ``report_id``: of that report.
    """

    code = "report_exists"
    text = Text(
        "Вы уже пожаловались на это, мы разбираемся.", "You have reported this already, we are looking into it."
    )


class ReportUnknown(NotFound):
    """The report does not exist, or is another account's (D4)."""

    code = "report_unknown"
    text = Text("Жалоба не найдена.", "The report was not found.")


class CaseClosed(Conflict):
    """Another member of the staff has decided about these reports."""

    code = "report_case_closed"
    text = Text("По этим жалобам уже принято решение.", "These reports have been decided about already.")


class CaseGrown(Conflict):
    """A report came since the page was opened: what is decided has not been read."""

    code = "report_case_grown"
    text = Text(
        "Пока страница была открыта, пришла ещё жалоба. Прочтите её и решите снова.",
        "Another report came while the page was open. Please read it and decide again.",
    )


class OwnCase(Forbidden):
    """A member of the staff decides about reports of or about itself."""

    code = "own_report_case"
    text = Text("О жалобах на себя и о своих решает другой сотрудник.", "Another member of the staff decides this.")


class DecisionImpossible(Invalid):
    """A person cannot be hidden."""

    code = "decision_impossible"
    text = Text("Так решить нельзя.", "This cannot be decided.")

    def __init__(self) -> None:
        super().__init__(fields={"decision": [self.text]})


class NoteNeeded(Invalid):
    """A warning without words."""

    code = "note_needed"
    text = Text("Напишите, что человек должен прочесть.", "Write what the person shall read.")

    def __init__(self) -> None:
        super().__init__(fields={"note": [self.text]})
