"""Conversations as staff read them: those of the parties of an order, each reading in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.model import Actor
from mystar.chat.model import Conversation, ConversationReadByStaff, Message
from mystar.chat.repository import ChatRepository
from mystar.kit.postgres.database import Database


@dataclass(frozen=True, slots=True)
class StaffPage:
    """Messages, oldest first. ``earlier``: the number that the page before ends with; None = there is none."""

    conversation: Conversation | None
    messages: tuple[Message, ...]
    earlier: int | None


#: The two have never written to each other.
NO_CONVERSATION = StaffPage(None, (), None)


class StaffReading:
    """What the members are told of it is in docs/privacy.md."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_order(
        self, actor: Actor, order_id: int, one_id: int, other_id: int, *, up_to: int | None = None, size: int = 100
    ) -> StaffPage:
        """The messages of the two parties of an order, or `NO_CONVERSATION`.

        :param up_to: the number of the last message; None = the newest one.
        :raises Forbidden: not staff who may change things.
        """
        actor.require_operator()
        async with self._db.transaction() as tx:
            chats = ChatRepository(tx)
            conversation = await chats.of_pair(one_id, other_id)
            if conversation is None:
                return NO_CONVERSATION
            last = conversation.last_number if up_to is None else min(up_to, conversation.last_number)
            messages = (await chats.up_to(conversation.id, last, size))[::-1]
            await tx.publish(ConversationReadByStaff(conversation.id, order_id))
        earlier = messages[0].number - 1 if messages and messages[0].number > 1 else None
        return StaffPage(conversation, tuple(messages), earlier)
