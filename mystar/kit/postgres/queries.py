"""Named queries: a domain's SQL lives in its ``queries.sql`` and is read as attributes.

    -- name: lock_order
    -- Two payments for one order must queue here.
    select * from orders where id = %(order_id)s for update;

Comments are left out, except behind code; a literal per cent sign is written ``%%``. A line ``-- plan: generic`` or
``-- plan: custom`` after the name has the query prepared (see `prepared`); without it, or with ``-- plan: text``, its
values are part of its text, and PostgreSQL plans it for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Literal, get_args

Plan = Literal["text", "generic", "custom"]
_NAME = re.compile(r"-- name: ([a-z][a-z0-9_]*)\s*")
#: A line that was probably meant to name a query.
_ALMOST = re.compile(r"\s*-+\s*(name|plan)\b", re.IGNORECASE)
#: A reason may follow.
_PLAN = re.compile(r"-- plan: (\w+)(,.*|)")


class Query(str):
    """The text of a named query. ``identifier``: an SQL identifier for it; ``plan``: how it is planned."""

    identifier: str
    plan: Plan

    def __new__(cls, text: str, identifier: str = "", plan: Plan = "text") -> Query:
        query = super().__new__(cls, text)
        query.identifier, query.plan = identifier, plan
        return query


class Queries:
    """The queries of one file, by attribute or, for tools, by iteration over ``(name, query)``."""

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._texts = _parse(source, text)

    def __getattr__(self, name: str) -> Query:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"{self._source} has no query {name!r}") from None

    def __iter__(self) -> Iterator[tuple[str, Query]]:
        return iter(self._texts.items())


def load(package: str | None) -> Queries:
    """The queries of ``package``, usually ``load(__package__)``.

    :raises ValueError: a name twice, an empty query, SQL before the first name, or a misspelt name line.
    """
    assert package, "queries belong to a package"
    text = resources.files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    return Queries(f"{package}/queries.sql", text)


def _parse(source: str, text: str) -> dict[str, Query]:
    found: dict[str, list[str]] = {}
    plans: dict[str, Plan] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if named := _NAME.fullmatch(line):
            name = named[1]
            if name in found:
                raise ValueError(f"{source}:{number}: a second query is called {name}")
            found[name] = []
        elif name and (planned := _PLAN.fullmatch(line)):
            plans[name] = _plan(planned[1], f"{source}:{number}")
        elif _ALMOST.match(line):
            raise ValueError(f"{source}:{number}: write '-- name: some_name' or '-- plan: {_PLANS}', not {line!r}")
        elif line.strip() and not line.lstrip().startswith("--"):
            if not name:
                raise ValueError(f"{source}:{number}: SQL before the first '-- name:' line")
            found[name].append(line.rstrip())
    for name, lines in found.items():
        if not lines:
            raise ValueError(f"{source}: the query {name} is empty")
    return {name: _query(source, name, lines, plans.get(name, "text")) for name, lines in found.items()}


_PLANS = "|".join(get_args(Plan))


def _plan(word: str, place: str) -> Plan:
    plan: Plan | None = next((one for one in get_args(Plan) if one == word), None)
    if plan is None:
        raise ValueError(f"{place}: a plan is one of {_PLANS}, not {word!r}")
    return plan


def _query(source: str, name: str, lines: list[str], plan: Plan) -> Query:
    domain = source.removesuffix("/queries.sql").removeprefix("mystar.").replace(".", "_")
    return Query("\n".join(lines).rstrip().removesuffix(";"), f"{domain}_{name}", plan)
