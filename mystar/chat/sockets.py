"""`/ws/conversations/{id}/`: the live side of a conversation.

A client that knows only the document says ``{"message": …}`` and hears messages. With ``?after=<message id>`` it is
given first what it missed, and with ``?events=1`` it also hears of edits, deletions and read marks.
"""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema
from marshmallow import fields, validate

from mystar.accounts.access import actor_of, signed_in_socket
from mystar.accounts.model import Actor
from mystar.accounts.sessions.sockets import opened
from mystar.chat.keys import LIVE_CHAT
from mystar.chat.model import Change, MessageChanged, MessageSent, ReadMoved
from mystar.chat.schemas import ConversationPath, MessageDraft, ReadDraft, message_view
from mystar.chat.service import ChatService
from mystar.kit.events import Events
from mystar.kit.realtime.connection import Peer, text_frame
from mystar.kit.realtime.hub import HUB, Hub
from mystar.kit.realtime.websocket import MANNERS, answering
from mystar.kit.web.fields import BaseSchema, BoundedInteger
from mystar.kit.web.media_urls import Addresses
from mystar.kit.web.routes import route
from mystar.kit.web.validation import loaded, path_of, query_of

TOPIC, _TYPING, _PRESENCE = "chat", "chat-typing", "chat-presence"
#: What is said of somebody's presence; the last is an answer, and asks for none.
_LEFT, _CAME, _IS_HERE = range(3)
#: Seconds in which one is typing, however many keys one hits.
_TYPING_SECONDS = 2.0


class ConversationSocketQuery(BaseSchema):
    after = BoundedInteger(min_value=0, max_value=2**63 - 1, load_default=None, allow_none=True)
    events = fields.Boolean(load_default=False)


class Frame(MessageDraft, ReadDraft):
    """What a client may say. Without a type it is a message, as the document has it."""

    type = fields.String(load_default="message", validate=validate.OneOf(("message", "read", "typing")))


_FRAME = Frame()


class LiveChat:
    """What conversations tell to open sockets, in this process and the others.

    It hears of facts after their commits: nothing is told that might still be undone (law 8).
    """

    def __init__(self, chat: ChatService, files: Addresses, hub: Hub, events: Events) -> None:
        self.chat, self.hub = chat, hub
        self._files = files
        self.hub.serve(TOPIC, self.chat)
        self.hub.bus.on(_TYPING, lambda *ids: self._tell_typing(*map(int, ids)))
        self.hub.bus.on(_PRESENCE, lambda *ids: self._hear_presence(*map(int, ids)))
        events.after_commit(MessageSent, self._sent)
        events.after_commit(MessageChanged, self._changed)
        events.after_commit(ReadMoved, self._read)

    # Two ways of speaking

    def messages(self, change: Change) -> bytes | None:
        """The document's: messages and nothing else."""
        if change.kind == "message" and change.message is not None:
            return text_frame(message_view(change.message, self._files))
        return None

    def events(self, change: Change) -> bytes | None:
        """Everything that happens, each with its type."""
        if change.read is not None:
            mark = change.read
            return text_frame({"type": "read", "account_id": mark.account_id, "number": mark.number})
        if change.message is None:
            return None
        return text_frame({"type": change.kind, **message_view(change.message, self._files)})

    # What happens

    async def _sent(self, event: MessageSent) -> None:
        message = event.message
        self.hub.news(TOPIC, message.conversation_id, Change(message.position, "message", message=message))

    async def _changed(self, event: MessageChanged) -> None:
        message = event.message
        if message.changed_position is not None:
            change = Change(message.changed_position, "deleted" if message.is_deleted else "edited", message=message)
            self.hub.news(TOPIC, message.conversation_id, change)

    async def _read(self, event: ReadMoved) -> None:
        self.hub.news(TOPIC, event.mark.conversation_id, Change(event.mark.position, "read", read=event.mark))

    def typing(self, conversation_id: int, account_id: int) -> None:
        self._tell_typing(conversation_id, account_id)
        self.hub.bus.say(_TYPING, conversation_id, account_id)

    def came(self, conversation_id: int, peer: Peer) -> None:
        """Tell the others, and the newcomer who of them is here."""
        for account_id in self._here(conversation_id) - {peer.account_id}:
            if peer.speak == self.events:
                peer.tell(_presence(account_id, _CAME))
        self._tell_others(conversation_id, peer.account_id, _presence(peer.account_id, _CAME))
        self.hub.bus.say(_PRESENCE, conversation_id, peer.account_id, _CAME)

    def left(self, conversation_id: int, peer: Peer) -> None:
        """Tell the others, unless it was one device of several."""
        if peer.account_id not in self._here(conversation_id, without=peer):
            self._tell_others(conversation_id, peer.account_id, _presence(peer.account_id, _LEFT))
            self.hub.bus.say(_PRESENCE, conversation_id, peer.account_id, _LEFT)

    def _hear_presence(self, conversation_id: int, account_id: int, what: int) -> None:
        """From another process, which knows nothing of who is here."""
        here = self._here(conversation_id)
        if what == _LEFT and account_id in here:
            return self.hub.bus.say(_PRESENCE, conversation_id, account_id, _IS_HERE)
        self._tell_others(conversation_id, account_id, _presence(account_id, what))
        if what == _CAME:
            for other_id in here - {account_id}:
                self.hub.bus.say(_PRESENCE, conversation_id, other_id, _IS_HERE)

    def _here(self, conversation_id: int, *, without: Peer | None = None) -> set[int]:
        return {peer.account_id for peer in self.hub.listeners(TOPIC, conversation_id) if peer is not without}

    def _tell_typing(self, conversation_id: int, account_id: int) -> None:
        self._tell_others(conversation_id, account_id, {"type": "typing", "account_id": account_id})

    def _tell_others(self, conversation_id: int, account_id: int, told: dict[str, Any]) -> None:
        frame = text_frame(told)
        for peer in self.hub.listeners(TOPIC, conversation_id):
            if peer.account_id != account_id and peer.speak == self.events:
                peer.send(frame)


