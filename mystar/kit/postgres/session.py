"""Settings that every session of the database must have, and whether it has them.

They are asked for when a connection is opened. A pooler that hands the sessions of the server from client to client
drops them without a word; then the role has to have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from mystar.kit.postgres.queryable import Queryable, Row

#: A server that checks its client's connection stops a query whose client has gone.
SESSION: dict[str, object] = {
    "client_connection_check_interval": 1000,
    "idle_in_transaction_session_timeout": 60_000,
    # For prepared statements: without it every connection would plan each of them five times first.
    "plan_cache_mode": "force_generic_plan",
    "timezone": "UTC",
}
_UTC = {"utc", "etc/utc", "gmt", "etc/gmt"}
_LIMITS, _UNLIMITED = ("statement_timeout", "idle_in_transaction_session_timeout"), {"0", "0ms"}


class SessionSettingsLost(Exception):
    """The sessions lack settings without which times are wrong and statements run for ever."""


async def require_settings(db: Queryable, statement_timeout_ms: int, *, prepare: bool) -> None:
    """:raises SessionSettingsLost: with the statements that give the settings to the role.

    :param prepare: whether statements are prepared, which a pooler that drops settings would mix up.
    """
    found = await db.one("""
        select quote_ident(current_user) as role, current_setting('statement_timeout') as statement_timeout,
            current_setting('idle_in_transaction_session_timeout') as idle_in_transaction_session_timeout,
            current_setting('timezone') as timezone, current_setting('plan_cache_mode') as plan_cache_mode""")
    if lost := _lost(found):
        raise SessionSettingsLost(_advice(str(found["role"]), lost, statement_timeout_ms))
    # Asked for like the others and, unlike them, never given to the role for a pooler's sake.
    if prepare and found["plan_cache_mode"] != SESSION["plan_cache_mode"]:
        raise SessionSettingsLost(
            "The sessions of the database lose plan_cache_mode, as behind PgBouncer in transaction mode, which keeps "
            "no prepared statements either: set MYSTAR_DATABASE__PREPARED_STATEMENTS=false; or, if the pooler keeps "
            f"sessions, run {_given_to(str(found['role']), ['plan_cache_mode'], statement_timeout_ms)}"
        )


def _lost(found: Row) -> list[str]:
    lost = [name for name in _LIMITS if found[name] in _UNLIMITED]
    return lost if found["timezone"].lower() in _UTC else [*lost, "timezone"]


@contextmanager
def refusal_explained(statement_timeout_ms: int) -> Iterator[None]:
    """:raises SessionSettingsLost: a pooler refuses to pass settings on."""
    try:
        yield
    except psycopg2.OperationalError as error:
        if "unsupported startup parameter" not in str(error):
            raise
        given = _given_to("mystar", [*_LIMITS, "timezone"], statement_timeout_ms)
        raise SessionSettingsLost(
            "PgBouncer refuses the settings of sessions: add options to its ignore_startup_parameters, set "
            f"MYSTAR_DATABASE__PREPARED_STATEMENTS=false and give them to the service's role, such as {given}"
        ) from error


def _advice(role: str, lost: list[str], statement_timeout_ms: int) -> str:
    given = _given_to(role, lost, statement_timeout_ms)
    return (
        f"The sessions of the database lose {', '.join(lost)}, as behind PgBouncer in transaction mode: set "
        f"MYSTAR_DATABASE__PREPARED_STATEMENTS=false, run {given} and let the pooler connect anew"
    )


def _given_to(role: str, names: list[str], statement_timeout_ms: int) -> str:
    values = {**SESSION, "statement_timeout": statement_timeout_ms}
    return " ".join(f"ALTER ROLE {role} SET {name} = '{values[name]}';" for name in names)
