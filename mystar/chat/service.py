"""Everything that two people do in their conversation, whoever asks and at whatever door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mystar.accounts.model import Actor
from mystar.chat.model import (
    AlreadyTalking,
    AnswerUnknown,
    Attachment,
    BlockedByThem,
    BlockedByYou,
    Change,
    Conversation,
    ConversationCard,
    ConversationMade,
    ConversationUnknown,
    Member,
    Message,
    MessageChanged,
    MessageDeleted,
    MessageSent,
    NothingSaid,
    NotYourMessage,
    Opened,
    OwnConversation,
    Person,
    ReadMark,
    ReadMoved,
    Sent,
    SentBefore,
)
from mystar.chat.repository import ChatRepository
from mystar.errors import Forbidden
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Retry, Tx
from mystar.kit.recount import Difference
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.pagination import Page, PageRequest

#: No list is longer (D19).
MAX_ROWS = 1000


class ChatService:
    """The verbs. Those about a conversation raise `ConversationUnknown` for a stranger (D4)."""

    def __init__(self, db: Database, files: FileService, limits: RateLimits, clock: Clock) -> None:
        self._db, self._files, self._limits, self._clock = db, files, limits, clock

    # Conversations

    async def open(self, actor: Actor, other_id: int) -> Opened:
        """The one conversation of the two, made if there is none (D31).

        :raises OwnConversation: :raises RecipientUnknown: :raises BlockedByThem: :raises BlockedByYou: it would be new,
            and one has blocked the other. :raises TooMany: new conversations.
        """
        found = await self._of_pair(actor, other_id)
        if found is not None:
            return Opened(found, False)
        await self._limits.hit("conversation", actor.id)
        async with self._db.transaction() as tx:
            return await self._open(tx, actor, other_id)

    async def start(self, actor: Actor, other_id: int, text: str = "") -> Conversation:
        """A new conversation, with its first message if there is one: both or neither.

        :raises AlreadyTalking: the two have one. :raises TooMany: and all that `open` and `send` refuse.
        """
        found = await self._of_pair(actor, other_id)
        if found is not None:
            raise AlreadyTalking(conversation_id=found.id)
        await self._limits.hit("conversation", actor.id)
        async with self._db.transaction() as tx:
            conversation, is_new = await self._open(tx, actor, other_id)
            if not is_new:
                raise AlreadyTalking(conversation_id=conversation.id)
            if text:
                await self._send(tx, actor, conversation.id, text)
        return conversation

    async def conversation(self, actor: Actor, conversation_id: int) -> Conversation:
        """:raises ConversationUnknown: there is none, or the actor is not in it."""
        conversation = await ChatRepository(self._db).find(conversation_id)
        conversation.member(actor.id)
        return conversation

    async def between(self, actor: Actor, one_id: int, other_id: int) -> Conversation:
        """The conversation of these two, who must not be two others.

        :raises Forbidden: the actor is neither (D31). :raises ConversationUnknown: they never talked.
        """
        if actor.id not in (one_id, other_id):
            raise Forbidden
        conversation = await ChatRepository(self._db).of_pair(one_id, other_id)
        if conversation is None:
            raise ConversationUnknown
        return conversation

    async def card(self, actor: Actor, conversation_id: int) -> ConversationCard:
        """As the list shows it."""
        return await ChatRepository(self._db).card(actor.id, conversation_id)

    async def conversations(self, actor: Actor, page: PageRequest) -> Page[ConversationCard]:
        """The actor's, the liveliest first."""
        chats = ChatRepository(self._db)
        return Page(
            await chats.cards(actor.id, page),
            await chats.count(actor.id),
        )

    async def conversation_ids(self, actor: Actor, page: PageRequest) -> Page[int]:
        """The same by the thousand, for a dialect that shows nothing else of them."""
        chats = ChatRepository(self._db)
        return Page(await chats.ids(actor.id, page), await chats.count(actor.id))

    # Messages

    async def messages(self, actor: Actor, conversation_id: int, page: PageRequest) -> Page[Message]:
        """Newest first. Deleted ones keep their place."""
        conversation = await self.conversation(actor, conversation_id)
        top = conversation.last_number - page.offset
        rows = await ChatRepository(self._db).down_from(conversation_id, top, page.size) if top > 0 else []
        return Page(rows, conversation.last_number)

    async def after(self, conversation_id: int, position: int = 0, limit: int = MAX_ROWS) -> list[Change]:
        """What has changed since ``position``, oldest first; ask again from the last change's position for more.

        A state that was read at a position, and the changes after it, make the state as it is now. Nobody is asked who
        he is: the caller has let him in.
        """
        return await ChatRepository(self._db).changes_after(conversation_id, position, min(limit, MAX_ROWS))

    async def position_of(self, conversation_id: int, message_id: int) -> int:
        """Where in the log this message was sent. :raises MessageUnknown: there is none in this conversation."""
        return (await ChatRepository(self._db).message(conversation_id, message_id)).position

    async def ends(self, conversation_ids: Sequence[int]) -> dict[int, int]:
        """Where the logs of these conversations end, in one query."""
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
        """Say something: words, or files of one's own, or both.

        :param answer_to: the id of a message of this conversation.
        :param client_id: the client's own name for the message. The same name again gives the first message, for ever,
            whatever else has changed (D33).
        :raises NothingSaid: :raises AnswerUnknown: :raises BlockedByThem: :raises BlockedByYou: :raises TooMany:
        :raises NotFound: a file is not the sender's. :raises Conflict: a file is in use already.
        """
        if not text and not file_ids:
            raise NothingSaid
        await self._limits.hit("message", actor.id)
        return await self._say(
            actor, conversation_id, text, answer_to=answer_to, file_ids=file_ids, client_id=client_id
        )

    async def _say(
        self,
        actor: Actor,
        conversation_id: int,
        text: str,
        *,
        answer_to: int | None = None,
        file_ids: Sequence[int] = (),
        client_id: str | None = None,
    ) -> Sent:
        try:
            async with self._db.transaction() as tx:
                return await self._send(
                    tx, actor, conversation_id, text, answer_to=answer_to, file_ids=file_ids, client_id=client_id
                )
        except SentBefore:
            first = await ChatRepository(self._db).sent_as(client_id or "", conversation_id, actor.id)
            assert first is not None
            return Sent(first, False)

    async def send_to(self, actor: Actor, recipient_id: int, text: str, *, client_id: str | None = None) -> Sent:
        """Say something to a person, in the one conversation of the two. Refuses what `open` and `send` refuse."""
        if not text:
            raise NothingSaid
        # Counted before anything is changed, for others may be waiting for the transaction that follows.
        await self._limits.hit("message", actor.id)
        conversation, _ = await self.open(actor, recipient_id)
        return await self._say(actor, conversation.id, text, client_id=client_id)

    async def edit(self, actor: Actor, conversation_id: int, message_id: int, text: str) -> Message:
        """Say it otherwise.

        :raises MessageUnknown: :raises NotYourMessage: :raises MessageDeleted: :raises NothingSaid: neither words nor
            files would be left. :raises BlockedByThem: :raises BlockedByYou: :raises TooMany:
        """
        await self._limits.hit("message", actor.id)
        async with self._db.transaction() as tx:
            chats = ChatRepository(tx)
            conversation, message = await self._own_message(chats, actor, conversation_id, message_id)
            if message.is_deleted:
                raise MessageDeleted
            if not text and not message.files:
                raise NothingSaid
            other_id = conversation.other_than(actor.id).id
            await self._require_peace(chats, actor, other_id)
            if text != message.text:
                message = await chats.edit(message, text, self._clock.now())
                await tx.publish(MessageChanged(message, other_id))
        return message

    async def delete(self, actor: Actor, conversation_id: int, message_id: int) -> None:
        """Take it back: the number stays, the words and the files go. Done twice it is done once.

        :raises MessageUnknown: :raises NotYourMessage:
        """
        async with self._db.transaction() as tx:
            chats = ChatRepository(tx)
            conversation, message = await self._own_message(chats, actor, conversation_id, message_id)
            if message.is_deleted:
                return
            for file in message.files:
                await self._files.discard(tx, file.id)
            message = await chats.delete(message, self._clock.now())
            await tx.publish(MessageChanged(message, conversation.other_than(actor.id).id))

    async def mark_read(self, actor: Actor, conversation_id: int, number: int | None = None) -> Member:
        """Everything up to this number is read; None = everything there is. A mark never moves back."""
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
        """Whom the actor wants to hear nothing from, by their ids."""
        chats = ChatRepository(self._db)
        return Page(
            await chats.blocked(actor.id, page),
            await chats.count_blocked(actor.id),
        )

    async def block(self, actor: Actor, other_id: int) -> None:
        """Hear nothing more from this person, nor write to them. :raises OwnConversation: :raises RecipientUnknown:"""
        if other_id == actor.id:
            raise OwnConversation
        await ChatRepository(self._db).block(actor.id, other_id, self._clock.now())

    async def unblock(self, actor: Actor, other_id: int) -> None:
        await ChatRepository(self._db).unblock(actor.id, other_id)

    async def recount(self) -> list[Difference]:
        """Where conversations disagree with their messages. Nowhere, if all is well."""
        return await ChatRepository(self._db).differences(MAX_ROWS)

    # Steps

    async def _of_pair(self, actor: Actor, other_id: int) -> Conversation | None:
        if other_id == actor.id:
            raise OwnConversation
        return await ChatRepository(self._db).of_pair(actor.id, other_id)

    async def _open(self, tx: Tx, actor: Actor, other_id: int) -> Opened:
        chats = ChatRepository(tx)
        await self._require_peace(chats, actor, other_id)
        made = await chats.make(actor.id, other_id, self._clock.now())
        if made is not None:
            await tx.publish(ConversationMade(made))
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
    ) -> Sent:
        chats = ChatRepository(tx)
        sent = await chats.send(
            conversation_id, actor.id, text, answer_id=answer_to, client_id=client_id, now=self._clock.now()
        )
        if sent is None:
            return Sent(await self._first_try(chats, actor, conversation_id, answer_to, client_id), False)
        message, recipient_id = sent
        if file_ids:
            message = await self._attach(tx, message, recipient_id, list(dict.fromkeys(file_ids)))
        await tx.publish(MessageSent(message, recipient_id))
        return Sent(message, True)

    async def _first_try(
        self, chats: ChatRepository, actor: Actor, conversation_id: int, answer_to: int | None, client_id: str | None
    ) -> Message:
        """The message that was sent under this name before, or the reason why there can be none."""
        first = await chats.sent_as(client_id, conversation_id, actor.id) if client_id else None
        if first is not None:
            return first
        conversation = await chats.find(conversation_id)
        await self._require_peace(chats, actor, conversation.other_than(actor.id).id)
        if answer_to is not None:
            raise AnswerUnknown
        # What kept us from writing was gone when we asked for it: a block that was lifted just now.
        raise Retry(retry_after=1)

    async def _attach(self, tx: Tx, message: Message, recipient_id: int, file_ids: Sequence[int]) -> Message:
        files = [
            await self._files.attach(tx, file_id, owner_id=message.sender.id, readers=[recipient_id], public=False)
            for file_id in file_ids
        ]
        await ChatRepository(tx).add_files(message.id, file_ids)
        return replace(
            message,
            files=tuple(Attachment(one.id, one.name, one.size, one.content_type, one.key) for one in files),
        )

    @staticmethod
    async def _own_message(
        chats: ChatRepository, actor: Actor, conversation_id: int, message_id: int
    ) -> tuple[Conversation, Message]:
        """Both, with the conversation held."""
        conversation = await chats.lock(conversation_id)
        conversation.member(actor.id)
        message = await chats.message(conversation_id, message_id)
        if message.sender.id != actor.id:
            raise NotYourMessage
        return conversation, message

    @staticmethod
    async def _require_peace(chats: ChatRepository, actor: Actor, other_id: int) -> None:
        """:raises BlockedByYou: :raises BlockedByThem:"""
        blockers = await chats.blockers(actor.id, other_id)
        if actor.id in blockers:
            raise BlockedByYou
        if blockers:
            raise BlockedByThem
