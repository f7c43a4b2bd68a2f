"""The request that is served, and its trace, wherever its work goes: statements, rows of the outbox, calls of others.

Nothing is traced unless `mystar.kit.telemetry` has set a tracer; then a span is made here, otherwise nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Literal, Protocol

import structlog

Kind = Literal["server", "client", "producer", "consumer"]
#: The id of the request that causes what this task does; "" = none does.
REQUEST: ContextVar[str] = ContextVar("mystar_request_id", default="")


class Span(Protocol):
    """Only what is needed of OpenTelemetry's."""

    def set_attribute(self, key: str, value: Any, /) -> Any: ...


class Tracer(Protocol):
    def span(
        self, name: str, kind: Kind, parent: str = "", /, **attributes: str | int
    ) -> AbstractContextManager[Span]: ...

    def traceparent(self) -> str:
        """The current span as in the header of this name (W3C); "" = there is none."""


class Tracing:
    """Holds the tracer of this process; None = tracing is off."""

    tracer: Tracer | None = None


_NOTHING: AbstractContextManager[Span | None] = nullcontext(None)


def span(name: str, kind: Kind, parent: str = "", /, **attributes: str | int) -> AbstractContextManager[Span | None]:
    """A span around a block. No value may be personal or secret: bodies, queries and texts of errors are not given.

    :param attributes: ``__`` stands for a dot in their names. :param parent: a ``traceparent``, if it is not the
        current span.
    """
    tracer = Tracing.tracer
    return _NOTHING if tracer is None else tracer.span(name, kind, parent, **attributes)


def cause() -> dict[str, str] | None:
    """What a row of the outbox keeps of the request that writes it."""
    request_id = REQUEST.get()
    if Tracing.tracer is None:
        return {"request_id": request_id} if request_id else None
    trace = Tracing.tracer.traceparent()
    return {name: value for name, value in (("request_id", request_id), ("traceparent", trace)) if value} or None


@contextmanager
def caused_by(kept: Mapping[str, str] | None, name: str, **attributes: str | int) -> Iterator[None]:
    """Around what is done for a row of the outbox: logs, calls and spans belong to the request that wrote it."""
    kept = kept or {}
    request_id = kept.get("request_id", "")
    before = REQUEST.set(request_id)
    context = {"request_id": request_id} if request_id else {}
    try:
        with (
            structlog.contextvars.bound_contextvars(**context),
            span(name, "consumer", kept.get("traceparent", ""), **attributes),
        ):
            yield
    finally:
        REQUEST.reset(before)


def request_headers() -> dict[str, str]:
    """For calls of others: ``X-Request-ID``, by which both sides find the same call in their logs."""
    request_id = REQUEST.get()
    return {"X-Request-ID": request_id} if request_id else {}
