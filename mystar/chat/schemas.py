"""Market schemas of conversations (docs/dialects/market.md#conversations)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mystar.chat.model import MAX_CLIENT_ID_LENGTH, MAX_FILES, MAX_LENGTH, Change, ConversationCard, Message, Person
from mystar.chat.offers.schemas import OfferView, offer_view
from mystar.kit.web.fields import BaseSchema, BoundedInteger, BoundedList, Id, PlainText
from mystar.kit.web.media_urls import Addresses


class ConversationPath(BaseSchema):
    conversation_id = Id(required=True)


class MessagePath(ConversationPath):
    message_id = Id(required=True)


class UserPath(BaseSchema):
    user_id = Id(required=True)


class ConversationDraft(BaseSchema):
    recipient_id = Id(required=True)


class MessageDraft(BaseSchema):
    """Text, files, or both."""

    message = PlainText(load_default="", max_length=MAX_LENGTH)
    answer_to = Id(load_default=None, allow_none=True, metadata={"description": "id of a message of the conversation"})
    file_ids = BoundedList(
        Id(),
        load_default=list,
        max_items=MAX_FILES,
        metadata={"description": "unused uploads of the actor"},
    )
    client_id = PlainText(
        load_default=None,
        allow_none=True,
        min_length=1,
        max_length=MAX_CLIENT_ID_LENGTH,
        metadata={
            "description": "An id chosen by the client; sending it again returns the first message, without expiry."
        },
    )


class MessageEdit(BaseSchema):
    message = PlainText(required=True, max_length=MAX_LENGTH)


class ReadDraft(BaseSchema):
    number = BoundedInteger(
        min_value=0,
        max_value=2**31 - 1,
        load_default=None,
        allow_none=True,
        metadata={"description": "The last message that was read; default: the newest."},
    )


class ChangesQuery(BaseSchema):
    reports_unknown = True

    after = BoundedInteger(
        min_value=0,
        max_value=2**63 - 1,
        load_default=0,
        metadata={"description": "The position of the conversation as it was read, or of the last known change."},
    )


class MemberView(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    avatar = fields.String(required=True, allow_none=True, metadata={"format": "uri"})


class MessageFileView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    url = fields.String(required=True, metadata={"description": "A signed link for an hour."})
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    content_type = fields.String(required=True)


class MessageView(BaseSchema):
    """``number`` is 1, 2, 3 … in the conversation."""

    id = fields.Integer(required=True)
    conversation_id = fields.Integer(required=True)
    number = fields.Integer(required=True)
    sender = fields.Nested(MemberView, required=True)
    message = fields.String(required=True)
    timestamp = fields.DateTime(required=True)
    answer_to = fields.Integer(required=True, allow_none=True)
    client_id = fields.String(required=True, allow_none=True)
    edited_at = fields.DateTime(required=True, allow_none=True)
    is_deleted = fields.Boolean(required=True)
    files = fields.List(fields.Nested(MessageFileView), required=True)
    offer = fields.Nested(
        OfferView,
        required=True,
        allow_none=True,
        metadata={"description": "The custom offer that the message shows, as it is now; mostly null."},
    )


class ConversationView(BaseSchema):
    """``position``: this state with the changes after it is the current state."""

    id = fields.Integer(required=True)
    participants = fields.List(fields.Nested(MemberView), required=True)
    other_user = fields.Nested(MemberView, required=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)
    last_message = fields.Nested(MessageView, required=True, allow_none=True)
    last_message_at = fields.DateTime(required=True, allow_none=True)
    unread_count = fields.Integer(required=True)
    read_number = fields.Integer(
        required=True, metadata={"description": "Number of the last message that the actor has read."}
    )
    other_read_number = fields.Integer(
        required=True, metadata={"description": "Number of the last message that the other account has read."}
    )
    is_blocked = fields.Boolean(
        required=True, metadata={"description": "Whether the actor has blocked the other account."}
    )
    position = fields.Integer(required=True)


class MarkView(BaseSchema):
    account_id = fields.Integer(required=True)
    number = fields.Integer(required=True)


class ChangeView(BaseSchema):
    """``message`` as it is now, or ``read``, by the type; the other one is null."""

    position = fields.Integer(required=True)
    type = fields.String(required=True, validate=validate.OneOf(("message", "edited", "deleted", "read")))
    message = fields.Nested(MessageView, required=True, allow_none=True)
    read = fields.Nested(MarkView, required=True, allow_none=True)


class ChangesView(BaseSchema):
    """``has_more``: more changes follow after the last position."""

    changes = fields.List(fields.Nested(ChangeView), required=True)
    has_more = fields.Boolean(required=True)


class ReadView(BaseSchema):
    read_number = fields.Integer(required=True)
    unread_count = fields.Integer(required=True)


def person_view(person: Person, at: Addresses) -> dict[str, Any]:
    return {"id": person.id, "username": person.username, "avatar": at.public(person.avatar)}


def message_view(message: Message, at: Addresses) -> dict[str, Any]:
    """The same for both members, so it is encoded once for all connections."""
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "number": message.number,
        "sender": person_view(message.sender, at),
        "message": message.text,
        "timestamp": message.sent_at,
        "answer_to": message.answer_id,
        "client_id": message.client_id,
        "edited_at": message.edited_at,
        "is_deleted": message.is_deleted,
        "files": files_view(message, at),
        "offer": offer_view(message.offer) if message.offer else None,
    }


def change_view(change: Change, at: Addresses) -> dict[str, Any]:
    return {
        "position": change.position,
        "type": change.kind,
        "message": message_view(change.message, at) if change.message else None,
        "read": {"account_id": change.read.account_id, "number": change.read.number} if change.read else None,
    }


def files_view(message: Message, at: Addresses) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "name": one.name, "url": at.private(one.key), "size": one.size, "content_type": one.content_type}
        for one in message.files
    ]


def conversation_view(card: ConversationCard, at: Addresses) -> dict[str, Any]:
    conversation, last = card.conversation, card.last_message
    return {
        "id": conversation.id,
        "participants": [person_view(card.starter, at), person_view(card.recipient, at)],
        "other_user": person_view(card.other, at),
        "created_at": conversation.created_at,
        "updated_at": conversation.active_at,
        "last_message": message_view(last, at) if last else None,
        "last_message_at": last.sent_at if last else None,
        "unread_count": conversation.member(card.reader.id).unread,
        "read_number": conversation.member(card.reader.id).read_number,
        "other_read_number": conversation.member(card.other.id).read_number,
        "is_blocked": card.is_blocked,
        "position": conversation.position,
    }
