"""Which pages may call the service from a browser (CORS)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import aiohttp_cors
from aiohttp import web

#: Headers of answers that scripts may read.
_EXPOSED = (
    *("X-Request-ID", "X-Total-Count", "Link", "ETag", "Location", "Retry-After", "Idempotent-Replayed"),
    *("Accept-Ranges", "Content-Disposition", "Content-Range", "WWW-Authenticate", "X-Ignored-Parameters"),
)


def allow_origins(app: web.Application, resources: Iterable[web.Resource], origins: Sequence[str]) -> None:
    """Credentials are allowed, so the origin is echoed: a browser takes no "*" for them."""
    options = aiohttp_cors.ResourceOptions(
        allow_credentials=True, allow_headers="*", allow_methods="*", expose_headers=_EXPOSED, max_age=600
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for resource in resources:
        cors.add(resource)
        for route in list(resource):
            if route.method != "OPTIONS":
                cors.add(route)
