"""Messages between a fan and a star (docs/dialects/greetings.md#messages)."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, login_required
from mystar.chat.keys import CHAT
from mystar.chat.model import (
    MAX_CLIENT_ID_LENGTH,
    BlockedByThem,
    BlockedByYou,
    Conversation,
    ConversationUnknown,
    Message,
    OwnConversation,
    RecipientUnknown,
)
from mystar.chat.schemas import MessageFileView, files_view
from mystar.contracts.greetings.answers import ONE_STRING, ActorId
from mystar.errors import Forbidden, NotFound, Text
from mystar.files.forms import addresses
from mystar.kit.web.bare_lists import ListQuery, list_request, list_response
from mystar.kit.web.fields import BaseSchema, Id, PlainText
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.media_urls import Addresses
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import body_of, query_of

TAGS = ["greetings: messages"]
#: The client shows this word for word.
SENT = ["Отправлено"]


class SendingFailed(NotFound):
    """The recipient does not exist, or cannot receive messages: the document has one text for all cases."""

    code = "sending_failed"
    text = Text("ошибка при отправке", "the message could not be sent")


class NoMessages(NotFound):
    """The two people have no messages."""

    code = "no_messages"
    text = Text("сообщений нет", "there are no messages")


class GreetingsMessageDraft(BaseSchema):
    """A repeated call with the same ``client_id`` does not create a second message."""

    from_user = ActorId()
    user_id = Id(required=True)
    message = PlainText(required=True, min_length=1, max_length=256)
    client_id = PlainText(load_default=None, allow_none=True, min_length=1, max_length=MAX_CLIENT_ID_LENGTH)


class GreetingsMessageQuery(ListQuery):
    """Both parties, in any order; the caller may be left out."""

    user_id = Id(load_default=None)
    from_user = ActorId(metadata={})


class GreetingsMessage(BaseSchema):
    id = fields.Integer(required=True)
    chat_id = fields.Integer(required=True, metadata={"description": "The sum of both ids; a label, not an address."})
    from_user = fields.Integer(required=True)
    message_id = fields.Integer(required=True, metadata={"description": "1, 2, 3 … between the two accounts."})
    message = fields.String(required=True)
    sent_at = fields.DateTime(required=True)
    is_deleted = fields.Boolean(required=True)
    files = fields.List(fields.Nested(MessageFileView), required=True)


@docs(
    tags=TAGS,
    summary="Send a message to an account",
    responses={200: {"schema": ONE_STRING, "description": "«Отправлено»."}},
)
@login_required
@json_schema(GreetingsMessageDraft)
@idempotent
async def send_message(request: web.Request) -> web.StreamResponse:
    actor, body = actor_of(request), body_of(request)
    if body["from_user"] not in (None, actor.id):
        raise Forbidden
    try:
        await request.app[CHAT].send_to(actor, body["user_id"], body["message"], client_id=body["client_id"])
    except (RecipientUnknown, OwnConversation, BlockedByThem, BlockedByYou) as refusal:
        raise SendingFailed from refusal
    return json_response(SENT)


@docs(tags=TAGS, summary="List messages of two accounts, oldest first; page 1 has the newest thousand")
@login_required
@querystring_schema(GreetingsMessageQuery)
@response_schema(GreetingsMessage(many=True), 200)
async def list_messages(request: web.Request) -> web.Response:
    chat, actor, query, page = request.app[CHAT], actor_of(request), query_of(request), list_request(request)
    try:
        conversation = await chat.between(actor, query["user_id"] or actor.id, query["from_user"] or actor.id)
    except ConversationUnknown as nothing:
        raise NoMessages from nothing
    found = await chat.messages(actor, conversation.id, page)
    if not found.count:
        raise NoMessages
    at = addresses(request.app)
    items = [_item(conversation, message, at) for message in reversed(found.rows)]
    return list_response(request, items, found.count, page)


def _item(conversation: Conversation, message: Message, at: Addresses) -> dict[str, Any]:
    return {
        "id": message.id,
        "chat_id": sum(member.id for member in conversation.members),
        "from_user": message.sender.id,
        "message_id": message.number,
        "message": message.text,
        "sent_at": message.sent_at,
        "is_deleted": message.is_deleted,
        "files": files_view(message, at),
    }


ROUTES: tuple[Route, ...] = (
    route("POST", "/api/message/", send_message, "greetings.messages"),
    route("GET", "/api/message/", list_messages, "greetings.messages"),
)
