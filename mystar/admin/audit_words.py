"""Entries of the audit log in words: what was done, to what, and the values before and after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mystar.admin import formats
from mystar.admin.lists import LISTS
from mystar.admin.lists.audit_labels import AUDIT_ACTIONS, CODES, DETAILS, PLACED_ACTIONS, SUBJECTS
from mystar.admin.lists.route_labels import route_words
from mystar.errors import MystarError, Text
from mystar.kit.money import format_rubles_text
from mystar.texts.library import editable

#: Said by the action, or always the same.
_LEFT_OUT = ("place", "currency")
_TONES = {
    **dict.fromkeys(
        ("hidden", "account_blocked", "refused", "payouts_stopped", "earning_stop", "payout_failed"), "bad"
    ),
    **dict.fromkeys(("shown", "account_unblocked", "payouts_resumed", "earning_resume", "payout_paid"), "good"),
}
_FIELD, _BEFORE, _AFTER = "field", "before", "after"
_AMOUNT = re.compile(r"-?[0-9]{1,15}\.[0-9]{2}")
_YES, _NO = Text("да", "yes"), Text("нет", "no")
_NOTHING = Text("пусто", "empty")
#: Before the name of a user of the server.
_OPERATOR = "operator:"


@dataclass(frozen=True, slots=True)
class Change:
    """What a value was and became. ``field``: which one, if there are several."""

    field: Text | None
    before: str | Text
    after: str | Text


@dataclass(frozen=True, slots=True)
class AuditWords:
    """``details``: titles and values that are not a change. ``href`` may be empty."""

    action: Text
    tone: str
    subject: Text
    href: str
    change: Change | None
    details: tuple[tuple[Text, str | Text], ...]


def words_of(row: Mapping[str, Any]) -> AuditWords:
    """:param row: ``act, subject, details`` of an entry."""
    act, details = row["act"], dict(row["details"])
    subject, href = _subject(row["subject"])
    action = PLACED_ACTIONS.get((act, str(details.get("place")))) or AUDIT_ACTIONS.get(act) or Text(act, act)
    return AuditWords(
        action, _TONES.get(act, "plain"), subject, href, _change(act, details), tuple(_details(act, details))
    )


def before_value(title: str) -> str:
    """ "reason:", but "note No."."""
    return title if title.endswith((formats.NUMBER_SIGN.ru, formats.NUMBER_SIGN.en)) else f"{title}:"


def _subject(subject: str) -> tuple[Text, str]:
    kind, _, number = subject.partition(":")
    if kind == "text" and number in editable():
        return editable()[number].title, f"/admin/texts/{number}/"
    if kind not in SUBJECTS or not number.isdigit():
        return Text(subject, subject), ""
    (title, path), words = SUBJECTS[kind], formats.numbered(number)
    return Text(f"{title.ru} {words.ru}", f"{title.en} {words.en}"), path.format(id=number)


def _change(act: str, details: dict[str, Any]) -> Change | None:
    """Takes what it uses out of the details."""
    if _BEFORE not in details and _AFTER not in details:
        return None
    field = _value(act, _FIELD, details.pop(_FIELD)) if _FIELD in details else None
    before, after = (_value(act, name, details.pop(name, None)) for name in (_BEFORE, _AFTER))
    return Change(Text(field, field) if isinstance(field, str) else field, before or _NOTHING, after or _NOTHING)


def _details(act: str, details: Mapping[str, Any]) -> Iterator[tuple[Text, str | Text]]:
    for name, value in details.items():
        if value not in (None, "") and name not in _LEFT_OUT:
            yield DETAILS.get(name, Text(name, name)), _value(act, name, value)


def _value(act: str, name: str, value: Any) -> str | Text:
    if name == "route":
        return route_words(str(value))
    if name == "code":
        return _error_text(str(value))
    if isinstance(value, bool):
        return _YES if value else _NO
    if name == "list" and str(value) in LISTS:
        return LISTS[str(value)].title
    if name in ("due", "until"):
        return formats.kept(str(value))
    if name in ("amount", "fee") and _AMOUNT.fullmatch(str(value)):
        return Text(*(format_rubles_text(str(value), one) for one in ("ru", "en")))
    if name == "by" and str(value).startswith("account:"):
        return _subject(str(value))[0]
    if name == "by" and str(value).startswith(_OPERATOR):
        user = str(value).removeprefix(_OPERATOR)
        return Text(f"{user}, команда на сервере", f"{user}, a command on the server")
    known = CODES.get((act, name)) or CODES.get(("", name)) or {}
    if isinstance(value, str) and ", " in value and all(part in known for part in value.split(", ")):
        words = [known[part] for part in value.split(", ")]
        return Text(", ".join(one.ru for one in words), ", ".join(one.en for one in words))
    return known.get(str(value)) or ("" if value is None else str(value))


@cache
def _errors() -> Mapping[str, Text]:
    def walk(kind: type[MystarError]) -> Iterator[tuple[str, Text]]:
        for child in kind.__subclasses__():
            yield child.code, child.text
            yield from walk(child)

    return dict(walk(MystarError))


def _error_text(code: str) -> str | Text:
    return _errors().get(code, code)
