"""Private chats (docs/dialects/messenger.md#private-chats)."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, login_required
from mystar.chat.keys import CHAT
from mystar.chat.model import MAX_CLIENT_ID_LENGTH, Message, Person
from mystar.chat.schemas import MessageFileView, files_view
from mystar.files.forms import addresses
from mystar.kit.web.bare_lists import MAX_ITEMS, ListQuery, list_request, list_response
from mystar.kit.web.fields import BaseSchema, BoundedInteger, Id, StrictText
from mystar.kit.web.http import absolute, json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import PageRequest
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import body_of, path_of, query_of

TAGS = ["messenger: private chats"]
#: Characters of a message in this dialect.
MAX_LENGTH = 2000
#: Errors whose texts clients compare, all with 400 (docs/dialects/messenger.md).
DETAILS = {
    "own_conversation": "current user cannot by recipient",
    "recipient_unknown": "recipient user not found",
    "conversation_exists": "current user already have chat with this recipient",
    "answer_unknown": "answer message not found",
}


class MessengerChatPath(BaseSchema):
    chat_id = Id(required=True)


class MessengerChatDraft(BaseSchema):
    recipient_id = Id(required=True)
    text = StrictText(
        load_default="", allow_none=True, max_length=MAX_LENGTH, metadata={"description": "The first message."}
    )


class MessengerMessageDraft(BaseSchema):
    """``client_id`` extends the document: sending the same one again makes no second message."""

    text = StrictText(required=True, min_length=1, max_length=MAX_LENGTH)
    # Clients send back what they read as `answer`, 0 included.
    message_answer_id = BoundedInteger(
        min_value=0, max_value=2**63 - 1, load_default=0, allow_none=True, metadata={"description": "0 = none"}
    )
    client_id = StrictText(load_default=None, allow_none=True, min_length=1, max_length=MAX_CLIENT_ID_LENGTH)


class MessengerMessageQuery(BaseSchema):
    """At most 1000 are returned at once (D19)."""

    reports_unknown = True

    limit = BoundedInteger(required=True, min_value=1, max_value=2**31 - 1)
    offset = BoundedInteger(required=True, min_value=0, max_value=2**31 - 1)


class MessengerChatMade(BaseSchema):
    chat_id = fields.Integer(required=True)


class MessengerPerson(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    avatar_url = fields.String(required=True, metadata={"description": "Empty where there is no picture."})


class MessengerMessage(BaseSchema):
    id = fields.Integer(required=True)
    text = fields.String(required=True)
    answer = fields.Integer(required=True, metadata={"description": "id of the message it answers; 0 = none"})
    chat_id = fields.Integer(required=True)
    message_owner = fields.Nested(MessengerPerson, required=True)
    sent_at = fields.DateTime(required=True)
    is_deleted = fields.Boolean(required=True)
    files = fields.List(fields.Nested(MessageFileView), required=True)


class MessengerChatInfo(BaseSchema):
    id = fields.Integer(required=True)
    chat_starter = fields.Nested(MessengerPerson, required=True)
    chat_recipient = fields.Nested(MessengerPerson, required=True)


class MessengerChatItem(BaseSchema):
    id = fields.Integer(required=True)


class MessengerAdded(BaseSchema):
    detail = fields.String(required=True, metadata={"enum": ["Success add."]})


@docs(tags=TAGS, summary="Open a chat")
@login_required
@json_schema(MessengerChatDraft)
@response_schema(MessengerChatMade, 200)
@idempotent
async def start_chat(request: web.Request) -> web.StreamResponse:
    body = body_of(request)
    conversation = await request.app[CHAT].start(actor_of(request), body["recipient_id"], body["text"] or "")
    return json_response({"chat_id": conversation.id})


@docs(tags=TAGS, summary="List messages of a chat, newest first")
@login_required
@match_info_schema(MessengerChatPath)
@querystring_schema(MessengerMessageQuery)
@response_schema(MessengerMessage(many=True), 200)
async def list_messages(request: web.Request) -> web.Response:
    query = query_of(request)
    page = PageRequest(size=min(query["limit"], MAX_ITEMS), skip=query["offset"])
    found = await request.app[CHAT].messages(actor_of(request), path_of(request)["chat_id"], page)
    items = [_item(request, message) for message in found.rows]
    return json_response(items, headers={"X-Total-Count": str(found.count)})


@docs(tags=TAGS, summary="List members of a chat")
@login_required
@match_info_schema(MessengerChatPath)
@response_schema(MessengerChatInfo, 200)
async def read_chat(request: web.Request) -> web.Response:
    card = await request.app[CHAT].card(actor_of(request), path_of(request)["chat_id"])
    return json_response(
        {
            "id": card.conversation.id,
            "chat_starter": _person(request, card.starter),
            "chat_recipient": _person(request, card.recipient),
        }
    )


@docs(tags=TAGS, summary="Send a message to a chat")
@login_required
@match_info_schema(MessengerChatPath)
@json_schema(MessengerMessageDraft)
@response_schema(MessengerAdded, 200)
@idempotent
async def add_message(request: web.Request) -> web.StreamResponse:
    body = body_of(request)
    await request.app[CHAT].send(
        actor_of(request),
        path_of(request)["chat_id"],
        body["text"],
        answer_to=body["message_answer_id"] or None,
        client_id=body["client_id"],
    )
    return json_response({"detail": "Success add."})


@docs(tags=TAGS, summary="List chats, latest activity first")
@login_required
@querystring_schema(ListQuery)
@response_schema(MessengerChatItem(many=True), 200)
async def list_chats(request: web.Request) -> web.Response:
    page = list_request(request)
    found = await request.app[CHAT].conversation_ids(actor_of(request), page)
    return list_response(request, [{"id": id_} for id_ in found.rows], found.count, page)


def _item(request: web.Request, message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "text": message.text,
        "answer": message.answer_id or 0,
        "chat_id": message.conversation_id,
        "message_owner": _person(request, message.sender),
        "sent_at": message.sent_at,
        "is_deleted": message.is_deleted,
        "files": files_view(message, addresses(request.app)),
    }


def _person(request: web.Request, person: Person) -> dict[str, Any]:
    picture = absolute(request, f"/media/{person.avatar}") if person.avatar else ""
    return {"id": person.id, "username": person.username, "avatar_url": picture}


_CHAT = r"/private/{chat_id:\d{1,18}}/"
ROUTES: tuple[Route, ...] = (
    route("POST", "/private/start-chat/", start_chat, "messenger.start-chat"),
    route("GET", _CHAT + "messages", list_messages, "messenger.chat-messages"),
    route("GET", _CHAT + "info/", read_chat, "messenger.chat-info"),
    route("POST", r"/private/add-message/{chat_id:\d{1,18}}/", add_message, "messenger.add-message"),
    route("GET", "/private/chat-list/", list_chats, "messenger.chat-list"),
)
