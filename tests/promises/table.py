"""The table of promises, printed and kept in docs/promises.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.promises.runner import Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "promises.md"
_HEAD = ("promise", "form", "what was done", "figure", "seed", "result")
_BEGIN, _END = "<!-- written by python -m tests.promises -->\n", "<!-- end -->"
_HEADING = re.compile(r"^### ([MTSFO]\d+): (.+)$", re.MULTILINE)


def headings(page: str) -> dict[str, str]:
    """The title of each promise, by its number."""
    return dict(_HEADING.findall(page))


def rows_of(page: str) -> dict[str, str]:
    """The lines of the table, by the promise's number; empty without a table."""
    body = page.partition(_BEGIN)[2].partition(_END)[0]
    found = re.findall(r"^(\| ([MTSFO]\d+) .*\|)$", body, re.MULTILINE)
    return {number: line for line, number in found}


def table(rows: Iterable[Row], titles: Mapping[str, str]) -> str:
    """As Markdown."""
    return "\n".join([*_top(), *(_line(row, titles) for row in rows)])


def refreshed(page: str, rows: Iterable[Row]) -> str:
    """The page with these rows; those of other promises stay. :raises ValueError: it has no place for the table."""
    if _BEGIN not in page or _END not in page:
        raise ValueError(f"{PAGE.name} has no {_BEGIN.strip()}")
    titles = headings(page)
    lines = rows_of(page) | {row.number: _line(row, titles) for row in rows}
    ordered = [lines[number] for number in titles if number in lines]
    before, _, rest = page.partition(_BEGIN)
    return before + _BEGIN + "\n" + "\n".join([*_top(), *ordered]) + "\n\n" + _END + rest.partition(_END)[2]


def _top() -> tuple[str, str]:
    return f"| {' | '.join(_HEAD)} |", f"|{' --- |' * len(_HEAD)}"


def _line(row: Row, titles: Mapping[str, str]) -> str:
    cells = (f"{row.number} {titles[row.number]}", row.form, row.done, row.figure, str(row.seed), row.result)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