def _presence(account_id: int, what: int) -> dict[str, Any]:
    return {"type": "presence", "account_id": account_id, "online": what != _LEFT}


@docs(tags=["conversations"], summary="The conversation, live")
@signed_in_socket
@match_info_schema(ConversationPath)
@querystring_schema(ConversationSocketQuery)
async def conversation_socket(request: web.Request) -> web.WebSocketResponse:
    live, manners = request.app[LIVE_CHAT], request.app[MANNERS]
    actor, conversation_id, query = actor_of(request), path_of(request)["conversation_id"], query_of(request)
    conversation, after = await live.chat.conversation(actor, conversation_id), query["after"]
    position = conversation.position
    if after is not None:
        position = await live.chat.position_of(conversation_id, after) if after else 0
    missed = conversation.position - position
    async with opened(request, live.events if query["events"] else live.messages) as peer:
        if missed > manners.replay:
            # To be read page by page over HTTP; what is sent from now on comes here.
            peer.tell({"type": "gap", "after": after})
            position = conversation.position
        async with request.app[HUB].following(peer, TOPIC, conversation_id, position):
            if after is not None and missed <= manners.replay:
                peer.tell({"type": "resumed", "after": after})
            await _talk(request, live, actor, conversation_id, peer)
    return peer.socket


async def _talk(request: web.Request, live: LiveChat, actor: Actor, conversation_id: int, peer: Peer) -> None:
    manners, typed_at = request.app[MANNERS], float("-inf")

    async def answer(given: dict[str, Any]) -> None:
        nonlocal typed_at
        frame = loaded(_FRAME, given)
        if frame["type"] == "message":
            await _send(live, actor, conversation_id, peer, frame)
        elif frame["type"] == "read":
            await live.chat.mark_read(actor, conversation_id, frame["number"])
        elif manners.typing and time.monotonic() - typed_at > _TYPING_SECONDS:
            typed_at = time.monotonic()
            live.typing(conversation_id, actor.id)

    if manners.presence:
        live.came(conversation_id, peer)
    try:
        await answering(request, peer, answer)
    finally:
        if manners.presence:
            live.left(conversation_id, peer)


async def _send(live: LiveChat, actor: Actor, conversation_id: int, peer: Peer, frame: dict[str, Any]) -> None:
    message, is_new = await live.chat.send(
        actor,
        conversation_id,
        frame["message"],
        answer_to=frame["answer_to"],
        file_ids=frame["file_ids"],
        client_id=frame["client_id"],
    )
    # A new message comes to its sender as to everybody. A repeated one may have come long ago; its sender asks again.
    if not is_new and message.position <= peer.position:
        told = peer.speak(Change(message.position, "message", message=message))
        if told is not None:
            peer.send(told)


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
