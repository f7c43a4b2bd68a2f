"""One flat router for all dialects; every path is registered with and without the trailing slash.

Sub-applications would capture each other's prefixes, and a redirect to the other spelling of a path loses the body of a
POST. So both spellings are registered, and one of them is not documented.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from copy import copy
from dataclasses import dataclass
from functools import cache

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """``name`` is ``<contract>.<resource>``; routes of one path share it. ``documented`` is false for aliases."""

    method: str
    path: str
    handler: Handler
    name: str
    documented: bool = True


def route(method: str, path: str, handler: Handler, name: str, *, documented: bool = True) -> Route:
    return Route(method, path, handler, name, documented)


def alias(path: str, original: Route) -> Route:
    """The same operation at another path; not documented."""
    name = f"{original.name}.{path.strip('/').translate(_NAME)}"
    return Route(original.method, path, original.handler, name, documented=False)


_NAME = str.maketrans({"/": "_", "-": "_", "{": "_", "}": "_", ":": "_", "\\": "_", "+": "_", ",": "_"})


def register(app: web.Application, routes: Iterable[Route]) -> None:
    """Make these the routes of the application, once and for all.

    :raises ValueError: two routes claim the same method of the same path, or two names one path.
    :raises RuntimeError: the application has routes already.
    """
    if app.router.resources():
        raise RuntimeError("The application has routes already")
    app._router = copy(_router(tuple(routes)))


@cache
def _router(routes: tuple[Route, ...]) -> web.UrlDispatcher:
    """Made once for all applications of a process: a router knows nothing of one, and hundreds of routes take 20 ms.

    It is frozen, and so are its copies, which share what it holds.
    """
    by_path: dict[str, dict[str, Route]] = {}
    for one in routes:
        methods = by_path.setdefault(one.path, {})
        if one.method in methods or any(other.name != one.name for other in methods.values()):
            raise ValueError(f"{one.method} {one.path} is taken")
        methods[one.method] = one
    router = web.UrlDispatcher()
    for path, methods in by_path.items():
        _add(router, path, methods, "")
    for path, methods in by_path.items():
        other = path[:-1] if path.endswith("/") else path + "/"
        if other and other not in by_path and "{tail" not in path:
            _add(router, other, methods, ".other_slash")
    router.freeze()
    return router


def _add(router: web.UrlDispatcher, path: str, methods: dict[str, Route], suffix: str) -> None:
    name = next(iter(methods.values())).name + suffix
    resource = router.add_resource(path, name=name)
    for method, one in methods.items():
        resource.add_route(method, one.handler)
        if method == "GET" and "HEAD" not in methods:
            resource.add_route("HEAD", one.handler)


def route_name(request: web.Request) -> str:
    """``<contract>.<resource>`` of the route that matched, without the suffixes of aliases and of the other slash."""
    resource = request.match_info.route.resource
    return ".".join((resource.name or "").split(".")[:2]) if resource is not None else ""


def is_public(request: web.Request) -> bool:
    """Whether guests may call the handler; see `mystar.accounts.access`."""
    return getattr(request.match_info.handler, "__access__", None) not in ("signed_in", "staff", "socket")


def canonical_path(request: web.Request) -> str:
    """The pattern that matched, the same for both slashes; "unmatched" for none. For metrics and logs."""
    resource = request.match_info.route.resource
    if resource is None:
        return "unmatched"
    return resource.canonical.rstrip("/") or "/"
