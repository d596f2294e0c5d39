"""Sends traces to OTEL_EXPORTER_OTLP_ENDPOINT if it is set. OpenTelemetry is imported nowhere else.

A request is a span, a batch of orders is a span in it, and each statement is a span in that; a job
is a span too. A trace of a client or proxy is continued (`traceparent`). OpenTelemetry's variables
select the traces: OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG, OTEL_EXPORTER_OTLP_HEADERS.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from larder.core import telemetry
from larder.core.ids import CORRELATION_ID
from larder.http.answered_requests import best_effort
from larder.ops.telemetry import at_end

_tracer = trace.get_tracer("larder")


def start() -> None:
    """Starts tracing in this process, and in processes that are forked from it."""
    resource = Resource.create({"service.name": "larder"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    at_end(provider.shutdown)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    connection_created.connect(_trace_statements, dispatch_uid="larder.tracing")
    telemetry.span = _span


def observe(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
    """Middleware: a span for each request, named by its route instead of its path."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        parent = extract({"traceparent": request.headers.get("traceparent", "")})
        span = _tracer.start_as_current_span(str(request.method), parent, SpanKind.SERVER)
        with span as entered:
            response = get_response(request)
            best_effort(_describe, entered, request, response)
        return response

    return middleware


def _describe(span: trace.Span, request: HttpRequest, response: HttpResponseBase) -> None:
    if request.resolver_match is not None:
        route = f"/{request.resolver_match.route}"
        span.update_name(f"{request.method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.request.method", str(request.method))
    span.set_attribute("http.response.status_code", response.status_code)
    span.set_attribute("larder.correlation_id", response.headers.get("Correlation-ID", ""))
    if response.status_code >= 500:
        span.set_status(Status(StatusCode.ERROR))


@contextmanager
def _span(name: str) -> Any:
    """Returns a span of a use case, with the id of the request or job."""
    attributes = {"larder.correlation_id": CORRELATION_ID.get() or ""}
    with _tracer.start_as_current_span(name, attributes=attributes) as span:
        yield span


def _trace_statements(connection: Any, **_: Any) -> None:
    if _statement not in connection.execute_wrappers:
        connection.execute_wrappers.append(_statement)


def _statement(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
    """Makes a span for a statement. Its text has no values, which are parameters. With tracing,
    each statement is waited for separately, also in a pipeline (larder/db/postgresql/base.py)."""
    with _tracer.start_as_current_span("sql", kind=SpanKind.CLIENT) as span:
        span.set_attribute("db.system.name", "postgresql")
        span.set_attribute("db.query.text", str(sql)[:2000])
        return execute(sql, params, many, context)
