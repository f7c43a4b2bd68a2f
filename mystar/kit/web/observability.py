"""Logs with a request id and without secrets, and metrics by route."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from mystar.kit.tracing import REQUEST, Tracer, Tracing
from mystar.kit.web.access_log import access, configure_access_log, log_request
from mystar.kit.web.http import REQUEST_ID, TRUSTED_PROXIES, address_of, dumps, inside, is_https, new_request_id
from mystar.kit.web.routes import canonical_path

log = logging.getLogger(__name__)

_SECRET_KEYS = re.compile(r"password|secret|token|authorization|cookie|api_?key|signature|dsn", re.IGNORECASE)
#: Secrets inside a text. The name of a parameter is kept, its value is blanked.
_SECRET_WORDS = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"  # the login in an address
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|(?P<parameter>\b(?:code|sig|signature)=)[^\s&'\"]+"
    r"|(?P<name>\b\w*(?:password|passwd|secret|secret_key|token|api_?key)['\"]?\s*[=:]\s*)"
    r"(?:'[^']*'|\"[^\"]*\"|[^\s&'\",}]+)",
    re.IGNORECASE,
)
_HIDDEN = "***"
_REQUEST_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)
_ONE_YEAR = "max-age=31536000"


@dataclass(frozen=True, slots=True)
class _Watched:
    read: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
    labels: tuple[str, ...]
    gauges: Mapping[str, Gauge]


class Metrics:
    """The metrics of one application, in a registry of its own, so that a process can have several applications."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mystar_http_requests_total", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "mystar_http_request_seconds", "Time to answer", ["method", "route"], registry=self.registry
        )
        #: Requests being answered.
        self.in_flight = 0
        in_flight = Gauge("mystar_http_requests_in_flight", "Requests being answered", registry=self.registry)
        in_flight.set_function(lambda: self.in_flight)
        self.outbox_waiting = Gauge(
            "mystar_outbox_waiting", "Outbox rows not yet sent", ["topic"], registry=self.registry
        )
        self.outbox_failed = Gauge("mystar_outbox_failed", "Outbox rows given up", ["topic"], registry=self.registry)
        self.outbox_oldest = Gauge(
            "mystar_outbox_oldest_seconds", "Age of the oldest unsent row", ["topic"], registry=self.registry
        )
        self.pool = Gauge("mystar_database_connections", "Pooled connections", ["state"], registry=self.registry)
        self.database_up = Gauge("mystar_database_up", "Whether PostgreSQL answered just now", registry=self.registry)
        self.untrusted_forwarded = Counter(
            "mystar_http_untrusted_forwarded_total",
            "Requests with X-Forwarded-For from an address that is not a trusted proxy",
            registry=self.registry,
        )
        #: The first address that sent X-Forwarded-For without being trusted: probably a forgotten proxy.
        self.untrusted_proxy = ""
        self.pool_seconds = Histogram(
            "mystar_database_wait_seconds", "Time that a task waits for a free connection", registry=self.registry
        )
        self._watched: list[_Watched] = []
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def of_route(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """The counter and the histogram of these labels, looked up once: prometheus-client takes a lock for it."""
        known = self._children.get((method, route, status))
        if known is None:
            known = self.requests.labels(method, route, status), self.seconds.labels(method, route)
            self._children[method, route, status] = known
        return known

    def note_untrusted_proxy(self, address: str) -> None:
        """Count a request whose X-Forwarded-For is not believed; the first one is logged."""
        self.untrusted_forwarded.inc()
        if not self.untrusted_proxy:
            self.untrusted_proxy = address
            log.warning(
                "X-Forwarded-For from %s is ignored: if that is the proxy in front, add it to "
                "MYSTAR_HTTP__TRUSTED_PROXIES; until then all its clients share its address and its limits",
                address,
            )

    def watch(self, read: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]], *labels: str, **gauges: str) -> None:
        """Show what a query counts; it runs when the metrics are read, so it must be cheap at any size.

        :param read: the rows; their columns are the labels and the gauges.
        :param gauges: descriptions; ``orders_open`` becomes ``mystar_orders_open``.
        """
        made = {
            name: Gauge(f"mystar_{name}", description, labels, registry=self.registry)
            for name, description in gauges.items()
        }
        self._watched.append(_Watched(read, labels, made))

    async def read_watched(self) -> None:
        """Run the queries of `watch`; labels that are not counted any more are removed."""
        for watched in self._watched:
            rows = await watched.read()
            for name, gauge in watched.gauges.items():
                gauge.clear()
                for row in rows:
                    gauge.labels(*(row[label] for label in watched.labels)).set(float(row[name]))

    def count_outbox(self, topics: Sequence[Mapping[str, Any]]) -> None:
        """Set the gauges from `Outbox.waiting`; topics that it does not name are removed."""
        for gauge, column in (
            (self.outbox_waiting, "waiting"),
            (self.outbox_failed, "failed"),
            (self.outbox_oldest, "oldest_seconds"),
        ):
            gauge.clear()
            for topic in topics:
                gauge.labels(topic["topic"]).set(topic[column])

    def rendered(self) -> bytes:
        return generate_latest(self.registry)


