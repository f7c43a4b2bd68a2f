"""What an operator does about letters of the outbox that went nowhere, or not where they should."""

from __future__ import annotations

from mystar.errors import Conflict, NotFound, Text
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Database

QUERIES = queries.load(__package__)


class NothingToRetry(Conflict):
    """Staff retries a row of the outbox that has not failed."""

    code = "letter_not_failed"
    text = Text("Это уже отправлено или отправляется.", "This has been sent or is on its way.")


class NotRepeatable(Conflict):
    """Staff repeats a row of the outbox that is not a mail that was sent. Other rows must not be sent twice."""

    code = "letter_not_repeatable"
    text = Text("Повторить можно только отправленное письмо.", "Only a mail that was sent can be sent again.")


class OutboxAdmin:
    """Verbs of an operator."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def retry(self, message_id: int) -> None:
        """Try at once what was given up or waits for its next attempt; with the same key, so it is done once.

        :raises NotFound: :raises NothingToRetry: it was sent, or is being sent.
        """
        if not await self._db.execute(QUERIES.retry_letter, id=message_id):
            raise NotFound if not await self._is_there(message_id) else NothingToRetry

    async def repeat(self, message_id: int) -> int:
        """Send a mail once more, as a new one; its id.

        :raises NotFound: :raises NotRepeatable: no mail, or not sent yet.
        """
        repeated: int | None = await self._db.value(QUERIES.repeat_mail, id=message_id)
        if repeated is None:
            raise NotFound if not await self._is_there(message_id) else NotRepeatable
        return repeated

    async def _is_there(self, message_id: int) -> bool:
        return bool(await self._db.value(QUERIES.is_letter, id=message_id))
