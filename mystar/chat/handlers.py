"""Market endpoints of conversations (docs/dialects/market.md#conversations)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, login_required
from mystar.chat.keys import CHAT
from mystar.chat.schemas import (
    ChangesQuery,
    ChangesView,
    ConversationDraft,
    ConversationPath,
    ConversationView,
    MemberView,
    MessageDraft,
    MessageEdit,
    MessagePath,
    MessageView,
    ReadDraft,
    ReadView,
    UserPath,
    change_view,
    conversation_view,
    message_view,
    person_view,
)
from mystar.files.forms import addresses
from mystar.kit.web.http import json_response
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import MAX_PAGE_SIZE, PageQuery, page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of, query_of

TAGS = ["market: conversations"]


@docs(tags=TAGS, summary="List conversations, latest activity first")
@login_required
@querystring_schema(PageQuery)
@response_schema(page_of(ConversationView), 200)
async def list_conversations(request: web.Request) -> web.Response:
    page, at = page_request(request), addresses(request.app)
    found = await request.app[CHAT].conversations(actor_of(request), page)
    return page_response(request, [conversation_view(card, at) for card in found.rows], found.count)


@docs(
    tags=TAGS,
    summary="Open a conversation with an account, or get the existing one",
    responses={200: {"schema": ConversationView, "description": "The conversation existed"}},
)
@login_required
@json_schema(ConversationDraft)
@response_schema(ConversationView, 201)
@idempotent
async def open_conversation(request: web.Request) -> web.StreamResponse:
    chat, actor = request.app[CHAT], actor_of(request)
    conversation, is_new = await chat.open(actor, body_of(request)["recipient_id"])
    card = await chat.card(actor, conversation.id)
    return json_response(conversation_view(card, addresses(request.app)), 201 if is_new else 200)


@docs(tags=TAGS, summary="Read a conversation")
@login_required
@match_info_schema(ConversationPath)
@response_schema(ConversationView, 200)
async def read_conversation(request: web.Request) -> web.Response:
    card = await request.app[CHAT].card(actor_of(request), path_of(request)["conversation_id"])
    return json_response(conversation_view(card, addresses(request.app)))


@docs(
    tags=TAGS,
    summary="List messages of a conversation, newest first",
    description="Only its two members can. Staff may read it in the panel when they decide about an order of the two; "
    "each such reading is in the audit log.",
)
@login_required
@match_info_schema(ConversationPath)
@querystring_schema(PageQuery)
@response_schema(page_of(MessageView), 200)
async def list_messages(request: web.Request) -> web.Response:
    page, at = page_request(request), addresses(request.app)
    found = await request.app[CHAT].messages(actor_of(request), path_of(request)["conversation_id"], page)
    return page_response(request, [message_view(message, at) for message in found.rows], found.count)


@docs(
    tags=TAGS,
    summary="Send a message",
    responses={200: {"schema": MessageView, "description": "The first message of this client_id"}},
)
@login_required
@match_info_schema(ConversationPath)
@json_schema(MessageDraft)
@response_schema(MessageView, 201)
@idempotent
async def send_message(request: web.Request) -> web.StreamResponse:
    body = body_of(request)
    message, is_new = await request.app[CHAT].send(
        actor_of(request),
        path_of(request)["conversation_id"],
        body["message"],
        answer_to=body["answer_to"],
        file_ids=body["file_ids"],
        client_id=body["client_id"],
    )
    return json_response(message_view(message, addresses(request.app)), 201 if is_new else 200)


@docs(tags=TAGS, summary="Edit a message; for its author")
@login_required
@match_info_schema(MessagePath)
@json_schema(MessageEdit)
@response_schema(MessageView, 200)
async def edit_message(request: web.Request) -> web.Response:
    message = await request.app[CHAT].edit(actor_of(request), **path_of(request), text=body_of(request)["message"])
    return json_response(message_view(message, addresses(request.app)))


@docs(
    tags=TAGS,
    summary="Delete a message; for its author",
    responses={204: {"description": "Deleted; its number stays, its text and files are removed"}},
)
@login_required
@match_info_schema(MessagePath)
async def delete_message(request: web.Request) -> web.Response:
    await request.app[CHAT].delete(actor_of(request), **path_of(request))
    return web.Response(status=204)


@docs(tags=TAGS, summary="Move the read mark")
@login_required
@match_info_schema(ConversationPath)
@json_schema(ReadDraft)
@response_schema(ReadView, 200)
@idempotent
async def mark_read(request: web.Request) -> web.StreamResponse:
    member = await request.app[CHAT].mark_read(
        actor_of(request), path_of(request)["conversation_id"], body_of(request)["number"]
    )
    return json_response({"read_number": member.read_number, "unread_count": member.unread})


@docs(tags=TAGS, summary="List changes of a conversation after a position, oldest first")
@login_required
@match_info_schema(ConversationPath)
@querystring_schema(ChangesQuery)
@response_schema(ChangesView, 200)
async def list_changes(request: web.Request) -> web.Response:
    chat, at = request.app[CHAT], addresses(request.app)
    conversation = await chat.conversation(actor_of(request), path_of(request)["conversation_id"])
    changes = await chat.after(conversation.id, query_of(request)["after"], MAX_PAGE_SIZE)
    return json_response(
        {"changes": [change_view(change, at) for change in changes], "has_more": len(changes) == MAX_PAGE_SIZE}
    )


@docs(tags=TAGS, summary="List blocked users")
@login_required
@querystring_schema(PageQuery)
@response_schema(page_of(MemberView), 200)
async def list_blocked(request: web.Request) -> web.Response:
    page = page_request(request)
    found = await request.app[CHAT].blocked(actor_of(request), page)
    return page_response(request, [person_view(person, addresses(request.app)) for person in found.rows], found.count)


@docs(tags=TAGS, summary="Block a user", responses={204: {"description": "Blocked"}})
@login_required
@match_info_schema(UserPath)
@idempotent
async def block(request: web.Request) -> web.StreamResponse:
    await request.app[CHAT].block(actor_of(request), path_of(request)["user_id"])
    return web.Response(status=204)


@docs(tags=TAGS, summary="Unblock a user", responses={204: {"description": "Unblocked"}})
@login_required
@match_info_schema(UserPath)
async def unblock(request: web.Request) -> web.Response:
    await request.app[CHAT].unblock(actor_of(request), path_of(request)["user_id"])
    return web.Response(status=204)


#: Longer numbers are no ids of the database; their addresses do not exist.
_CONVERSATION = r"/api/v1/conversations/{conversation_id:\d{1,18}}/"
_MESSAGE = _CONVERSATION + r"messages/{message_id:\d{1,18}}/"
_BLOCK = r"/api/v1/users/{user_id:\d{1,18}}/block/"

_VERSIONED: tuple[Route, ...] = (
    route("GET", "/api/v1/conversations/", list_conversations, "market.conversations"),
    route("POST", "/api/v1/conversations/", open_conversation, "market.conversations"),
    route("GET", _CONVERSATION, read_conversation, "market.conversation"),
    route("GET", _CONVERSATION + "messages/", list_messages, "market.conversation-messages"),
    route("POST", _CONVERSATION + "messages/", send_message, "market.conversation-messages"),
    route("PATCH", _MESSAGE, edit_message, "market.conversation-message"),
    route("DELETE", _MESSAGE, delete_message, "market.conversation-message"),
    route("POST", _CONVERSATION + "read/", mark_read, "market.conversation-read"),
    route("GET", _CONVERSATION + "changes/", list_changes, "market.conversation-changes"),
    route("GET", "/api/v1/users/blocked/", list_blocked, "market.users-blocked"),
    route("POST", _BLOCK, block, "market.user-block"),
    route("DELETE", _BLOCK, unblock, "market.user-block"),
)
ROUTES: tuple[Route, ...] = (*_VERSIONED, *(alias(one.path.replace("/v1/", "/", 1), one) for one in _VERSIONED))
