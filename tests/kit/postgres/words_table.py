"""A table of unique words, for tests of statements and transactions."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.errors import Conflict
from mystar.kit.postgres.database import Database, Tx


class WordTaken(Conflict):
    code = "word_taken"


@dataclass(frozen=True)
class Written:
    word: str


WRITE = "insert into words (word) values (%(word)s)"


async def words(db: Database | Tx) -> list[str]:
    return [row["word"] for row in await db.all("select word from words order by id")]
