"""Conversations: opening, messages, read marks and blocks, for all dialects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from mystar.accounts.model import Actor
from mystar.chat.contact_filter import ContactFilter
from mystar.chat.model import (
    AlreadySent,
    AnswerUnknown,
    Attachment,
    BlockedByThem,
    BlockedByYou,
    Change,
    Conversation,
    ConversationCard,
    ConversationCreated,
    ConversationExists,
    ConversationUnknown,
    Member,
    Message,
    MessageChanged,
    MessageDeleted,
    MessageEmpty,
    NotYourMessage,
    OfferStays,
    Opened,
    OwnConversation,
    Person,
    ReadMark,
    ReadMoved,
    Sent,
)
from mystar.chat.repository import ChatRepository
from mystar.errors import Forbidden
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Retry, Tx
from mystar.kit.postgres.gathered import Gathered
from mystar.kit.recount import Difference
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.pagination import Page, PageRequest

#: Rows of a list that is read whole.
MAX_ROWS = 1000


class ChatService:
    """Methods about a conversation raise `ConversationUnknown` if the actor is no member (D4)."""

    def __init__(
        self, db: Database, files: FileService, limits: RateLimits, clock: Clock, contacts: ContactFilter
    ) -> None:
        self._db, self._files, self._limits, self._clock, self._contacts = db, files, limits, clock, contacts
        self._by_id = Gathered(ChatRepository(db).by_id, name="conversations")

    # Conversations

    async def open(self, actor: Actor, other_id: int) -> Opened:
        """The one conversation of two accounts; creates it if there is none (D31).

        :raises OwnConversation: :raises RecipientUnknown: :raises BlockedByThem: :raises BlockedByYou: it would be new,
            and one of the two has blocked the other. :raises TooMany: new conversations.
        """
        found = await self._of_pair(actor, other_id)
        if found is not None:
            return Opened(found, False)
        await self._limits.hit("conversation", actor.id)
        async with self._db.transaction() as tx:
            return await self._open(tx, actor, other_id)

    async def start(self, actor: Actor, other_id: int, text: str = "") -> Conversation:
        """Create a conversation, with its first message if ``text`` is given: both or neither.

        :raises ConversationExists: :raises TooMany: and what `open` and `send` raise.
        """
        found = await self._of_pair(actor, other_id)
        if found is not None:
            raise ConversationExists(conversation_id=found.id)
        await self._limits.hit("conversation", actor.id)
        async with self._db.transaction() as tx:
            conversation, is_new = await self._open(tx, actor, other_id)
            if not is_new:
                raise ConversationExists(conversation_id=conversation.id)
            if text:
                await self._contacts.check(tx, actor, text, conversation=conversation)
                await self._send(tx, actor, conversation.id, text)
        return conversation

    async def conversation(self, actor: Actor, conversation_id: int) -> Conversation:
        """:raises ConversationUnknown: there is none, or the actor is no member."""
        conversation = await ChatRepository(self._db).find(conversation_id)
        conversation.member(actor.id)
        return conversation

    async def joined(self, actor: Actor, conversation_id: int) -> Conversation:
        """Like `conversation`, outside of transactions, and by one statement for all who join at the same time."""
        if (conversation := await self._by_id.get(conversation_id)) is None:
            raise ConversationUnknown
        conversation.member(actor.id)
        return conversation

    async def between(self, actor: Actor, one_id: int, other_id: int) -> Conversation:
        """The conversation of these two accounts, one of which must be the actor.

        :raises Forbidden: the actor is neither (D31). :raises ConversationUnknown: they have none.
        """
        if actor.id not in (one_id, other_id):
            raise Forbidden
        conversation = await ChatRepository(self._db).of_pair(one_id, other_id)
        if conversation is None:
            raise ConversationUnknown
        return conversation

    async def card(self, actor: Actor, conversation_id: int) -> ConversationCard:
        """The conversation as lists show it."""
        return await ChatRepository(self._db).card(actor.id, conversation_id)

    async def conversations(self, actor: Actor, page: PageRequest) -> Page[ConversationCard]:
        """The actor's conversations, latest activity first."""
        chats = ChatRepository(self._db)
        return Page(await chats.cards(actor.id, page), await chats.count(actor.id))

    async def conversation_ids(self, actor: Actor, page: PageRequest) -> Page[int]:
        """The ids of the actor's conversations, for a dialect that shows nothing else."""
        chats = ChatRepository(self._db)
        return Page(await chats.ids(actor.id, page), await chats.count(actor.id))

    # Messages

    async def messages(self, actor: Actor, conversation_id: int, page: PageRequest) -> Page[Message]:
        """Newest first. Deleted ones keep their place."""
        conversation = await self.conversation(actor, conversation_id)
        top = conversation.last_number - page.offset
        rows = await ChatRepository(self._db).up_to(conversation_id, top, page.size) if top > 0 else []
        return Page(rows, conversation.last_number)

    async def after(self, conversation_id: int, position: int = 0, limit: int = MAX_ROWS) -> list[Change]:
        """Changes after ``position``, oldest first; more follow after the position of the last one.

        A state that was read at a position, with the changes after it, is the current state. The caller has checked
        that the reader is a member.
        """
        return await ChatRepository(self._db).changes_after(conversation_id, position, min(limit, MAX_ROWS))

    async def position_of(self, conversation_id: int, message_id: int) -> int:
        """The position of this message in the log. :raises MessageUnknown: it is not in this conversation."""
        return (await ChatRepository(self._db).message(conversation_id, message_id)).position

    async def ends(self, conversation_ids: Sequence[int]) -> dict[int, int]:
        """The last position of each of these conversations, in one query."""
        return await ChatRepository(self._db).ends(conversation_ids)

    async def send(
        self,
        actor: Actor,
        conversation_id: int,
        text: str,
        *,
        answer_to: int | None = None,
        file_ids: Sequence[int] = (),
        client_id: str | None = None,
    ) -> Sent:
        """Send a message with text, files of the actor, or both.

        :param answer_to: the id of a message of this conversation.
        :param client_id: an id chosen by the client. The same id again returns the first message, without expiry,
            whatever else differs (D33).
        :raises MessageEmpty: :raises AnswerUnknown: :raises BlockedByThem: :raises BlockedByYou: :raises TooMany:
        :raises NotFound: a file is not the sender's. :raises Conflict: a file is in use already.
        :raises ContactsHeldBack:
        """
        if not text and not file_ids:
            raise MessageEmpty
        await self._limits.hit("message", actor.id)
        return await self._send_once(
            actor, conversation_id, text, answer_to=answer_to, file_ids=file_ids, client_id=client_id
        )

    async def _send_once(
        self,
        actor: Actor,
        conversation_id: int,
        text: str,
        *,
        answer_to: int | None = None,
        file_ids: Sequence[int] = (),
        client_id: str | None = None,
    ) -> Sent:
        now = self._clock.now()
        try:
            await self._contacts.check_new(self._db, actor, conversation_id, client_id, text)
            # Most messages add nothing but themselves: one statement is enough for them.
            alone = not file_ids and await ChatRepository(self._db).send(
                conversation_id, actor.id, text, answer_id=answer_to, client_id=client_id, now=now, only_notified=True
            )
            if alone:
                await self._db.announce(alone)
                return Sent(alone.message, True)
            async with self._db.transaction() as tx:
                return await self._send(
                    tx, actor, conversation_id, text, answer_to=answer_to, file_ids=file_ids, client_id=client_id
                )
        except AlreadySent:
            first = await ChatRepository(self._db).sent_as(client_id or "", conversation_id, actor.id)
            assert first is not None
            return Sent(first, False)

    async def send_within(
        self,
        tx: Tx,
        actor: Actor,
        conversation_id: int,
        text: str,
        *,
        client_id: str | None,
        then: Callable[[Message], Awaitable[Message]],
    ) -> Sent:
        """Send a message in the caller's transaction, which shows more than text: ``then`` adds that to a new one.

        :raises AlreadySent: another request with this ``client_id`` was faster. :raises ContactsHeldBack:
        """
        await self._contacts.check_new(tx, actor, conversation_id, client_id, text)
        return await self._send(tx, actor, conversation_id, text, client_id=client_id, then=then)

    async def send_to(self, actor: Actor, recipient_id: int, text: str, *, client_id: str | None = None) -> Sent:
        """Send a message to an account, in the one conversation of the two. Raises what `open` and `send` raise."""
        if not text:
            raise MessageEmpty
        # Counted before the transaction, which holds locks that others wait for.
        await self._limits.hit("message", actor.id)
        if await self._of_pair(actor, recipient_id) is None:
            await self._contacts.check(self._db, actor, text, other_id=recipient_id)
        conversation, _ = await self.open(actor, recipient_id)
        return await self._send_once(actor, conversation.id, text, client_id=client_id)

    async def edit(self, actor: Actor, conversation_id: int, message_id: int, text: str) -> Message:
        """Replace the text of a message of the actor.

        :raises MessageUnknown: :raises NotYourMessage: :raises MessageDeleted: :raises MessageEmpty: neither text nor
            files would be left. :raises BlockedByThem: :raises BlockedByYou: :raises TooMany:
            :raises ContactsHeldBack:
        """
        await self._limits.hit("message", actor.id)
        async with self._db.transaction() as tx:
            chats = ChatRepository(tx)
            conversation, message = await self._own_message(chats, actor, conversation_id, message_id)
            if message.is_deleted:
                raise MessageDeleted
            if not text and not message.files:
                raise MessageEmpty
            other_id = conversation.other_than(actor.id).id
            await self._require_no_block(chats, actor, other_id)
            if text != message.text:
                await self._contacts.check(tx, actor, text, conversation=conversation)
                message = await chats.edit(message, text, self._clock.now())
                await tx.publish(MessageChanged(message, other_id))
        return message

    async def delete(self, actor: Actor, conversation_id: int, message_id: int) -> None:
        """Delete a message of the actor: its number stays, text and files are removed. Idempotent.

        :raises MessageUnknown: :raises NotYourMessage:
        """
        async with self._db.transaction() as tx:
            chats = ChatRepository(tx)
            conversation, message = await self._own_message(chats, actor, conversation_id, message_id)
            if message.is_deleted:
                return
            for file in message.files:
                await self._files.mark_deleted(tx, file.id)
            message = await chats.delete(message, self._clock.now())
            await tx.publish(MessageChanged(message, conversation.other_than(actor.id).id))

    async def mark_read(self, actor: Actor, conversation_id: int, number: int | None = None) -> Member:
        """Mark messages up to this number as read; None = all. The mark never moves back."""
        async with self._db.transaction() as tx:
            chats = ChatRepository(tx)
            conversation = await chats.lock(conversation_id)
            before = conversation.member(actor.id)
            reached = conversation.last_number if number is None else min(number, conversation.last_number)
            if reached <= before.read_number:
                return before
            after = (await chats.move_read_mark(conversation_id, actor.id, reached)).member(actor.id)
            await tx.publish(ReadMoved(ReadMark(conversation_id, after.read_position, after.id, reached)))
        return after

    # Blocks

    async def blocked(self, actor: Actor, page: PageRequest) -> Page[Person]:
        """The accounts that the actor has blocked, by id."""
        chats = ChatRepository(self._db)
        return Page(await chats.blocked(actor.id, page), await chats.count_blocked(actor.id))

    async def block(self, actor: Actor, other_id: int) -> None:
        """Block messages in both directions. :raises OwnConversation: :raises RecipientUnknown:"""
        if other_id == actor.id:
            raise OwnConversation
        await ChatRepository(self._db).block(actor.id, other_id, self._clock.now())

    async def unblock(self, actor: Actor, other_id: int) -> None:
        await ChatRepository(self._db).unblock(actor.id, other_id)

    async def recount(self) -> list[Difference]:
        """Conversations whose stored numbers differ from a recount of their messages."""
        return await ChatRepository(self._db).differences(MAX_ROWS)

    # Inside a transaction

    async def _of_pair(self, actor: Actor, other_id: int) -> Conversation | None:
        if other_id == actor.id:
            raise OwnConversation
        return await ChatRepository(self._db).of_pair(actor.id, other_id)

    async def _open(self, tx: Tx, actor: Actor, other_id: int) -> Opened:
        chats = ChatRepository(tx)
        await self._require_no_block(chats, actor, other_id)
        made = await chats.create(actor.id, other_id, self._clock.now())
        if made is not None:
            await tx.publish(ConversationCreated(made))
            return Opened(made, True)
        found = await chats.of_pair(actor.id, other_id)
        assert found is not None
        return Opened(found, False)

    async def _send(
        self,
        tx: Tx,
        actor: Actor,
        conversation_id: int,
        text: str,
        *,
        answer_to: int | None = None,
        file_ids: Sequence[int] = (),
        client_id: str | None = None,
        then: Callable[[Message], Awaitable[Message]] | None = None,
    ) -> Sent:
        chats = ChatRepository(tx)
        sent = await chats.send(
            conversation_id, actor.id, text, answer_id=answer_to, client_id=client_id, now=self._clock.now()
        )
        if sent is None:
            return Sent(await self._first_message(chats, actor, conversation_id, answer_to, client_id), False)
        if file_ids:
            message = await self._attach(tx, sent.message, sent.recipient_id, list(dict.fromkeys(file_ids)))
            sent = replace(sent, message=message)
        if then:
            sent = replace(sent, message=await then(sent.message))
        await tx.publish(sent)
        return Sent(sent.message, True)

    async def _first_message(
        self, chats: ChatRepository, actor: Actor, conversation_id: int, answer_to: int | None, client_id: str | None
    ) -> Message:
        """The message sent with this client id before; raises why it cannot be sent otherwise."""
        first = await chats.sent_as(client_id, conversation_id, actor.id) if client_id else None
        if first is not None:
            return first
        conversation = await chats.find(conversation_id)
        await self._require_no_block(chats, actor, conversation.other_than(actor.id).id)
        if answer_to is not None:
            raise AnswerUnknown
        # The obstacle is gone again: a block that was lifted between the two statements.
        raise Retry(retry_after=1)

    async def _attach(self, tx: Tx, message: Message, recipient_id: int, file_ids: Sequence[int]) -> Message:
        files = [
            await self._files.attach(tx, file_id, owner_id=message.sender.id, readers=[recipient_id], public=False)
            for file_id in file_ids
        ]
        await ChatRepository(tx).add_files(message.id, file_ids)
        shown = tuple(Attachment(one.id, one.name, one.size, one.content_type, one.key) for one in files)
        return replace(message, files=shown)

    @staticmethod
    async def _own_message(
        chats: ChatRepository, actor: Actor, conversation_id: int, message_id: int
    ) -> tuple[Conversation, Message]:
        """The locked conversation and the message."""
        conversation = await chats.lock(conversation_id)
        conversation.member(actor.id)
        message = await chats.message(conversation_id, message_id)
        if message.sender.id != actor.id:
            raise NotYourMessage
        if message.offer is not None:
            raise OfferStays
        return conversation, message

    @staticmethod
    async def _require_no_block(chats: ChatRepository, actor: Actor, other_id: int) -> None:
        """:raises BlockedByYou: :raises BlockedByThem:"""
        blockers = await chats.blockers(actor.id, other_id)
        if actor.id in blockers:
            raise BlockedByYou
        if blockers:
            raise BlockedByThem
