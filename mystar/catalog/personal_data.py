"""The services of a person: with the texts go the words that only these services were found by."""

from __future__ import annotations

from mystar.catalog.repository import PERSONAL_DATA
from mystar.catalog.search_repository import SearchRepository
from mystar.kit.postgres.personal_data import ErasedPerson, PersonalData
from mystar.kit.postgres.queryable import Queryable


class CatalogPersonalData(PersonalData):
    """The search index knows every word that was ever in a service, the names of creators included."""

    def __init__(self, db: Queryable) -> None:
        super().__init__(db, PERSONAL_DATA)

    async def erase(self, tx: Queryable, person: ErasedPerson) -> None:
        index = SearchRepository(tx)
        words = await index.words_of_account(person)
        await super().erase(tx, person)
        await index.forget(words)
