"""
Measure tasks, and the length of the queues.

The scheduler measures the queues, because there is only one. The settings let workers and the scheduler load this.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from celery import signals
from opentelemetry import context, metrics, propagate, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import SpanKind, StatusCode

from {{ cookiecutter.project_slug }}.celery import app
from {{ cookiecutter.project_slug }}.logs import current_request
from {{ cookiecutter.project_slug }}.telemetry import BOUNDS, meter, start, tracer

tasks = meter.create_histogram("celery.task.duration", "s", explicit_bucket_boundaries_advisory=BOUNDS)


@signals.before_task_publish.connect
def send_trace(headers: dict[str, Any], **kwargs: Any) -> None:
    propagate.inject(headers)


@signals.worker_process_init.connect
def start_worker(**kwargs: Any) -> None:
    start()


@signals.worker_process_shutdown.connect
def stop_worker(**kwargs: Any) -> None:
    # The processes of a worker end without Python's functions for the exit.
    providers: list[Any] = [metrics.get_meter_provider(), trace.get_tracer_provider()]
    for provider in providers:
        provider.shutdown()


@signals.task_prerun.connect
def begin(task: Any, **kwargs: Any) -> None:
    # A task that runs in the process of its caller gives the context back.
    before = context.get_current()
    span = tracer.start_span(task.name, propagate.extract(task.request, before), SpanKind.CONSUMER)
    task.request.telemetry = span, time.monotonic(), before
    context.attach(trace.set_span_in_context(span))
    request = current_request.get()
    if request is not None:
        request.trace_id = trace.format_trace_id(span.get_span_context().trace_id)


@signals.task_postrun.connect
def end(task: Any, state: str, **kwargs: Any) -> None:
    span, started, before = task.request.telemetry
    labels = {"celery.task": task.name, "celery.state": state}
    tasks.record(time.monotonic() - started, labels)
    span.set_attributes({**labels, "celery.task_id": task.request.id})
    if state == "FAILURE":
        span.set_status(StatusCode.ERROR)
    span.end()
    context.attach(before)


def lengths(options: CallbackOptions) -> Iterator[Observation]:
    """Yield how many messages wait in each queue."""
    # Its types are incomplete.
    celery: Any = app
    with celery.connection_for_read() as connection:
        for name, queue in celery.amqp.queues.items():
            bound = queue.bind(connection.default_channel)
            try:
                length = bound.queue_declare(passive=True).message_count
            # Redis has no empty queues.
            except connection.channel_errors:
                length = 0
            yield Observation(length, {"celery.queue": name})


@signals.beat_embedded_init.connect
@signals.beat_init.connect
def start_scheduler(**kwargs: Any) -> None:
    start()
    meter.create_observable_gauge("celery.queue.length", [lengths])
