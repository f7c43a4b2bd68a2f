"""What can be asked of a database or a transaction, and what answers look like."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any, TypeVar

from mystar.kit.postgres.driver import Values
from mystar.kit.postgres.errors import NoRow

Row = dict[str, Any]
Result = TypeVar("Result")


class Queryable:
    """Runs statements. Every method takes values by name, or as one mapping or sequence."""

    async def _run(self, query: str, values: Values, read: Callable[[Any], Result]) -> Result:
        raise NotImplementedError

    async def one(self, query: str, values: Values | None = None, /, **named: Any) -> Row:
        """The only row. :raises NoRow: there is none, or more than one."""
        rows = await self.all(query, values, **named)
        if len(rows) != 1:
            raise NoRow(f"{len(rows)} rows where there must be one")
        return rows[0]

    async def one_or_none(self, query: str, values: Values | None = None, /, **named: Any) -> Row | None:
        """The row, or None. :raises NoRow: there are several."""
        rows = await self.all(query, values, **named)
        if len(rows) > 1:
            raise NoRow(f"{len(rows)} rows where there may be one")
        return rows[0] if rows else None

    async def all(self, query: str, values: Values | None = None, /, **named: Any) -> list[Row]:
        return await self._run(query, named if values is None else values, _rows)

    async def value(self, query: str, values: Values | None = None, /, **named: Any) -> Any:
        """The first column of the first row, or None."""
        return await self._run(query, named if values is None else values, _value)

    async def execute(self, query: str, values: Values | None = None, /, **named: Any) -> int:
        """The number of rows touched."""
        return await self._run(query, named if values is None else values, _count)

    async def enqueue(self, query: str, values: Values | None = None, /, **named: Any) -> None:
        """Execute without waiting for the result. A transaction sends it with its next statement, or its commit.

        An error is raised there, so this is not for statements whose violated constraint is caught.
        """
        await self.execute(query, values, **named)


def _rows(cursor: Any) -> list[Row]:
    values = cursor.fetchall()
    names = [column[0] for column in cursor.description]
    # Not a comprehension over zip(strict=...): half of the time of a long list would go into that argument.
    rows = list(map(dict, map(zip, repeat(names), values)))
    if rows and len(rows[0]) != len(names):
        raise ValueError(f"Two columns of one name: {', '.join(names)}")
    return rows


def _value(cursor: Any) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None


def _count(cursor: Any) -> int:
    return max(0, int(cursor.rowcount))
