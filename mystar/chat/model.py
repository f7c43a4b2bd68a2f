"""Conversations, messages and changes; the errors and the events of chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from mystar.chat.offers.model import Offer
from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text

#: Characters of a message; a dialect may allow fewer.
MAX_LENGTH = 4000
#: Characters of the id that a client gives a message.
MAX_CLIENT_ID_LENGTH = 100
#: Files of one message.
MAX_FILES = 10


@dataclass(frozen=True, slots=True)
class Person:
    """The public data of a member. ``avatar`` is the key of the picture's file."""

    id: int
    username: str
    avatar: str | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message; ``size`` in bytes, ``key`` its path under /media/."""

    id: int
    name: str
    size: int
    content_type: str
    key: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is now.

    :param number: 1, 2, 3 … in its conversation; a deleted message keeps it, without text or files.
    :param position: in the conversation's log, of the sending.
    :param changed_position: of the last edit or deletion; None if never changed.
    :param answer_id: the id of the message, of the same conversation, that it answers.
    :param client_id: an id chosen by the sender's client.
    :param offer: the custom offer that the message shows, as it is now.
    """

    id: int
    conversation_id: int
    number: int
    position: int
    changed_position: int | None
    sender: Person
    text: str
    answer_id: int | None
    client_id: str | None
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    files: tuple[Attachment, ...] = ()
    offer: Offer | None = None

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


@dataclass(frozen=True, slots=True)
class Member:
    """One of the two members of a conversation.

    :param read_number: everything up to this message is read; 0 = nothing.
    :param read_position: of the read mark in the log.
    :param unread: later messages of the other member that are not deleted.
    """

    id: int
    read_number: int
    read_position: int
    unread: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """``position`` of the latest change, ``last_number`` of the latest message; 0 = there is none."""

    id: int
    members: tuple[Member, Member]
    starter_id: int
    last_number: int
    position: int
    created_at: datetime
    active_at: datetime

    def member(self, account_id: int) -> Member:
        """:raises ConversationUnknown: the account is no member (D4)."""
        for member in self.members:
            if member.id == account_id:
                return member
        raise ConversationUnknown

    def other_than(self, account_id: int) -> Member:
        """The other member. :raises ConversationUnknown: the account is no member."""
        self.member(account_id)
        return self.members[0] if self.members[1].id == account_id else self.members[1]


@dataclass(frozen=True, slots=True)
class ConversationCard:
    """A conversation as one of its members sees it in a list.

    :param is_blocked: the reader has blocked the other member.
    """

    conversation: Conversation
    reader: Person
    other: Person
    last_message: Message | None
    is_blocked: bool

    @property
    def starter(self) -> Person:
        return self.reader if self.reader.id == self.conversation.starter_id else self.other

    @property
    def recipient(self) -> Person:
        return self.other if self.reader.id == self.conversation.starter_id else self.reader

    @property
    def unread(self) -> int:
        return self.conversation.member(self.reader.id).unread


class Opened(NamedTuple):
    """``is_new`` is false when the conversation existed."""

    conversation: Conversation
    is_new: bool


class Sent(NamedTuple):
    """``is_new`` is false when the client has sent it before: ``message`` is the first one."""

    message: Message
    is_new: bool


