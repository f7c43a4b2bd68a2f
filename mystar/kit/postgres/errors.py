"""Translates PostgreSQL's errors. The name of a violated constraint becomes an error of the domain (law 11)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg2
from psycopg2 import errorcodes

from mystar.errors import Invalid, MystarError, Text, Unavailable
from mystar.kit.postgres.prepared import is_stale

log = logging.getLogger(__name__)

#: Makes the domain error of a violated constraint, by the constraint's name.
Constraints = Mapping[str, Callable[[], MystarError]]
_NONE: Constraints = {}


class NoRow(Exception):
    """A query that must return one row returned none, or several."""


class ConstraintViolated(Exception):
    """A constraint without a domain error was violated: a defect. ``name``: the constraint's, or "table.column"."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class TransactionBroken(Exception):
    """The transaction cannot be committed, since an SQL error inside it was swallowed; ``__cause__`` is that error."""


class Retry(Unavailable):
    """A deadlock, a serialization failure or a stale prepared statement. Nothing was changed; a retry may succeed."""

    code = "busy"
    text = Text(
        "Слишком много одновременных изменений. Повторите запрос.", "Too many changes at once. Please try again."
    )


#: Values that no column can hold, such as NUL in a text, or a number or a time out of range.
_INVALID_VALUES = {
    errorcodes.CHARACTER_NOT_IN_REPERTOIRE,
    errorcodes.DATETIME_FIELD_OVERFLOW,
    errorcodes.NUMERIC_VALUE_OUT_OF_RANGE,
    errorcodes.STRING_DATA_RIGHT_TRUNCATION,
    errorcodes.UNTRANSLATABLE_CHARACTER,
}
#: Classes 08 connection, 53 resources, 57P operator intervention; 57014 a statement that ran too long; 25006 a change
#: on a server that is a standby.
_OUTAGE = ("08", "53", "57P", errorcodes.QUERY_CANCELED, errorcodes.READ_ONLY_SQL_TRANSACTION)


@contextmanager
def translate_errors(constraints: Constraints = _NONE) -> Iterator[None]:
    """Raise errors of the database as `MystarError` and the classes above. Defects, such as a wrong statement, pass."""
    try:
        yield
    except psycopg2.Error as error:
        translated = _translated(error, constraints)
        if translated is None:
            raise
        if isinstance(translated, Unavailable):
            log.warning("PostgreSQL: %s", str(error).strip())
        raise translated from error
    except OSError as error:
        # A host that cannot be resolved, no free connection, or no answer in time.
        log.warning("PostgreSQL: %s", str(error) or "timed out")
        raise Unavailable(retry_after=5) from error
    except ValueError as error:
        # psycopg2's message for NUL; the encoder refuses half of a surrogate pair.
        if isinstance(error, UnicodeEncodeError) or "cannot contain NUL" in str(error):
            raise Invalid() from error
        raise


def _translated(error: psycopg2.Error, constraints: Constraints) -> Exception | None:
    code: str = error.pgcode or ""
    if isinstance(error, psycopg2.IntegrityError):
        return _violation(error, constraints)
    if code in (errorcodes.SERIALIZATION_FAILURE, errorcodes.DEADLOCK_DETECTED) or is_stale(error):
        return Retry(retry_after=1)
    if code == errorcodes.IN_FAILED_SQL_TRANSACTION:
        return TransactionBroken("The transaction failed at an earlier statement")
    if code in _INVALID_VALUES:
        return Invalid()
    # psycopg2 takes the plain class for a connection that ended while it read the answer.
    is_of_connection = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    lost = not code and (is_of_connection or type(error) is psycopg2.DatabaseError)
    return Unavailable(retry_after=5) if lost or code.startswith(_OUTAGE) else None


def _violation(error: psycopg2.IntegrityError, constraints: Constraints) -> MystarError | ConstraintViolated:
    diag = error.diag
    name: str = diag.constraint_name or f"{diag.table_name}.{diag.column_name}"
    meaning = constraints.get(name)
    return meaning() if meaning else ConstraintViolated(name)
