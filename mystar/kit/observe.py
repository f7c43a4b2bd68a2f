"""What an operator sees: logs with a request id and without secrets, metrics by route, health."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mystar.kit.http import REQUEST_ID, address_of, dumps, new_request_id
from mystar.kit.routes import canonical_path

access = logging.getLogger("mystar.access")

_SECRET_KEYS = re.compile(r"password|secret|token|authorization|cookie|api_?key|signature|dsn", re.IGNORECASE)
#: What a secret looks like inside a sentence: a JWT, a bearer header, the value of a telling parameter, a URL's login.
_SECRET_WORDS = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|(?i:bearer)\s+[\w.~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
    r"|(?i:(?<=password=)|(?<=token=)|(?<=secret=)|(?<=sig=)|(?<=signature=)|(?<=code=))[^\s&'\"]+"
)
_HIDDEN = "***"
_REQUEST_ID = re.compile(r"^[\w.-]{8,64}$")


class Metrics:
    """The counters of one application; each has its own registry, so that two can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mystar_http_requests_total", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "mystar_http_request_seconds", "Time to answer", ["method", "route"], registry=self.registry
        )
        self.in_flight = Gauge("mystar_http_requests_in_flight", "Requests being answered", registry=self.registry)
        self.outbox_waiting = Gauge(
            "mystar_outbox_waiting", "Outbox rows not yet sent", ["topic"], registry=self.registry
        )
        self.outbox_failed = Gauge("mystar_outbox_failed", "Outbox rows given up", ["topic"], registry=self.registry)
        self.outbox_oldest = Gauge(
            "mystar_outbox_oldest_seconds", "Age of the oldest unsent row", ["topic"], registry=self.registry
        )
        self.pool = Gauge("mystar_database_connections", "Pooled connections", ["state"], registry=self.registry)

    def rendered(self) -> web.Response:
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


METRICS = web.AppKey("metrics", Metrics)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware: gives every request an id, counts it, times it and logs it by its route.

    The query is never logged: the contracts put tokens into it.
    """
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _REQUEST_ID.match(given) else new_request_id()
    request[REQUEST_ID] = request_id
    structlog.contextvars.bind_contextvars(request_id=request_id)
    metrics, began, status = request.app[METRICS], time.perf_counter(), 500
    metrics.in_flight.inc()
    try:
        response = await handler(request)
        status = response.status
        if not response.prepared:
            response.headers["X-Request-ID"] = request_id
        return response
    except web.HTTPException as redirect:
        status = redirect.status
        redirect.headers["X-Request-ID"] = request_id
        raise
    finally:
        seconds = time.perf_counter() - began
        route = canonical_path(request)
        method = request.method if request.method in _METHODS else "other"
        metrics.in_flight.dec()
        metrics.requests.labels(method, route, status).inc()
        metrics.seconds.labels(method, route).observe(seconds)
        access.info(
            "%s %s %s %.1f ms",
            method,
            route,
            status,
            seconds * 1000,
            extra={
                "method": method,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 1),
                "address": address_of(request),
            },
        )
        structlog.contextvars.unbind_contextvars("request_id")


def configure_logging(level: str, form: str) -> None:
    """Send every library's records through one pipe: JSON lines for machines or text for people, to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    json = structlog.processors.JSONRenderer(serializer=lambda event, **_: dumps(_plain(event)).decode())
    renderer: Any = json if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what must not be read in a log, whoever logged it (promise S8)."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = _HIDDEN
        elif isinstance(value, str):
            event[key] = _SECRET_WORDS.sub(_HIDDEN, value)
    return event


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    simple = (str, int, float, bool, type(None))
    return {key: value if isinstance(value, simple) else repr(value) for key, value in event.items()}
