"""What a list is made of: columns to show, filters, sortings and a search, each over an index.

A register reads one table, by its ids; what is shown of them comes from a named query of ``queries.sql`` that joins
what it likes. A filter over a column needs an index that begins with it and goes on with the register's ``created``
column and the id; a sorting needs one over its column and the id. ``0020_admin.sql`` has those that nobody had before,
and a test asks the planner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mystar.errors import Text

Kind = Literal["text", "long", "number", "money", "moment", "badge", "yes", "size", "stars", "reference", "live"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list. ``name`` is that of the query's column, ``link`` a path with names of columns in braces.

    :param sort: the sorting that a click on its title chooses.
    :param words: of a badge, by value; what is missing is shown as it is.
    """

    name: str
    title: Text
    kind: Kind = "text"
    link: str = ""
    sort: str = ""
    words: Mapping[str, Text] = field(default_factory=dict)


class _Anything:
    """Stands for "is not null"."""


ANYTHING = _Anything()


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: one of the ``values``, which may also be None (null), or `ANYTHING` (not null).

    :param options: the word in the address, what people read, what the column is compared with.
    """

    name: str
    title: Text
    column: str
    options: Sequence[tuple[str, Text, object]]


@dataclass(frozen=True, slots=True)
class Of:
    """A filter: everything of one parent, by its id, which other pages link to. Shown only while it is on."""

    name: str
    title: Text
    column: str


@dataclass(frozen=True, slots=True)
class Match:
    """A way to find rows by what was typed, over an index.

    :param reads: what the text means if it is meant so; None = it is not.
    :param prefix: how the column begins is enough.
    :param through: "accounts" or "creators": the ``column`` is of accounts, and our ``key`` is the id of such an
        account, or of such a creator.
    """

    column: str
    reads: Callable[[str], object | None]
    prefix: bool = False
    through: str = ""
    key: str = ""


_NO_WORDS = Text("", "")
_NOTHING = Text("Здесь ничего нет.", "There is nothing here.")


@dataclass(frozen=True, slots=True)
class ListDefinition:
    """A list.

    :param name: in the address, and, with ``_rows`` behind it, of the query that answers what is shown by ids.
    :param always: what every row has: column and value.
    :param created: the column that filters by days go by; "id" where nobody knows when a row was made.
    :param sortings: column by the name of the sorting. "created" is the one when nobody says: the newest first, or,
        with ``oldest_first``, what has waited longest.
    :param hint: what can be searched for. :param empty: what is said of nothing.
    """

    name: str
    title: Text
    table: str
    columns: Sequence[Column]
    created: str = "created_at"
    filters: Sequence[Choice | Of] = ()
    sortings: Mapping[str, str] = field(default_factory=dict)
    search: Sequence[Match] = ()
    hint: Text = _NO_WORDS
    always: Sequence[tuple[str, object]] = ()
    oldest_first: bool = False
    empty: Text = _NOTHING

    @property
    def query(self) -> str:
        return f"{self.name.replace('-', '_')}_rows"

    @property
    def usual(self) -> str:
        return "created" if self.oldest_first else "-created"


def options_of(words: Mapping[str, Text]) -> Sequence[tuple[str, Text, object]]:
    """Options that are called in the address what they are called in the database."""
    return tuple((value, title, value) for value, title in words.items())


# How typed text is read.

_BIGGEST = 2**63 - 1


def an_id(text: str) -> int | None:
    digits = text.removeprefix("№").removeprefix("#").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def a_number(text: str) -> str | None:
    """Of a studio order: six digits, leading zeros count."""
    digits = text.removeprefix("№").removeprefix("#").strip()
    return digits if len(digits) == 6 and digits.isascii() and digits.isdigit() else None


def a_word(text: str) -> str | None:
    """Case-folded as keys are."""
    return text.lower() or None


def a_name(text: str) -> str | None:
    """Of a person: anything but a bare number."""
    return None if an_id(text) is not None else text.lower()


def an_email(text: str) -> str | None:
    return text.lower() if "@" in text else None


def a_phone(text: str) -> str | None:
    digits = "".join(filter(str.isdigit, text))
    if len(digits) < 5 or len(digits) > 15:
        return None
    return "+7" + digits[1:] if digits.startswith("8") else "+" + digits


def a_subject(text: str) -> str | None:
    """As the audit log calls things: "order:12"."""
    return text if ":" in text else None


def as_typed(text: str) -> str | None:
    return text or None
