"""A list of the panel as CSV: the same columns in words, amounts in rubles, moments in the reader's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mystar.admin.audit_words import AuditWords, before_value, words_of
from mystar.admin.lists.code_labels import PROVIDER_REASONS
from mystar.admin.lists.columns import Column, ListDefinition
from mystar.admin.lists.labels import PAYMENT_STATUSES
from mystar.admin.rule_words import condition_words
from mystar.admin.zones import ZONE
from mystar.errors import Text
from mystar.kit import spreadsheets
from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Row

_YES, _NO = Text("да", "yes"), Text("нет", "no")


def heading(definition: ListDefinition, language: str, zone: Text) -> str:
    """The titles; those of moments name the zone."""
    titles = [
        f"{one.title.in_(language)} ({zone.in_(language)})" if one.kind == "moment" else one.title.in_(language)
        for one in definition.columns
    ]
    return spreadsheets.BYTE_ORDER_MARK + spreadsheets.lines([titles])


def body(definition: ListDefinition, rows: Sequence[Row], language: str) -> str:
    return spreadsheets.lines([[_cell(column, row, language) for column in definition.columns] for row in rows])


def _cell(column: Column, row: Row, language: str) -> object:
    if column.kind in ("act", "subject", "details"):
        return spreadsheets.harmless(_said(column.kind, words_of(row), language))
    if column.kind == "conditions":
        return spreadsheets.harmless(condition_words(row).in_(language))
    value = row[column.name]
    if value is None:
        return ""
    match column.kind:
        case "money":
            return rubles_text(value)
        case "moment":
            return _moment(value)
        case "month":
            return f"{value:%Y-%m}"
        case "yes":
            return (_YES if value else _NO).in_(language)
        case "difference":
            return spreadsheets.harmless(_difference(value, language))
        case "badge" | "live":
            known = column.labels.get(str(value))
            return known.in_(language) if known else spreadsheets.harmless(str(value))
        case "number" | "size" | "stars" | "reference":
            return value
    known = column.labels.get(str(value))
    return spreadsheets.harmless(known.in_(language) if known else str(value))


def _moment(value: datetime) -> str:
    return value.astimezone(ZONE.get()).strftime("%Y-%m-%d %H:%M:%S")


def _said(kind: str, said: AuditWords, language: str) -> str:
    def text(value: str | Text) -> str:
        return value.in_(language) if isinstance(value, Text) else value

    if kind == "act":
        return text(said.action)
    if kind == "subject":
        return text(said.subject)
    parts = [f"{before_value(text(title))} {text(value)}" for title, value in said.details]
    if said.change:
        field = f"{text(said.change.field)}: " if said.change.field else ""
        parts.insert(0, f"{field}{text(said.change.before)} → {text(said.change.after)}")
    return "; ".join(parts)


def _difference(details: Mapping[str, Any], language: str) -> str:
    parts = []
    if "status" in details:
        known = PAYMENT_STATUSES.get(details["status"])
        parts.append(f"{known.in_(language) if known else ''} {rubles_text(details['amount'])}")
    if "reason" in details:
        known = PROVIDER_REASONS.get(details["reason"])
        parts.append(known.in_(language) if known else str(details["reason"]))
    return "; ".join(parts)
