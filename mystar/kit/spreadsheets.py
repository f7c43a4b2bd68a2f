"""CSV as spreadsheet programs of Russia read it: semicolons, UTF-8 with a mark at its beginning."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

#: What a text begins with that such a program takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff"


def harmless(text: str) -> str:
    """The text of a cell, which spreadsheet programs never read as a formula."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV. What a person may have written goes through `harmless` before."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(rows)
    return out.getvalue()
