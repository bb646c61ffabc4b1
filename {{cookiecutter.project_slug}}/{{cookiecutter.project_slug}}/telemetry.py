"""
Measure requests, queries and commands of Redis, and send the metrics and traces to OTEL_EXPORTER_OTLP_ENDPOINT.

Only loaded if this variable is set. OpenTelemetry itself reads its other variables, such as OTEL_TRACES_SAMPLER.
"""

from __future__ import annotations

import functools
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.db.backends.signals import connection_created
from django.http import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from opentelemetry import context, metrics, propagate, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from {{ cookiecutter.project_slug }}.environment import env
from {{ cookiecutter.project_slug }}.logs import SECRET, LoggedRequest

METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
# The bounds of the histograms, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

tracer = trace.get_tracer(__name__)
meter = metrics.get_meter(__name__)
requests = meter.create_histogram("http.server.request.duration", "s", explicit_bucket_boundaries_advisory=BOUNDS)
operations = meter.create_histogram("db.client.operation.duration", "s", explicit_bucket_boundaries_advisory=BOUNDS)


@functools.cache
def start() -> None:
    """Send what this process measures from now on."""
    # A process that stops waits as long for a silent collector. The default is 10 seconds.
    os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    # Processes with the same id would overwrite each other's metrics.
    instance = f"{socket.gethostname()}-{os.getpid()}"
    resource = Resource.create({"service.name": env["OTEL_SERVICE_NAME"], "service.instance.id": instance})
    traces = TracerProvider(resource=resource)
    # Prometheus takes no traces.
    if os.environ.get("OTEL_TRACES_EXPORTER") != "none":
        traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource))
    connection_created.connect(measure_queries)
    redis.Redis.execute_command = measured(redis.Redis.execute_command)  # type: ignore[method-assign]


@contextmanager
def operation(system: str, name: str, text: str = "") -> Iterator[None]:
    """Measure what a request does in a database; a health check, for example, is not measured."""
    if not trace.get_current_span().get_span_context().is_valid:
        yield
        return
    labels = {"db.system.name": system, "db.operation.name": name}
    started = time.monotonic()
    # The message of an exception may contain values.
    safe: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
    with tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=labels, **safe) as span:
        span.set_attribute("db.query.text", text[:1000])
        try:
            yield
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            operations.record(time.monotonic() - started, labels)


def query(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, state: dict[str, Any]) -> Any:
    """Run and measure a query. Its values are in `parameters`, so its text is no secret."""
    name = re.match(r"\W*(\w*)", str(sql))
    with operation(state["connection"].vendor, name[1].upper() if name else "", str(sql)):
        return execute(sql, parameters, many, state)


def measure_queries(connection: Any, **kwargs: Any) -> None:
    # A connection that was closed and opened again has the wrapper already.
    if query not in connection.execute_wrappers:
        connection.execute_wrappers.append(query)


def measured(execute_command: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the method by which a Redis client sends a command."""

    def measured_command(client: Any, *words: Any, **options: Any) -> Any:
        with operation("redis", str(words[0])):
            return execute_command(client, *words, **options)

    return measured_command


class MeasuredRequest(LoggedRequest):
    """A request with the attribute that Middleware sets."""

    span: trace.Span
    trace: dict[str, str]


class Middleware(MiddlewareMixin):
    """Measures each request by its route, since paths are countless."""

    def __init__(self, get_response: Callable[..., Any]) -> None:
        super().__init__(get_response)
        # A server creates its middleware after it has forked.
        start()

    def process_request(self, request: MeasuredRequest) -> None:
        request.span = tracer.start_span("request", propagate.extract(request.headers), SpanKind.SERVER)
        request.trace_id = trace.format_trace_id(request.span.get_span_context().trace_id)
        context.attach(trace.set_span_in_context(request.span))
        # Tasks that the request queues continue its trace.
        request.trace = {}
        propagate.inject(request.trace)

    def process_response(self, request: MeasuredRequest, response: HttpResponseBase) -> HttpResponseBase:
        method = request.method if request.method in METHODS else "_OTHER"
        labels: dict[str, Any] = {"http.request.method": method, "http.response.status_code": response.status_code}
        # A path that leads to no view has no route.
        if request.resolver_match:
            labels["http.route"] = request.resolver_match.route
        requests.record(time.monotonic() - request.started, labels)
        request.span.update_name(f"{method} {labels.get('http.route', '')}")
        request.span.set_attributes({**labels, "url.path": SECRET.sub(r"\1...", request.path)})
        if response.status_code >= 500:
            request.span.set_status(StatusCode.ERROR)
        request.span.end()
        context.attach(context.Context())
        return response
