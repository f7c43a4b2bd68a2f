"""What staff does about messages of the outbox that failed, or were sent and did not arrive."""

from __future__ import annotations

from mystar.errors import Conflict, NotFound, Text
from mystar.kit.outbox.repository import OutboxRepository
from mystar.kit.postgres.database import Database


class NothingToRetry(Conflict):
    """Staff retries a row of the outbox that has not failed."""

    code = "letter_not_failed"
    text = Text("Это уже отправлено или отправляется.", "This has been sent or is on its way.")


class NotRepeatable(Conflict):
    """Staff repeats a row of the outbox that is not a mail that was sent. Other rows must not be sent twice."""

    code = "letter_not_repeatable"
    text = Text("Повторить можно только отправленное письмо.", "Only a mail that was sent can be sent again.")


class OutboxAdmin:
    """Retries and repeats single messages."""

    def __init__(self, db: Database) -> None:
        self._rows = OutboxRepository(db)

    async def retry(self, message_id: int) -> None:
        """Send at once what was given up or waits for its next attempt, under the same idempotency key.

        :raises NotFound: :raises NothingToRetry: it was sent, or is being sent.
        """
        if not await self._rows.retry(message_id):
            raise NotFound if not await self._rows.exists(message_id) else NothingToRetry

    async def repeat(self, message_id: int) -> int:
        """Send a mail once more, as a new message; its id.

        :raises NotFound: :raises NotRepeatable: not a mail, or not sent yet.
        """
        repeated = await self._rows.repeat_mail(message_id)
        if repeated is None:
            raise NotFound if not await self._rows.exists(message_id) else NotRepeatable
        return repeated
