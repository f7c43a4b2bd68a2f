"""The rows of conversations, messages and blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from mystar.chat.model import (
    AlreadySent,
    Attachment,
    Change,
    Conversation,
    ConversationCard,
    ConversationUnknown,
    Member,
    Message,
    MessageSent,
    MessageUnknown,
    Person,
    ReadMark,
    RecipientUnknown,
)
from mystar.chat.offers.model import offer_of
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.recount import Difference
from mystar.kit.web.pagination import PageRequest

QUERIES = queries.load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "messages": QUERIES.export_messages,
        "blocks": QUERIES.export_blocks,
    },
    erasures=(
        QUERIES.lock_conversations_of,
        QUERIES.erase_messages,
        QUERIES.erase_client_ids,
        QUERIES.erase_attachments,
        QUERIES.erase_blocks,
        QUERIES.refuse_messages,
    ),
)
CONSTRAINTS = {
    "conversations_low_id_fkey": RecipientUnknown,
    "conversations_high_id_fkey": RecipientUnknown,
    "chat_blocks_blocked_id_fkey": RecipientUnknown,
    "messages_client_key": AlreadySent,
}


class ChatRepository:
    """Bound to one transaction, or to the database for a single statement."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    # Conversations

    async def create(self, starter_id: int, other_id: int, now: datetime) -> Conversation | None:
        """None when the two have a conversation. :raises RecipientUnknown:"""
        row = await self._tx.one_or_none(QUERIES.create_conversation, starter_id=starter_id, other_id=other_id, now=now)
        return _conversation(row) if row else None

    async def of_pair(self, one_id: int, other_id: int) -> Conversation | None:
        row = await self._tx.one_or_none(QUERIES.conversation_of_pair, one_id=one_id, other_id=other_id)
        return _conversation(row) if row else None

    async def find(self, conversation_id: int) -> Conversation:
        """:raises ConversationUnknown:"""
        return _found(await self._tx.one_or_none(QUERIES.conversation, ids=[conversation_id]))

    async def by_id(self, conversation_ids: Collection[int]) -> dict[int, Conversation]:
        rows = await self._tx.all(QUERIES.conversation, ids=list(conversation_ids))
        return {row["id"]: _conversation(row) for row in rows}

    async def lock(self, conversation_id: int) -> Conversation:
        """:raises ConversationUnknown:"""
        return _found(await self._tx.one_or_none(QUERIES.lock_conversation, id=conversation_id))

    async def card(self, reader_id: int, conversation_id: int) -> ConversationCard:
        """:raises ConversationUnknown: also if the reader is no member."""
        cards = await self._cards(reader_id, conversation_id=conversation_id, limit=1)
        if not cards:
            raise ConversationUnknown
        return cards[0]

    async def cards(self, reader_id: int, page: PageRequest) -> list[ConversationCard]:
        return await self._cards(reader_id, account_id=reader_id, offset=page.offset, limit=page.size)

    async def ids(self, account_id: int, page: PageRequest) -> list[int]:
        rows = await self._tx.all(QUERIES.conversation_ids, account_id=account_id, offset=page.offset, limit=page.size)
        return [row["id"] for row in rows]

    async def count(self, account_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_conversations, account_id=account_id))

    async def move_read_mark(self, conversation_id: int, reader_id: int, number: int) -> Conversation:
        """The caller holds the lock of the conversation."""
        row = await self._tx.one(
            QUERIES.move_read_mark, conversation_id=conversation_id, reader_id=reader_id, number=number
        )
        return _conversation(row)

    # Messages

    async def send(
        self,
        conversation_id: int,
        sender_id: int,
        text: str,
        *,
        answer_id: int | None,
        client_id: str | None,
        now: datetime,
        only_notified: bool = False,
    ) -> MessageSent | None:
        """The message and its recipient; None if it was not sent, for any reason.

        :param only_notified: send it only if an unread notification tells the recipient of the conversation already.
        :raises AlreadySent: another request with the same client id was faster.
        """
        row = await self._tx.one_or_none(
            QUERIES.send,
            conversation_id=conversation_id,
            sender_id=sender_id,
            text=text,
            answer_id=answer_id,
            client_id=client_id,
            now=now,
            only_notified=only_notified,
        )
        if row is None:
            return None
        recipient_id, is_notified = row.pop("recipient_id"), row.pop("is_notified")
        return MessageSent(_message({**row, "files": None, "offer": None}), recipient_id, is_notified)

    async def conversation_of(self, message_id: int) -> int | None:
        row = await self._tx.one_or_none(QUERIES.conversation_of_message, id=message_id)
        return int(row["conversation_id"]) if row else None

    async def may_share_contacts(self, one_id: int, other_id: int) -> bool:
        """Whether one of the two has paid the other for an order, or one of them is staff."""
        return bool(await self._tx.value(QUERIES.may_share_contacts, one_id=one_id, other_id=other_id))

    async def last_texts(self, conversation_id: int, sender_id: int, limit: int) -> list[str]:
        """The sender's latest messages since the other has written, latest first."""
        rows = await self._tx.all(QUERIES.last_texts, id=conversation_id, sender_id=sender_id, limit=limit)
        return [row["text"] for row in rows]

    async def add_files(self, message_id: int, file_ids: Sequence[int]) -> None:
        await self._tx.execute(QUERIES.add_files, message_id=message_id, file_ids=list(file_ids))

    async def message(self, conversation_id: int, message_id: int) -> Message:
        """:raises MessageUnknown: it is not in this conversation."""
        row = await self._tx.one_or_none(QUERIES.message, conversation_id=conversation_id, id=message_id)
        if row is None:
            raise MessageUnknown
        return _message(row)

    async def sent_as(self, client_id: str, conversation_id: int, sender_id: int) -> Message | None:
        row = await self._tx.one_or_none(
            QUERIES.message_by_client_id, client_id=client_id, conversation_id=conversation_id, sender_id=sender_id
        )
        return _message(row) if row else None

    async def up_to(self, conversation_id: int, number: int, limit: int) -> list[Message]:
        """The message with this number and those before it, newest first."""
        rows = await self._tx.all(QUERIES.messages_up_to, conversation_id=conversation_id, number=number, limit=limit)
        return [_message(row) for row in rows]

    async def edit(self, message: Message, text: str, now: datetime) -> Message:
        """The caller holds the lock of the conversation."""
        await self._tx.execute(
            QUERIES.edit_message, id=message.id, conversation_id=message.conversation_id, text=text, now=now
        )
        return await self.message(message.conversation_id, message.id)

    async def delete(self, message: Message, now: datetime) -> Message:
        """The caller holds the lock of the conversation."""
        await self._tx.execute(
            QUERIES.delete_message,
            id=message.id,
            conversation_id=message.conversation_id,
            number=message.number,
            sender_id=message.sender.id,
            now=now,
        )
        return await self.message(message.conversation_id, message.id)

    async def move(self, conversation_id: int, message_id: int) -> None:
        """Give the message the next position of the log, as a change of what it shows. Locks the conversation."""
        await self._tx.execute(QUERIES.move_message, id=message_id, conversation_id=conversation_id)

    async def changes_after(self, conversation_id: int, position: int, limit: int) -> list[Change]:
        rows = await self._tx.all(
            QUERIES.changes_after, conversation_id=conversation_id, position=position, limit=limit
        )
        return [_change(conversation_id, row) for row in rows]

    async def ends(self, conversation_ids: Sequence[int]) -> dict[int, int]:
        rows = await self._tx.all(QUERIES.ends, ids=list(conversation_ids))
        return {row["id"]: row["position"] for row in rows}

    # Blocks

    async def blockers(self, one_id: int, other_id: int) -> set[int]:
        """Which of the two has blocked the other."""
        rows = await self._tx.all(QUERIES.blockers, one_id=one_id, other_id=other_id)
        return {row["blocker_id"] for row in rows}

    async def blocked(self, blocker_id: int, page: PageRequest) -> list[Person]:
        rows = await self._tx.all(QUERIES.blocked_people, blocker_id=blocker_id, offset=page.offset, limit=page.size)
        return [Person(**row) for row in rows]

    async def count_blocked(self, blocker_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_blocked_people, blocker_id=blocker_id))

    async def block(self, blocker_id: int, blocked_id: int, now: datetime) -> None:
        """:raises RecipientUnknown: there is no such account."""
        await self._tx.execute(QUERIES.block, blocker_id=blocker_id, blocked_id=blocked_id, now=now)

    async def unblock(self, blocker_id: int, blocked_id: int) -> None:
        await self._tx.execute(QUERIES.unblock, blocker_id=blocker_id, blocked_id=blocked_id)

    async def differences(self, limit: int) -> list[Difference]:
        return [Difference(**row) for row in await self._tx.all(QUERIES.differences, limit=limit)]

    async def _cards(
        self,
        reader_id: int,
        *,
        account_id: int | None = None,
        conversation_id: int | None = None,
        offset: int = 0,
        limit: int,
    ) -> list[ConversationCard]:
        rows = await self._tx.all(
            QUERIES.conversation_cards,
            reader_id=reader_id,
            account_id=account_id,
            conversation_id=conversation_id,
            offset=offset,
            limit=limit,
        )
        latest = await self._tx.all(
            QUERIES.messages_numbered,
            conversation_ids=[row["id"] for row in rows],
            numbers=[row["last_number"] for row in rows],
        )
        last_messages = {row["conversation_id"]: _message(row) for row in latest}
        return [_card(row, reader_id, last_messages.get(row["id"])) for row in rows]


