"""Migrated databases for tests, used again and again: emptied between tests, and made anew when that is not enough.

Copying and dropping the 700 files of a database costs several times what deleting the rows of a test does, and the
first connection to a copy reads all catalogs anew.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Self

import psycopg2
from psycopg2 import extensions

from tests.warm_connections import WarmConnections

if TYPE_CHECKING:
    from tests.database import Server

#: So many tests later dead rows and dead entries of indexes have piled up.
_USES = 50

#: What deleting rows does not undo: other objects and settings, and tables that take longer to empty than a copy takes.
_BEYOND_ROWS = """
select exists (select from pg_class where age(xmin) < age($1) and relpersistence <> 't')
    or exists (select from pg_attribute where attrelid >= 16384 and age(xmin) < age($1))
    or exists (select from pg_attrdef where age(xmin) < age($1))
    or exists (select from pg_constraint where age(xmin) < age($1))
    or exists (select from pg_trigger where age(xmin) < age($1))
    or exists (select from pg_proc where oid >= 16384 and pronamespace <> pg_my_temp_schema()
               and age(xmin) < age($1))
    or exists (select from pg_database left join pg_db_role_setting on setdatabase = pg_database.oid
               where datname = current_database()
               and (setdatabase is not null or age(pg_database.xmin) < age($1)))
    or exists (select from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
               and pg_relation_size(oid) > 2^20)
"""

#: The role of replication passes by triggers, among them those that forbid to delete, and foreign keys. Of tables in
#: which migrations left rows, those that are as the migrations left them are not touched.
_PREPARE = """
set session_replication_role = replica;
create function pg_temp.empty_all(since xid, full_tables regclass[], counts bigint[]) returns text[]
language plpgsql as $$
declare
    question text = 'select count(*) <> $1 or count(*) filter (where age(xmin) < age($2)) > 0 from ';
    name regclass;
    is_changed boolean;
    changed text[] = '{}';
begin
    for i in 1 .. cardinality(full_tables) loop
        execute question || full_tables[i] into is_changed using counts[i], since;
        if is_changed then
            changed = changed || full_tables[i]::text;
        end if;
    end loop;
    for name in select oid::regclass from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_relation_size(oid) > 0
            and (oid <> all (full_tables) or oid::regclass::text = any (changed))
    loop
        execute 'delete from ' || name;
    end loop;
    for name in select sequencename from pg_sequences where schemaname = 'public' and last_value is not null
    loop
        perform setval(name, 1, false);
    end loop;
    return changed;
end $$;
prepare empty_all (xid, regclass[], bigint[])
as select pg_temp.empty_all($1, $2, $3), pg_current_xact_id()::xid::text;
"""

_FILLED = """
select oid::regclass::text from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_relation_size(oid) > 0
"""


@dataclass(frozen=True)
class Template:
    """A migrated database that is copied, and the rows that migrations left in it."""

    name: str
    rows: dict[str, str]

    @classmethod
    def of(cls, server: Server, name: str) -> Self:
        with closing(psycopg2.connect(server.dsn(name))) as connection, connection.cursor() as cursor:
            cursor.execute(_FILLED)
            rows = {table: _rows(cursor, table) for (table,) in cursor.fetchall()}
            cursor.execute("select count(*) from pg_sequences where schemaname = 'public' and last_value is not null")
            assert cursor.fetchone() == (0,), "a migration took a number, and tests begin at 1"
        return cls(name, rows)


def _rows(cursor: extensions.cursor, table: str) -> str:
    rows = StringIO()
    cursor.copy_expert(f"copy {table} to stdout", rows)
    return rows.getvalue()


class ReusedDatabase:
    """One copy of the template at a time, which equals the template whenever it is taken."""

    def __init__(self, server: Server, template: Template) -> None:
        #: The sessions of the service, which stay as long as the database does.
        self.warm = WarmConnections()
        self._server = server
        self._template = template
        self._name: str | None = None
        self._connection: extensions.connection | None = None
        self._since = ""
        self._uses = 0

    def take(self) -> str:
        """The name of a database with the schema and no rows."""
        if self._name is None:
            self._name = self.warm.database = self._server.create(self._template.name)
            self._since = self._server.transaction()
            self._uses = 0
        self._uses += 1
        return self._name

    def give_back(self) -> None:
        """Undo what was done to it since it was taken, by dropping it if need be."""
        if self._name is not None and not (self._uses < _USES and self._emptied(self._name)):
            self.drop()

    def drop(self) -> None:
        self.warm.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._name is not None:
            self._server.drop(self._name)
            self._name = None

    def _emptied(self, name: str) -> bool:
        try:
            connection = self._connected(name)
            self.warm.make_ready()
            if not self._server.is_idle(name, but=[connection.info.backend_pid, *self.warm.processes()]):
                return False
            with connection, connection.cursor() as cursor:
                cursor.execute("execute beyond_rows (%s)", [self._since])
                if cursor.fetchone() != (False,):
                    return False
                rows = self._template.rows
                counts = [text.count("\n") for text in rows.values()]
                cursor.execute("execute empty_all (%s, %s::regclass[], %s)", [self._since, list(rows), counts])
                changed, self._since = cursor.fetchone()
                for table in changed:
                    cursor.copy_expert(f"copy {table} from stdin", StringIO(rows[table]))
        except psycopg2.Error:
            # The test has ended all connections, or the role of the tests may not pass by triggers.
            return False
        return True

    def _connected(self, name: str) -> extensions.connection:
        """A connection that stays, since a new one reads the catalogs anew."""
        if self._connection is None:
            self._connection = psycopg2.connect(self._server.dsn(name))
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(_PREPARE)
                cursor.execute(f"prepare beyond_rows (xid) as {_BEYOND_ROWS}")
        return self._connection
