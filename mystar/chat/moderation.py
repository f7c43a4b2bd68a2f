"""Removal of messages by staff."""

from __future__ import annotations

from mystar.accounts.model import Actor
from mystar.chat.model import MessageChanged, MessageUnknown, OfferStays
from mystar.chat.repository import ChatRepository
from mystar.creators.model import VisibilityChanged
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database


class Moderation:
    """As if the author had deleted the message: its number stays, text and files are removed."""

    def __init__(self, db: Database, files: FileService, clock: Clock) -> None:
        self._db, self._files, self._clock = db, files, clock

    async def remove(self, actor: Actor, message_id: int, reason: str | None = "") -> None:
        """Idempotent. :raises Forbidden: not an operator. :raises MessageUnknown: :raises OfferStays:

        :param reason: what its author, who is notified, reads; None = the caller tells the author.
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            chats = ChatRepository(tx)
            conversation_id = await chats.conversation_of(message_id)
            if conversation_id is None:
                raise MessageUnknown
            conversation = await chats.lock(conversation_id)
            message = await chats.message(conversation_id, message_id)
            if message.is_deleted:
                return
            if message.offer is not None:
                raise OfferStays
            for file in message.files:
                await self._files.mark_deleted(tx, file.id)
            message = await chats.delete(message, self._clock.now())
            await tx.publish(MessageChanged(message, conversation.other_than(message.sender.id).id))
            await tx.publish(VisibilityChanged("message", message_id, False, reason=reason))