def _found(row: Row | None) -> Conversation:
    if row is None:
        raise ConversationUnknown
    return _conversation(row)


def _conversation(row: Row) -> Conversation:
    low, high = (
        Member(row[f"{side}_id"], row[f"{side}_read"], row[f"{side}_read_position"], row[f"{side}_unread"])
        for side in ("low", "high")
    )
    return Conversation(
        id=row["id"],
        members=(low, high),
        starter_id=row["starter_id"],
        last_number=row["last_number"],
        position=row["position"],
        created_at=row["created_at"],
        active_at=row["active_at"],
    )


def _card(row: Row, reader_id: int, last_message: Message | None) -> ConversationCard:
    people = [Person(row[f"{side}_id"], row[f"{side}_username"], row[f"{side}_avatar"]) for side in ("low", "high")]
    if reader_id not in (person.id for person in people):
        raise ConversationUnknown
    reader, other = people if people[0].id == reader_id else reversed(people)
    return ConversationCard(_conversation(row), reader, other, last_message, row["is_blocked"])


def _message(row: Row) -> Message:
    return Message(
        id=row["id"],
        conversation_id=row["conversation_id"],
        number=row["number"],
        position=row["position"],
        changed_position=row["changed_position"],
        sender=Person(row["sender_id"], row["username"], row["avatar"]),
        text=row["text"],
        answer_id=row["answer_id"],
        client_id=row["client_id"],
        sent_at=row["sent_at"],
        edited_at=row["edited_at"],
        deleted_at=row["deleted_at"],
        files=tuple(Attachment(**file) for file in row["files"] or ()),
        offer=offer_of(row["offer"]) if row["offer"] else None,
    )


def _change(conversation_id: int, row: dict[str, Any]) -> Change:
    if row["kind"] == "read":
        mark = ReadMark(conversation_id, row["at"], row["reader_id"], row["read_number"])
        return Change(row["at"], "read", read=mark)
    return Change(row["at"], row["kind"], message=_message(row))
