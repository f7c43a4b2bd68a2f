"""Named queries: a domain's SQL lives in its ``queries.sql`` and is read as attributes.

    -- name: lock_order
    -- Two payments for one order must queue here.
    select * from orders where id = %(order_id)s for update;

Comments are left out, except behind code; a literal per cent sign is written ``%%``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

_NAME = re.compile(r"-- name: ([a-z][a-z0-9_]*)\s*")
#: A line that was probably meant to name a query.
_ALMOST = re.compile(r"\s*-+\s*name\b", re.IGNORECASE)


class Queries:
    """The queries of one file, by attribute or, for tools, by iteration over ``(name, text)``."""

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._texts = _parse(source, text)

    def __getattr__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"{self._source} has no query {name!r}") from None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._texts.items())


def load(package: str | None) -> Queries:
    """The queries of ``package``, usually ``load(__package__)``.

    :raises ValueError: a name twice, an empty query, SQL before the first name, or a misspelt name line.
    """
    assert package, "queries belong to a package"
    text = resources.files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    return Queries(f"{package}/queries.sql", text)


def _parse(source: str, text: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    body: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if named := _NAME.fullmatch(line):
            if named[1] in found:
                raise ValueError(f"{source}:{number}: a second query is called {named[1]}")
            body = found[named[1]] = []
        elif _ALMOST.match(line):
            raise ValueError(f"{source}:{number}: write '-- name: some_name', not {line!r}")
        elif line.strip() and not line.lstrip().startswith("--"):
            if body is None:
                raise ValueError(f"{source}:{number}: SQL before the first '-- name:' line")
            body.append(line.rstrip())
    for name, lines in found.items():
        if not lines:
            raise ValueError(f"{source}: the query {name} is empty")
    return {name: "\n".join(lines).rstrip().removesuffix(";") for name, lines in found.items()}
