"""Traces by OpenTelemetry, sent as OTLP over HTTP in batches by a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mystar.kit.tracing import Kind

_TRACEPARENT = "traceparent"
_SECONDS = 3


class OtlpTracer:
    """:param url: of the collector, without ``/v1/traces``. :param headers: such as those that authenticate.

    :param ratio: of the traces that are kept, 0 to 1; a trace that is begun elsewhere is kept if it was there.
    """

    def __init__(self, url: str, headers: Mapping[str, str], ratio: float, version: str) -> None:
        exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", headers=dict(headers), timeout=_SECONDS)
        self._provider = TracerProvider(
            sampler=ParentBasedTraceIdRatio(ratio),
            resource=Resource({"service.name": "mystar", "service.version": version}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("mystar", version)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str = "", /, **attributes: str | int) -> Iterator[Span]:
        """An exception marks the span by its class alone: texts of errors may hold personal data."""
        context: Context | None = self._propagator.extract({_TRACEPARENT: parent}, Context()) if parent else None
        named = {key.replace("__", "."): value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(
            name,
            context,
            SpanKind[kind.upper()],
            named,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)
                raise

    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get(_TRACEPARENT, "")

    def stop(self) -> None:
        """Send what waits, three seconds at most. Blocks."""
        self._provider.force_flush(_SECONDS * 1000)
        self._provider.shutdown()
