"""`/ws/conversations/{id}/`: a conversation, live.

A client sends ``{"message": …}`` and receives messages. With ``?after=<message id>`` it receives first what it missed,
and with ``?events=1`` also edits, deletions, read marks, typing and presence.
"""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema
from marshmallow import fields, validate

from mystar.accounts.access import actor_of, login_required_socket
from mystar.accounts.model import Actor
from mystar.accounts.sessions.sockets import open_socket
from mystar.chat.keys import LIVE_CHAT
from mystar.chat.model import Change, MessageChanged, MessageSent, ReadMoved
from mystar.chat.schemas import ConversationPath, MessageDraft, ReadDraft, message_view
from mystar.chat.service import ChatService
from mystar.kit.events import Events
from mystar.kit.realtime.connection import Connection, text_frame
from mystar.kit.realtime.hub import HUB, Hub
from mystar.kit.realtime.websocket import WEBSOCKET_SETTINGS, WebSocketSettings, answer_frames
from mystar.kit.web.fields import BaseSchema, BoundedInteger
from mystar.kit.web.http import language_of
from mystar.kit.web.media_urls import Addresses
from mystar.kit.web.routes import route
from mystar.kit.web.validation import loaded, path_of, query_of

TOPIC, _TYPING, _PRESENCE = "chat", "chat-typing", "chat-presence"
#: States of presence; the last one is an answer and is not answered.
_LEFT, _CAME, _IS_HERE = range(3)
#: Seconds between two events that an account is typing.
_TYPING_SECONDS = 2.0


class ConversationSocketQuery(BaseSchema):
    after = BoundedInteger(
        min_value=0,
        max_value=2**63 - 1,
        load_default=None,
        allow_none=True,
        metadata={"description": "Identifier of the newest message that the client has; what follows comes first."},
    )
    events = fields.Boolean(
        load_default=False, metadata={"description": "Also edits, deletions and read marks; every frame has a type."}
    )


class Frame(MessageDraft, ReadDraft):
    """What a client may send. Without a type it is a message, as documented."""

    type = fields.String(load_default="message", validate=validate.OneOf(("message", "read", "typing")))


_FRAME = Frame()


class LiveChat:
    """Sends the events of conversations to open WebSockets, in this process and the others.

    It listens after the commit: nothing is sent that might still be rolled back (law 8).
    """

    def __init__(self, chat: ChatService, files: Addresses, hub: Hub, events: Events) -> None:
        self.chat, self.hub = chat, hub
        self._files = files
        self.hub.register_topic(TOPIC, self.chat)
        self.hub.bus.subscribe(_TYPING, lambda *ids: self._send_typing(*map(int, ids)))
        self.hub.bus.subscribe(_PRESENCE, lambda *ids: self._receive_presence(*map(int, ids)))
        events.after_commit(MessageSent, self._sent)
        events.after_commit(MessageChanged, self._changed)
        events.after_commit(ReadMoved, self._read)

    # Encoders

    def messages(self, change: Change) -> bytes | None:
        """Messages and nothing else."""
        if change.kind == "message" and change.message is not None:
            return text_frame(message_view(change.message, self._files))
        return None

    def events(self, change: Change) -> bytes | None:
        """All events, each with its type."""
        if change.read is not None:
            mark = change.read
            return text_frame({"type": "read", "account_id": mark.account_id, "number": mark.number})
        if change.message is None:
            return None
        return text_frame({"type": change.kind, **message_view(change.message, self._files)})

    # Events

    async def _sent(self, event: MessageSent) -> None:
        message = event.message
        self.hub.notify(TOPIC, message.conversation_id, Change(message.position, "message", message=message))

    async def _changed(self, event: MessageChanged) -> None:
        message = event.message
        if message.changed_position is not None:
            change = Change(message.changed_position, "deleted" if message.is_deleted else "edited", message=message)
            self.hub.notify(TOPIC, message.conversation_id, change)

    async def _read(self, event: ReadMoved) -> None:
        self.hub.notify(TOPIC, event.mark.conversation_id, Change(event.mark.position, "read", read=event.mark))

    def typing(self, conversation_id: int, account_id: int) -> None:
        self._send_typing(conversation_id, account_id)
        self.hub.bus.publish(_TYPING, conversation_id, account_id)

    def came(self, conversation_id: int, connection: Connection) -> None:
        """Send the others that the account is online, and the new connection who of them is."""
        for account_id in self._online(conversation_id) - {connection.account_id}:
            if connection.encoder == self.events:
                connection.send_json(_presence(account_id, _CAME))
        self._send_to_others(conversation_id, connection.account_id, _presence(connection.account_id, _CAME))
        self.hub.bus.publish(_PRESENCE, conversation_id, connection.account_id, _CAME)

    def left(self, conversation_id: int, connection: Connection) -> None:
        """Send the others that the account went offline, unless it has another connection."""
        if connection.account_id not in self._online(conversation_id, without=connection):
            self._send_to_others(conversation_id, connection.account_id, _presence(connection.account_id, _LEFT))
            self.hub.bus.publish(_PRESENCE, conversation_id, connection.account_id, _LEFT)

    def _receive_presence(self, conversation_id: int, account_id: int, what: int) -> None:
        """Presence in another process, which does not know who is online in this one."""
        online = self._online(conversation_id)
        if what == _LEFT and account_id in online:
            return self.hub.bus.publish(_PRESENCE, conversation_id, account_id, _IS_HERE)
        self._send_to_others(conversation_id, account_id, _presence(account_id, what))
        if what == _CAME:
            for other_id in online - {account_id}:
                self.hub.bus.publish(_PRESENCE, conversation_id, other_id, _IS_HERE)

    def _online(self, conversation_id: int, *, without: Connection | None = None) -> set[int]:
        return {
            connection.account_id
            for connection in self.hub.subscribers(TOPIC, conversation_id)
            if connection is not without
        }

    def _send_typing(self, conversation_id: int, account_id: int) -> None:
        self._send_to_others(conversation_id, account_id, {"type": "typing", "account_id": account_id})

    def _send_to_others(self, conversation_id: int, account_id: int, event: dict[str, Any]) -> None:
        frame = text_frame(event)
        for connection in self.hub.subscribers(TOPIC, conversation_id):
            if connection.account_id != account_id and connection.encoder == self.events:
                connection.send(frame)


