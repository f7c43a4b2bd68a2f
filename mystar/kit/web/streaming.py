"""Answers whose bytes are sent while they are read or made."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar

from aiohttp import web

log = logging.getLogger(__name__)
H = TypeVar("H", bound=Callable[..., object])


def streams(handler: H) -> H:
    """Mark a handler that sends its answer by itself: it cannot be called for a page within another answer."""
    handler.__streams__ = True  # type: ignore[attr-defined]
    return handler


async def stream(
    request: web.Request,
    chunks: AsyncIterator[bytes],
    headers: Mapping[str, str],
    *,
    what: str,
    status: int = 200,
    size: int | None = None,
) -> web.StreamResponse:
    """Send the chunks; to HEAD the head alone, as bytes behind it would be read as the next answer.

    A body that is not complete ends with its connection: the status is sent already, so nothing else can tell it.

    :param what: is sent, for the log. :param size: bytes of all chunks; None = not known before they are made.
    """
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = size
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    sent = 0
    try:
        async for chunk in chunks:
            try:
                await response.write(chunk)
            except ConnectionResetError:
                log.debug("the client disconnected")
                return response
            sent += len(chunk)
        is_complete = size in (None, sent)
    except Exception:
        log.exception("%s could not be read to its end", what)
        is_complete = False
    if not is_complete and request.transport is not None:
        request.transport.abort()
    return response
