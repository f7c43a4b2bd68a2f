"""Prepared statements over SQL: ``PREPARE`` once per connection on first use, ``EXECUTE`` afterwards.

psycopg2 writes values into the text of a statement, so PostgreSQL parses and plans the same joins for every request. A
query of a ``queries.sql`` with a line ``-- plan: generic`` is prepared instead and planned once per connection;
``-- plan: custom`` is prepared and planned anew for the values of each execution, which saves parsing only.

Statements vanish with ``DISCARD`` and ``DEALLOCATE``, and their plans become invalid when a migration changes the type
of a result. `is_stale` recognizes both, and `forget` lets the connection prepare its statements again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg2
from psycopg2 import errorcodes

from mystar.kit.postgres.queries import Query

_PARAMETER = re.compile(r"%\((\w+)\)s")
#: The function of PostgreSQL that raises "cached plan must not change result type"; the text may be translated.
_CHECKS_RESULT_TYPE = "RevalidateCachedQuery"
#: ``set local`` lasts until the end of the transaction, or of the message when there is none.
_MODES = {"generic": "", "custom": "set local plan_cache_mode = force_custom_plan; "}


class Template:
    """How a query is prepared and executed: its parameters are numbered in the order of their first use."""

    def __init__(self, query: Query) -> None:
        self.order = list(dict.fromkeys(_PARAMETER.findall(query)))
        body = _PARAMETER.sub(lambda found: f"${self.order.index(found[1]) + 1}", query)
        arguments = f"({', '.join(f'%({name})s' for name in self.order)})" if self.order else ""
        self.prepare = f"prepare {query.identifier} as {body}\n; "
        self.execute = f"{_MODES[query.plan]}execute {query.identifier}{arguments}"


class PreparedStatements:
    """The prepared statements of one connection."""

    _templates: dict[Query, Template] = {}

    def __init__(self) -> None:
        self._known: set[Query] = set()
        self._unconfirmed = self._forgotten = False

    def statement(self, query: str, values: Mapping[str, Any] | Sequence[Any] | None) -> str:
        """What is sent for the query: itself, or its ``EXECUTE``, after ``PREPARE`` if this is the first use."""
        if not isinstance(query, Query) or query.plan == "text" or not isinstance(values, Mapping):
            return query
        template = self._templates.get(query)
        if template is None:
            template = self._templates[query] = Template(query)
        if query in self._known:
            return template.execute
        self._known.add(query)
        self._unconfirmed = True
        before, self._forgotten = "deallocate all; " if self._forgotten else "", False
        return before + template.prepare + template.execute

    def succeeded(self) -> None:
        """Everything in the message was executed."""
        self._unconfirmed = False

    def failed(self, error: psycopg2.Error) -> bool:
        """Note that a message failed; whether it did because a statement was stale.

        Which statements of the message were prepared before the error is unknown, so all are prepared again.
        """
        stale = is_stale(error)
        if stale or self._unconfirmed:
            self._known.clear()
            self._unconfirmed, self._forgotten = False, True
        return stale


def is_stale(error: psycopg2.Error) -> bool:
    """Whether the statement failed because it is not prepared any more, or because its plan is invalid."""
    if error.pgcode == errorcodes.FEATURE_NOT_SUPPORTED:
        return bool(error.diag.source_function == _CHECKS_RESULT_TYPE)
    return bool(error.pgcode == errorcodes.INVALID_SQL_STATEMENT_NAME)
