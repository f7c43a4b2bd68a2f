"""Ends backends of PostgreSQL while a test is connected to them."""

from __future__ import annotations

from contextlib import closing

import psycopg2


def terminate_backend(dsn: str, pid: int) -> None:
    """End a backend over another connection; the event loop does not notice it before its next turn."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", [pid])
