"""A conversation over WebSockets with nothing around it: what the service's sockets are compared with.

It knows its sockets by conversation, stores every message by the statement of the service and sends it to both, and
that is all: no retries, no replay, no order, no limits.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import jwt
import orjson
from aiohttp import web

from mystar.kit.postgres import queries
from tests.bench.bare import KEY, POOL, run

SEND = queries.load("mystar.chat").send
ROOMS: web.AppKey[dict[int, set[web.WebSocketResponse]]] = web.AppKey("rooms")


async def conversation(request: web.Request) -> web.WebSocketResponse:
    claims = jwt.decode(request.query["token"], request.app[KEY], algorithms=["HS256"], audience="mystar")
    conversation_id = int(request.match_info["id"])
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    room = request.app[ROOMS][conversation_id]
    room.add(socket)
    async for message in socket:
        stored = await store(request.app, conversation_id, claims["id"], orjson.loads(message.data)["message"])
        frame = {
            "id": stored["id"],
            "sender": {"id": stored["sender_id"], "username": stored["username"], "avatar": stored["avatar"]},
            "message": stored["text"],
            "timestamp": stored["sent_at"],
        }
        text = orjson.dumps(frame).decode()
        for one in tuple(room):
            with contextlib.suppress(ConnectionError):
                await one.send_str(text)
    room.remove(socket)
    return socket


async def store(app: web.Application, conversation_id: int, sender_id: int, text: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    values = {
        "conversation_id": conversation_id,
        "sender_id": sender_id,
        "text": text,
        "answer_id": None,
        "client_id": None,
        "now": now,
        "only_notified": False,
    }
    async with app[POOL].acquire() as connection, connection.cursor() as cursor:
        await cursor.execute(SEND, values)
        names = [column.name for column in cursor.description]
        return dict(zip(names, await cursor.fetchone()))  # noqa: B905 - as fast as can be


def main() -> None:
    app = web.Application()
    app.router.add_get(r"/ws/conversations/{id:\d+}/", conversation)
    app[ROOMS] = defaultdict(set)
    run(app, idle_connections=10, backlog=1024)


if __name__ == "__main__":
    main()
