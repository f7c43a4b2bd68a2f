"""Saved filters, and why one is not saved."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.errors import Conflict, Text

#: Characters of a name and of a query; filters of one person for one list.
MAX_NAME, MAX_QUERY, MAX_FILTERS = 60, 1000, 20


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """``query``: a query string of the list."""

    id: int
    name: str
    query: str


class TooManyFilters(Conflict):
    """A list has as many saved filters of one person as it may have."""

    code = "too_many_filters"
    text = Text(
        "Больше двадцати фильтров для списка не сохранить: удалите ненужный.",
        "A list has twenty saved filters at most: delete one first.",
    )