@dataclass(frozen=True, slots=True)
class ReadMark:
    """The member has read everything up to this number."""

    conversation_id: int
    position: int
    account_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a conversation, as it is now.

    "message" comes once for each message, in the order of numbers. "edited" and "deleted" come where that was done
    last, and "read" where a member marked last, so what a change says may be newer than its position, never older.

    :param position: to ask for what comes after it.
    :param message: of the first three kinds. :param read: of the last.
    """

    position: int
    kind: Literal["message", "edited", "deleted", "read"]
    message: Message | None = None
    read: ReadMark | None = None


# Events. Each is published once in its transaction, and once after the commit.


@dataclass(frozen=True, slots=True)
class ConversationCreated:
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class MessageSent:
    """``recipient_id`` is the account of the other member.

    ``is_notified``: an unread notification tells the recipient of the conversation already; listeners in the
    transaction have nothing to add then, and are not called if the message alone was the transaction.
    """

    message: Message
    recipient_id: int
    is_notified: bool


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """Edited, or deleted if `Message.is_deleted`. Its position is ``message.changed_position``."""

    message: Message
    recipient_id: int


@dataclass(frozen=True, slots=True)
class ConversationReadByStaff:
    """A member of the staff has read it on the page of an order of its members."""

    conversation_id: int
    order_id: int


@dataclass(frozen=True, slots=True)
class ReadMoved:
    mark: ReadMark


# Errors


class ConversationUnknown(NotFound):
    """The conversation does not exist, or the actor takes no part in it (D4)."""

    code = "conversation_unknown"
    text = Text("Переписка не найдена.", "The conversation was not found.")


class MessageUnknown(NotFound):
    """The message does not exist in this conversation."""

    code = "message_unknown"
    text = Text("Сообщение не найдено.", "The message was not found.")


class RecipientUnknown(NotFound):
    """The recipient of a message does not exist."""

    code = "recipient_unknown"
    text = Text("Такого пользователя нет.", "There is no such user.")


class OwnConversation(Invalid):
    """The recipient is the actor."""

    code = "own_conversation"
    text = Text("Нельзя писать самому себе.", "You cannot write to yourself.")

    def __init__(self) -> None:
        super().__init__(fields={"recipient_id": [self.text]})


class ConversationExists(Conflict):
    """The two people have a conversation already.

    ``conversation_id``: its id.
    """

    code = "conversation_exists"
    text = Text("У вас уже есть переписка с этим пользователем.", "You already have a conversation with this user.")


class AnswerUnknown(Invalid):
    """The message that is answered is not part of this conversation."""

    code = "answer_unknown"
    text = Text("Сообщение, на которое вы отвечаете, не найдено.", "The message that you answer was not found.")

    def __init__(self) -> None:
        super().__init__(fields={"answer_to": [self.text]})


class MessageEmpty(Invalid):
    """A message without text and without files."""

    code = "nothing_said"
    text = Text("Сообщение не может быть пустым.", "The message must not be empty.")

    def __init__(self) -> None:
        super().__init__(fields={"message": [self.text]})


_CONTACTS: Mapping[str, Text] = {
    "phone": Text("телефон", "a phone number"),
    "email": Text("адрес почты", "an e-mail address"),
    "link": Text("ссылка", "a link"),
    "messenger": Text("мессенджер", "a messenger"),
    "handle": Text("имя в другой сети", "a name in another network"),
}
_HELD_BACK = Text(
    "Сообщение не отправлено: до первой оплаты нельзя обмениваться контактами, а в тексте есть: {what}. Уберите это "
    "и отправьте снова. Текст у вас, ничего не потеряно.",
    "The message was not sent: contacts cannot be exchanged before the first payment, and the text has: {what}. Take "
    "that out and send it again. You still have the text, nothing is lost.",
)


class ContactsHeldBack(Invalid):
    """A message with contacts, while the operator holds them back and neither of the two has paid the other yet.

    ``kinds``: of the contacts: phone, email, link, messenger, handle.
    """

    code = "contacts_held_back"
    text = Text(
        "До первой оплаты нельзя обмениваться контактами. Сообщение не отправлено.",
        "Contacts cannot be exchanged before the first payment. The message was not sent.",
    )

    def __init__(self, kinds: Sequence[str]) -> None:
        words = (", ".join(_CONTACTS[kind].in_(language) for kind in kinds) for language in ("ru", "en"))
        text = Text(*(text.format(what=what) for text, what in zip(_HELD_BACK, words, strict=True)))
        super().__init__(fields={"message": [text]}, kinds=list(kinds))


class BlockedByThem(Forbidden):
    """The recipient of a message has blocked its sender."""

    code = "blocked_by_them"
    text = Text("Этот пользователь ограничил вам переписку с ним.", "This user does not take messages from you.")


class BlockedByYou(Forbidden):
    """The sender of a message has blocked its recipient."""

    code = "blocked_by_you"
    text = Text(
        "Вы заблокировали этого пользователя. Чтобы написать ему, снимите блокировку.",
        "You have blocked this user. Unblock them to write.",
    )


class NotYourMessage(Forbidden):
    """The message to be edited or deleted was sent by the other member."""

    code = "not_your_message"
    text = Text("Изменить или удалить сообщение может только его автор.", "Only its author may change a message.")


class OfferStays(Conflict):
    """A message that shows an offer is neither edited nor deleted: the offer is withdrawn."""

    code = "offer_stays"
    text = Text(
        "Сообщение с предложением нельзя изменить или удалить. Отзовите предложение.",
        "A message with an offer can be neither edited nor deleted. Withdraw the offer.",
    )


class MessageDeleted(Conflict):
    """The message to be edited is deleted."""

    code = "message_deleted"
    text = Text("Сообщение удалено.", "The message has been deleted.")


class AlreadySent(Conflict):
    """Two requests send the same message at once. Never leaves the service: both return the first message."""

    code = "sent_before"
    text = Text("Это сообщение уже отправлено.", "This message has been sent already.")