def _presence(account_id: int, what: int) -> dict[str, Any]:
    return {"type": "presence", "account_id": account_id, "online": what != _LEFT}


@docs(tags=["conversations"], summary="Stream a conversation")
@login_required_socket
@match_info_schema(ConversationPath)
@querystring_schema(ConversationSocketQuery)
async def conversation_socket(request: web.Request) -> web.WebSocketResponse:
    live, hub, query = request.app[LIVE_CHAT], request.app[HUB], query_of(request)
    actor, conversation_id, after = actor_of(request), path_of(request)["conversation_id"], query["after"]
    announced = hub.announced(TOPIC, conversation_id)
    conversation = await live.chat.joined(actor, conversation_id)
    position = end = conversation.position
    if after is not None:
        position = await live.chat.position_of(conversation_id, after) if after else 0
    settings, language = request.app[WEBSOCKET_SETTINGS], language_of(request)
    has_gap = end - position > settings.replay

    async def serve(connection: Connection) -> None:
        if has_gap:
            # The client reads what it missed page by page over HTTP; what is sent from now on comes here.
            connection.send_json({"type": "gap", "after": after})
        begin = end if has_gap else position
        known = announced if begin == end else None
        async with hub.subscribe(connection, TOPIC, conversation_id, begin, known):
            if after is not None and not has_gap:
                connection.send_json({"type": "resumed", "after": after})
            await _exchange(live, actor, conversation_id, connection, language, settings)

    return await open_socket(request, live.events if query["events"] else live.messages, serve)


async def _exchange(
    live: LiveChat,
    actor: Actor,
    conversation_id: int,
    connection: Connection,
    language: str,
    settings: WebSocketSettings,
) -> None:
    typed_at = float("-inf")

    async def answer(given: dict[str, Any]) -> None:
        nonlocal typed_at
        frame = loaded(_FRAME, given)
        if frame["type"] == "message":
            await _send(live, actor, conversation_id, connection, frame)
        elif frame["type"] == "read":
            await live.chat.mark_read(actor, conversation_id, frame["number"])
        elif settings.typing and time.monotonic() - typed_at > _TYPING_SECONDS:
            typed_at = time.monotonic()
            live.typing(conversation_id, actor.id)

    if settings.presence:
        live.came(conversation_id, connection)
    try:
        await answer_frames(connection, language, answer)
    finally:
        if settings.presence:
            live.left(conversation_id, connection)


async def _send(
    live: LiveChat, actor: Actor, conversation_id: int, connection: Connection, frame: dict[str, Any]
) -> None:
    message, is_new = await live.chat.send(
        actor,
        conversation_id,
        frame["message"],
        answer_to=frame["answer_to"],
        file_ids=frame["file_ids"],
        client_id=frame["client_id"],
    )
    # A new message reaches its sender as all others do. A repeated one may have done so long ago.
    if not is_new and message.position <= connection.position:
        repeated = connection.encoder(Change(message.position, "message", message=message))
        if repeated is not None:
            connection.send(repeated)


ROUTES = (
    route(
        "GET",
        r"/ws/conversations/{conversation_id:\d{1,18}}/",
        conversation_socket,
        "market.ws-conversation",
        # OpenAPI has no words for sockets: see contracts/asyncapi.py.
        documented=False,
    ),
)
