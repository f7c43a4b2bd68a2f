"""Lists of guests may be read from a replica (D83): what others have published, a moment ago.

Never for a request that names an account, since its person may have written just now, and never for an answer that is
kept: what is kept has to be exact (D75).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TypeVar, cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from mystar.kit.postgres import replica

H = TypeVar("H", bound=Handler)


def may_be_old(handler: H) -> H:
    """The handler's queries may be answered by the replica if a guest asks. Stands next to the handler."""

    @wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        with reading_old(request):
            return await handler(request)

    return cast(H, answered)


@contextmanager
def reading_old(request: web.Request, *, allowed: bool = True) -> Iterator[None]:
    """The queries of the block may be answered by the replica if ``allowed`` and a guest asks."""
    if allowed and hdrs.AUTHORIZATION not in request.headers and hdrs.COOKIE not in request.headers:
        with replica.may_be_old():
            yield
    else:
        yield
