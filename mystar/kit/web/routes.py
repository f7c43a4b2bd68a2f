"""One flat router for all contracts: an address, its deeds, its name, with and without the trailing slash.

Sub-applications would swallow each other's prefixes, and a redirect to the other spelling of an address loses the
body of a POST; so both spellings are registered and the second one is simply not documented.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

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
    """The same deed at another address, served and not advertised."""
    name = f"{original.name}.{path.strip('/').translate(_NAME)}"
    return Route(original.method, path, original.handler, name, documented=False)


_NAME = str.maketrans({"/": "_", "-": "_", "{": "_", "}": "_", ":": "_", "\\": "_", "+": "_", ",": "_"})


def register(app: web.Application, routes: Iterable[Route]) -> list[web.Resource]:
    """Add the routes to the application; answer the resources, for CORS.

    :raises ValueError: two routes claim the same method of the same path, or two names one path.
    """
    by_path: dict[str, dict[str, Route]] = {}
    for one in routes:
        deeds = by_path.setdefault(one.path, {})
        if one.method in deeds or any(other.name != one.name for other in deeds.values()):
            raise ValueError(f"{one.method} {one.path} is taken")
        deeds[one.method] = one
    resources = [_resource(app, path, deeds, "") for path, deeds in by_path.items()]
    for path, deeds in by_path.items():
        other = path[:-1] if path.endswith("/") else path + "/"
        if other and other not in by_path and "{tail" not in path:
            resources.append(_resource(app, other, deeds, ".other_slash"))
    return resources


def _resource(app: web.Application, path: str, deeds: dict[str, Route], suffix: str) -> web.Resource:
    name = next(iter(deeds.values())).name + suffix
    resource = app.router.add_resource(path, name=name)
    for method, one in deeds.items():
        resource.add_route(method, one.handler)
        if method == "GET" and "HEAD" not in deeds:
            resource.add_route("HEAD", one.handler)
    return resource


def route_name(request: web.Request) -> str:
    """``<contract>.<resource>`` of the route that matched, without what an alias or the other slash adds to it."""
    resource = request.match_info.route.resource
    return ".".join((resource.name or "").split(".")[:2]) if resource is not None else ""


def canonical_path(request: web.Request) -> str:
    """The pattern that matched, the same for both slashes; "unmatched" when nothing did. For metrics and logs."""
    resource = request.match_info.route.resource
    if resource is None:
        return "unmatched"
    return resource.canonical.rstrip("/") or "/"
