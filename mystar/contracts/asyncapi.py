"""AsyncAPI 3.0 of the sockets: what may be said, what is heard, and why one is hung up on.

What OpenAPI is for requests; the shapes are the same schemas that the handlers read and write.
"""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema
from yarl import URL

from mystar import __version__
from mystar.chat.schemas import MessageView
from mystar.chat.sockets import ConversationSocketQuery, Frame
from mystar.contracts.market import ERROR_SCHEMA
from mystar.kit.realtime.connection import Closing
from mystar.notifications.schemas import NotificationView
from mystar.notifications.sockets import NotificationSocketQuery

#: What a client should make of each code.
CLOSINGS = {
    Closing.GOING_AWAY: "The process goes away. The reason is JSON: come back in `reconnect_in` seconds, with `after`.",
    Closing.UNSUPPORTED_DATA: "A binary frame was sent; only JSON text is understood.",
    Closing.ABNORMAL: "Never sent: the connection broke. Come back with `after`.",
    Closing.SESSION_ENDED: "The session has ended. Sign in again.",
    Closing.TOO_SLOW: "What was sent was not read in time. Come back with `after`.",
    Closing.TOO_MANY_FRAMES: "More frames than a minute may have.",
}
#: What the protocol itself says.
_PROTOCOL = {
    "1002": "Not the WebSocket protocol, or compressed.",
    "1007": "Text that is no UTF-8.",
    "1009": "A frame longer than is taken.",
}
_HANDSHAKE = """Refused before the upgrade as in the market dialect: 401 without a living access token, 404 for a
conversation that is not one's own, 403 for a page of a foreign origin, 400 for anything but a handshake, 422 for a
query that makes no sense. The token comes as `Authorization: Bearer <token>`, as
`Sec-WebSocket-Protocol: bearer, <token>` (`bearer` is answered), or as `?token=`. Nothing is compressed."""
_REFERENCE = "#/components/schemas/"


def asyncapi(*, public_url: str) -> dict[str, Any]:
    """The whole document, as plain data."""
    url = URL(public_url)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "mystar", "version": __version__, "description": _HANDSHAKE},
        "defaultContentType": "application/json",
        "servers": {
            "market": {
                "host": url.authority,
                "protocol": "wss" if url.scheme == "https" else "ws",
                "security": [_BEARER],
            }
        },
        "channels": {"conversation": _conversation(), "notifications": _notifications()},
        "operations": {
            **_operations("conversation", said=["frame"], heard=["message", "event", "read", "typing", "presence"]),
            **_operations("notifications", said=[], heard=["notification"]),
        },
        "components": {"schemas": _schemas(), "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "x-close-codes": {**_PROTOCOL, **{str(int(code)): meaning for code, meaning in CLOSINGS.items()}},
    }


_BEARER = {"$ref": "#/components/securitySchemes/bearer"}
#: What every channel may say besides its own.
_COMMON = ("error", "resumed", "gap")


def _conversation() -> dict[str, Any]:
    return {
        "address": "/ws/conversations/{conversation_id}/",
        "title": "One conversation, live",
        "parameters": {"conversation_id": {"description": "The id of one of one's conversations."}},
        "messages": {
            "frame": _message("ConversationFrame", "What a client says: a message unless its type says otherwise."),
            "message": _message("Message", "Somebody said something; the sender hears it, too: it is stored."),
            "event": _message("MessageEvent", "With `events=1`: said, edited or deleted."),
            "read": _message("ReadEvent", "With `events=1`: somebody has read up to a number."),
            "typing": _message("TypingEvent", "With `events=1`, where it is switched on: somebody is typing."),
            "presence": _message("PresenceEvent", "With `events=1`, where it is switched on: somebody came or went."),
            **_common_messages(),
        },
        "bindings": _binding("ConversationSocketQuery"),
    }


def _notifications() -> dict[str, Any]:
    return {
        "address": "/ws/notifications/",
        "title": "What one is told, live",
        "messages": {"notification": _message("Notification", "One piece of news."), **_common_messages()},
        "bindings": _binding("NotificationSocketQuery"),
    }


def _common_messages() -> dict[str, Any]:
    return {
        "error": _message("SocketError", "A frame could not be taken. The socket stays open."),
        "resumed": _message("Resumed", "After a handshake with `after`: everything that was missed has been told."),
        "gap": _message(
            "Gap", "After a handshake with `after`: too much was missed. Read it over HTTP; live from here."
        ),
    }


def _message(schema: str, summary: str) -> dict[str, Any]:
    return {"name": schema, "summary": summary, "payload": {"$ref": _REFERENCE + schema}}


def _binding(schema: str) -> dict[str, Any]:
    return {"ws": {"method": "GET", "query": {"$ref": _REFERENCE + schema}, "bindingVersion": "0.1.0"}}


def _operations(channel: str, *, said: list[str], heard: list[str]) -> dict[str, Any]:
    """``said`` by clients, ``heard`` by them; the document speaks from the server's side."""

    def operation(action: str, names: list[str]) -> dict[str, Any]:
        messages = [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]
        return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "messages": messages}

    told = {f"{channel}.tell": operation("send", [*heard, *_COMMON])}
    return {**told, f"{channel}.hear": operation("receive", said)} if said else told


def _schemas() -> dict[str, Any]:
    spec = APISpec("mystar", __version__, "3.1.0", plugins=[MarshmallowPlugin(schema_name_resolver=_name)])
    for schema in (MessageView, NotificationView, Frame, ConversationSocketQuery, NotificationSocketQuery):
        spec.components.schema(_name(schema), schema=schema)
    found: dict[str, Any] = spec.to_dict()["components"]["schemas"]
    return {
        **found,
        "MessageEvent": {
            "allOf": [
                {"$ref": _REFERENCE + "Message"},
                _shape(type={"enum": ["message", "edited", "deleted"]}),
            ]
        },
        "ReadEvent": _shape(type={"const": "read"}, account_id=_INTEGER, number=_INTEGER),
        "TypingEvent": _shape(type={"const": "typing"}, account_id=_INTEGER),
        "PresenceEvent": _shape(type={"const": "presence"}, account_id=_INTEGER, online={"type": "boolean"}),
        "Resumed": _shape(type={"const": "resumed"}, after=_INTEGER),
        "Gap": _shape(type={"const": "gap"}, after=_INTEGER),
        "SocketError": {
            "allOf": [
                ERROR_SCHEMA,
                {
                    **_shape(type={"const": "error"}),
                    "description": "The market dialect's error; `client_id` is that of the frame, if it had one.",
                },
            ]
        },
    }


_INTEGER = {"type": "integer"}


def _shape(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _name(schema: Any) -> str:
    kind: type[Schema] = schema if isinstance(schema, type) else type(schema)
    return {"Frame": "ConversationFrame"}.get(kind.__name__, kind.__name__.removesuffix("View"))
