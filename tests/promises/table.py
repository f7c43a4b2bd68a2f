"""The tables of docs/promises.md: of the promises, and of the planted faults. A run replaces the lines it has anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs" / "promises.md"
_HEADING = re.compile(r"^### ([MTSFO]\d+): (.+)$", re.MULTILINE)
_END = "<!-- end -->"


def headings(page: str) -> dict[str, str]:
    """The title of each promise, by its number."""
    return dict(_HEADING.findall(page))


class Table(NamedTuple):
    """A table that a command writes. The first word of a line is its key."""

    command: str
    head: tuple[str, ...]

    def lines(self, page: str) -> dict[str, str]:
        """By key; empty without a table. :raises ValueError: the page has no place for it."""
        body = self._parts(page)[1]
        found = re.findall(r"^(\| ([\w-]+)\b.*\|)$", body, re.MULTILINE)
        return {key: line for line, key in found if line != self._top()[0]}

    def text(self, lines: Iterable[str]) -> str:
        """As Markdown."""
        return "\n".join([*self._top(), *lines])

    def line(self, cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"

    def refreshed(self, page: str, lines: Mapping[str, str], order: Iterable[str]) -> str:
        """The page with these lines; those of other keys stay.

        :param order: every key that may have a line. :raises ValueError: the page has no place for the table.
        """
        before, _, after = self._parts(page)
        known = self.lines(page) | lines
        return f"{before}\n{self.text(known[key] for key in order if key in known)}\n\n{after}"

    def _parts(self, page: str) -> tuple[str, str, str]:
        begin = f"<!-- written by {self.command} -->\n"
        before, found, rest = page.partition(begin)
        body, end, after = rest.partition(_END)
        if not found or not end:
            raise ValueError(f"{PAGE.name} has no {begin.strip()}")
        return before + begin, body, end + after

    def _top(self) -> tuple[str, str]:
        return f"| {' | '.join(self.head)} |", f"|{' --- |' * len(self.head)}"


PROMISES_TABLE = Table(
    "python -m tests.promises", ("promise", "form", "what was done", "figure", "seed", "commit, day, load", "result")
)
FAULTS_TABLE = Table(
    "python -m tests.promises --mutants", ("planted fault", "promise", "what notices it", "seed", "commit, day, load")
)