METRICS = web.AppKey("metrics", Metrics)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@web.middleware
async def observability_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware: gives every request an id, counts, times and logs it by its route.

    The query is not logged: it may contain tokens.
    """
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id()
    request[REQUEST_ID] = request_id
    before = REQUEST.set(request_id)
    metrics, began, status = request.app[METRICS], time.perf_counter(), 500
    metrics.in_flight += 1
    if "X-Forwarded-For" in request.headers and not inside(request.remote or "", request.app[TRUSTED_PROXIES]):
        metrics.note_untrusted_proxy(request.remote or "")
    try:
        if Tracing.tracer is None:
            response = await handler(request)
        else:
            response = await _traced(request, handler, Tracing.tracer)
        status = response.status
        return response
    except web.HTTPException as redirect:
        status = redirect.status
        raise
    except (ConnectionError, asyncio.CancelledError):
        # The client has gone; 499 is what nginx logs then.
        status = 499
        raise
    finally:
        metrics.in_flight -= 1
        _record(request, metrics, status, time.perf_counter() - began)
        REQUEST.reset(before)


async def _traced(request: web.Request, handler: Handler, tracer: Tracer) -> web.StreamResponse:
    """A trace that was begun elsewhere goes on only if a trusted proxy says so."""
    is_trusted = inside(request.remote or "", request.app[TRUSTED_PROXIES])
    parent = request.headers.get("traceparent", "") if is_trusted else ""
    method, route = request.method if request.method in _METHODS else "other", canonical_path(request)
    attributes = {"http__request__method": method, "http__route": route, "mystar__request_id": request[REQUEST_ID]}
    with tracer.span(f"{method} {route}", "server", parent, **attributes) as span:
        try:
            response: web.StreamResponse | web.HTTPException = await handler(request)
        except web.HTTPException as redirect:
            response = redirect
        span.set_attribute("http.response.status_code", response.status)
        if response.status >= 500:
            span.set_attribute("error.type", str(response.status))
    if isinstance(response, web.HTTPException):
        raise response
    return response


async def add_response_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A handler of ``on_response_prepare``: adds the request id and security headers to every answer.

    ``Server`` names no versions.
    """
    response.headers["Server"] = "mystar"
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if is_https(request):
        response.headers.setdefault("Strict-Transport-Security", _ONE_YEAR)
    if REQUEST_ID in request:
        response.headers["X-Request-ID"] = request[REQUEST_ID]


def _record(request: web.Request, metrics: Metrics, status: int, seconds: float) -> None:
    method, route = request.method, canonical_path(request)
    method = method if method in _METHODS else "other"
    requests, times = metrics.of_route(method, route, status)
    requests.inc()
    if status != 101:
        # The duration of a WebSocket is not the time of an answer.
        times.observe(seconds)
    log_request(method, route, status, round(seconds * 1000, 1), address_of(request), request[REQUEST_ID])


def record_refusal(app: web.Application, status: int, error: Exception) -> str:
    """Count and log a request that was refused before the middlewares. Returns its id."""
    request_id = new_request_id()
    app[METRICS].requests.labels("other", "unmatched", status).inc()
    access.info("unparsed request: %s %s", status, type(error).__name__, extra={"request_id": request_id})
    return request_id


def configure_logging(level: str, form: str, *, requests: bool = True) -> None:
    """Log all records to standard error, as JSON lines or as text.

    :param requests: whether a line is written for every request.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    configure_access_log(form, enabled=requests)
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(_shorten_client_errors)
    # `mystar.access` logs the same without the query, which may contain tokens.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # It logs unknown subprotocols, in which a client may have sent its token.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)


def _shorten_client_errors(record: logging.LogRecord) -> bool:
    """Log malformed requests in one line at INFO: they are errors of the client.

    Without the stack and without the bytes.
    """
    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, HttpProcessingError | web.RequestPayloadError):
        record.msg, record.exc_info = f"{record.msg}: {type(problem).__name__}", None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return logging.getLogger().isEnabledFor(record.levelno)


def formatter(form: str) -> logging.Formatter:
    """:param form: "json" or "text"."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _name_the_request,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    json = structlog.processors.JSONRenderer(serializer=lambda event, **_: dumps(event).decode())
    text = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, json if form == "json" else text],
    )


def _name_the_request(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if request_id := REQUEST.get():
        event.setdefault("request_id", request_id)
    return event


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank secrets in the records of all loggers (promise S8)."""
    for key, value in event.items():
        if key.startswith("_"):
            continue  # of structlog, removed before the record is written
        if _SECRET_KEYS.search(key):
            event[key] = _HIDDEN
        elif not isinstance(value, float | bool | None) and not _small(value):
            event[key] = without_secrets(value if isinstance(value, str) else repr(value))
    return event


def _small(value: Any) -> bool:
    """Whether it is an integer of 64 bits."""
    return isinstance(value, int) and abs(value) < 2**63


def without_secrets(text: str) -> str:
    """The text with its secrets blanked; lone surrogates, which JSON cannot hold, are escaped."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return _SECRET_WORDS.sub(_blanked, text)


def _blanked(found: re.Match[str]) -> str:
    return (found["scheme"] or found["parameter"] or found["name"] or "") + _HIDDEN
