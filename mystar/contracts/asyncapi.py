"""AsyncAPI 3.0 of the WebSockets: what clients may send, what they receive, and why a connection is closed.

The schemas are those with which the handlers read and write.
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
from mystar.contracts.examples import add_message_examples
from mystar.contracts.market import ERROR_SCHEMA
from mystar.contracts.operations import describe_fields
from mystar.kit.realtime.connection import CloseCode
from mystar.notifications.schemas import NotificationView
from mystar.notifications.sockets import NotificationSocketQuery

#: What each code means to a client.
CLOSE_CODES = {
    CloseCode.GOING_AWAY: (
        "The process goes away. The reason is JSON. Connect again in `reconnect_in` seconds, with `after`."
    ),
    CloseCode.UNSUPPORTED_DATA: "A binary frame was sent; only JSON text is understood.",
    CloseCode.ABNORMAL: "Never sent: the connection broke. Connect again with `after`.",
    CloseCode.SESSION_ENDED: "The session has ended. Sign in again.",
    CloseCode.TOO_SLOW: "What was sent was not read in time. Connect again with `after`.",
    CloseCode.TOO_MANY_FRAMES: "More frames than are allowed in a minute.",
}
#: Codes of the protocol itself.
_PROTOCOL = {
    "1002": "Not the WebSocket protocol, unmasked or compressed.",
    "1007": "Text that is no UTF-8.",
    "1009": "A frame longer than is allowed.",
}
_HANDSHAKE = """Refused before the upgrade as in the market dialect: 401 without a valid access token, 404 for a
conversation of other accounts, 403 for a page of a foreign origin, 400 for anything but a handshake, 422 for a
query with wrong parameters. The token comes as `Authorization: Bearer <token>`, as
`Sec-WebSocket-Protocol: bearer, <token>` (`bearer` is answered), or as `?token=`. Nothing is compressed."""
_REFERENCE = "#/components/schemas/"


def asyncapi(*, public_url: str) -> dict[str, Any]:
    """The whole document, as plain data."""
    url = URL(public_url)
    document = {
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
            **_operations("conversation", sent=["frame"], received=["message", "event", "read", "typing", "presence"]),
            **_operations("notifications", sent=[], received=["notification"]),
        },
        "components": {"schemas": _schemas(), "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "x-close-codes": {**_PROTOCOL, **{str(int(code)): meaning for code, meaning in CLOSE_CODES.items()}},
    }
    describe_fields(document)
    add_message_examples(document)
    return document


_BEARER = {"$ref": "#/components/securitySchemes/bearer"}
#: Messages of every channel.
_COMMON = ("error", "resumed", "gap")


def _conversation() -> dict[str, Any]:
    return {
        "address": "/ws/conversations/{conversation_id}/",
        "title": "A conversation, live",
        "parameters": {"conversation_id": {"description": "A conversation of the account."}},
        "messages": {
            "frame": _message(
                "ConversationFrame", "What a client sends: a message unless its type names something else."
            ),
            "message": _message("Message", "A message; its sender receives it, too, as a sign that it is stored."),
            "event": _message("MessageEvent", "With `events=1`: a message was sent, edited or deleted."),
            "read": _message("ReadEvent", "With `events=1`: an account has read up to a number."),
            "typing": _message("TypingEvent", "With `events=1`, where it is switched on: an account is typing."),
            "presence": _message(
                "PresenceEvent", "With `events=1`, where it is switched on: an account went online or offline."
            ),
            **_common_messages(),
        },
        "bindings": _binding("ConversationSocketQuery"),
    }


def _notifications() -> dict[str, Any]:
    return {
        "address": "/ws/notifications/",
        "title": "The notifications of the account, live",
        "messages": {"notification": _message("Notification", "One notification."), **_common_messages()},
        "bindings": _binding("NotificationSocketQuery"),
    }


def _common_messages() -> dict[str, Any]:
    return {
        "error": _message("SocketError", "A frame was refused. The WebSocket stays open."),
        "resumed": _message("Resumed", "After a handshake with `after`: everything that was missed has been sent."),
        "gap": _message(
            "Gap", "After a handshake with `after`: too much was missed. Read it over HTTP; new entries follow here."
        ),
    }


def _message(schema: str, summary: str) -> dict[str, Any]:
    return {"name": schema, "summary": summary, "payload": {"$ref": _REFERENCE + schema}}


def _binding(schema: str) -> dict[str, Any]:
    return {"ws": {"method": "GET", "query": {"$ref": _REFERENCE + schema}, "bindingVersion": "0.1.0"}}


def _operations(channel: str, *, sent: list[str], received: list[str]) -> dict[str, Any]:
    """``sent`` and ``received`` by clients; the document calls it the other way round, as the server does."""

    def operation(action: str, names: list[str]) -> dict[str, Any]:
        messages = [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]
        return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "messages": messages}

    operations = {f"{channel}.tell": operation("send", [*received, *_COMMON])}
    return {**operations, f"{channel}.hear": operation("receive", sent)} if sent else operations


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
                _object(type={"enum": ["message", "edited", "deleted"]}),
            ]
        },
        "ReadEvent": _object(type={"const": "read"}, account_id=_INTEGER, number=_INTEGER),
        "TypingEvent": _object(type={"const": "typing"}, account_id=_INTEGER),
        "PresenceEvent": _object(
            type={"const": "presence"},
            account_id=_INTEGER,
            online={"type": "boolean", "description": "Whether the account is online."},
        ),
        "Resumed": _object(type={"const": "resumed"}, after=_INTEGER),
        "Gap": _object(type={"const": "gap"}, after=_INTEGER),
        "SocketError": {
            "allOf": [
                ERROR_SCHEMA,
                {
                    **_object(type={"const": "error"}),
                    "description": "The market dialect's error; `client_id` is that of the frame, if it had one.",
                },
            ]
        },
    }


_INTEGER = {"type": "integer"}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": {key: dict(one) for key, one in properties.items()},
    }


def _name(schema: Any) -> str:
    kind: type[Schema] = schema if isinstance(schema, type) else type(schema)
    return {"Frame": "ConversationFrame"}.get(kind.__name__, kind.__name__.removesuffix("View"))
