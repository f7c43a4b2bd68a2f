"""The parts of a list: columns, filters, sortings and a search, each over an index.

A list finds the ids of one table; the rows to show come from a named query of ``queries.sql`` with joins. A filter
needs an index over its column, the list's ``created`` column and the id; a sorting needs one over its column and the
id. ``0020_admin.sql`` adds the missing ones, and a test checks the plans.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mystar.errors import Text

Plain = Literal[
    "text",
    "long",
    "fraction",
    "month",
    "number",
    "money",
    "moment",
    "badge",
    "yes",
    "size",
    "stars",
    "reference",
    "live",
    "code",
]
#: The others are made of several columns of the query.
Kind = Plain | Literal["act", "subject", "details", "conditions", "difference"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list. ``name`` is that of the query's column, ``link`` a path with names of columns in braces.

    :param sort: the sorting that a click on its title selects.
    :param labels: words by value; other values are shown unchanged.
    """

    name: str
    title: Text
    kind: Kind = "text"
    link: str = ""
    sort: str = ""
    labels: Mapping[str, Text] = field(default_factory=dict)


#: Stands for all words of a person: names, e-mail and phone; its values are patterns for LIKE.
WORDS = "words"


class _Anything:
    """Stands for "is not null"."""


ANYTHING = _Anything()


@dataclass(frozen=True, slots=True)
class ChoiceFilter:
    """A filter with a choice of values, which may be None (null) or `ANYTHING` (not null).

    :param options: value in the query string, label, value of the column.
    """

    name: str
    title: Text
    column: str
    options: Sequence[tuple[str, Text, object]]


@dataclass(frozen=True, slots=True)
class ParentFilter:
    """A filter by the id of a parent, which other pages link to. Shown only when active."""

    name: str
    title: Text
    column: str


@dataclass(frozen=True, slots=True)
class SearchField:
    """A column that the search looks in, over an index.

    :param parse: the value to look for; None if the text cannot be one.
    :param prefix: match the beginning of the column.
    :param through: "accounts" or "creators": the ``column`` is of accounts, and our ``key`` is the id of such an
        account, or of such a creator.
    :param is_array: our ``key`` is an array of such ids, of which one has to be found.
    """

    column: str
    parse: Callable[[str], object | None]
    prefix: bool = False
    through: str = ""
    key: str = ""
    is_array: bool = False


_NO_WORDS = Text("", "")
_NOTHING = Text("Здесь ничего нет.", "There is nothing here.")


@dataclass(frozen=True, slots=True)
class ListDefinition:
    """A list.

    :param name: in the address, and, with ``_rows`` behind it, of the query that answers what is shown by ids.
    :param rows_of: the name of another list whose query that is.
    :param conditions: column and value of every row, or a tuple of values.
    :param created: the column of the date filter; "id" where the creation time is unknown.
    :param sortings: column by name of the sorting. "created" is the default: newest first, or oldest first with
        ``oldest_first``.
    :param hint: what can be searched for. :param empty: the text of an empty list.
    """

    name: str
    title: Text
    table: str
    columns: Sequence[Column]
    created: str = "created_at"
    filters: Sequence[ChoiceFilter | ParentFilter] = ()
    sortings: Mapping[str, str] = field(default_factory=dict)
    search: Sequence[SearchField] = ()
    hint: Text = _NO_WORDS
    conditions: Sequence[tuple[str, object]] = ()
    oldest_first: bool = False
    empty: Text = _NOTHING
    rows_of: str = ""

    @property
    def query(self) -> str:
        return f"{(self.rows_of or self.name).replace('-', '_')}_rows"

    @property
    def default_sort(self) -> str:
        return "created" if self.oldest_first else "-created"


def options_of(labels: Mapping[str, Text]) -> Sequence[tuple[str, Text, object]]:
    """Options whose values in the query string are those of the database."""
    return tuple((value, title, value) for value, title in labels.items())


# Parsers of the search text.

_SUBJECT = re.compile(r"(\w+)\s*(?:№|#)?\s*(\d{1,18})")
_SUBJECTS: Mapping[str, str] = {
    **dict.fromkeys(("аккаунт", "account"), "account"),
    **dict.fromkeys(("заказ", "order"), "order"),
    **dict.fromkeys(("выплата", "payout"), "payout"),
    **dict.fromkeys(("услуга", "service"), "service"),
    **dict.fromkeys(("отзыв", "review"), "review"),
    **dict.fromkeys(("креатор", "creator"), "creator"),
}

_BIGGEST = 2**63 - 1


def parse_id(text: str) -> int | None:
    digits = text.removeprefix("№").removeprefix("#").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def parse_order_number(text: str) -> str | None:
    """The number of a studio order: six digits, with leading zeros."""
    digits = text.removeprefix("№").removeprefix("#").strip()
    return digits if len(digits) == 6 and digits.isascii() and digits.isdigit() else None


def parse_word(text: str) -> str | None:
    """In lower case, as keys are."""
    return text.lower() or None


def parse_username(text: str) -> str | None:
    """A user name: anything but a bare number."""
    return None if parse_id(text) is not None else text.lower()


def parse_email(text: str) -> str | None:
    return text.lower() if "@" in text else None


def parse_phone(text: str) -> str | None:
    digits = "".join(filter(str.isdigit, text))
    if len(digits) < 5 or len(digits) > 15:
        return None
    return "+7" + digits[1:] if digits.startswith("8") else "+" + digits


def parse_subject(text: str) -> str | None:
    """A subject of the audit log: "order:12" of "order 12"."""
    if ":" in text:
        return text
    found = _SUBJECT.fullmatch(text.lower())
    return f"{_SUBJECTS[found[1]]}:{found[2]}" if found and found[1] in _SUBJECTS else None


def parse_text(text: str) -> str | None:
    return text or None
