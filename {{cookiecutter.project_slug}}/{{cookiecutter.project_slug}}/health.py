"""Answer the health checks of load balancers and container platforms, and drain the server before it stops."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

draining = threading.Event()
migrated = threading.Event()


def problem() -> str | None:
    """Return why this process should receive no requests, in two words, or None."""
    if draining.is_set():
        return "shutting down"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not migrated.is_set():
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "migrations missing"
            migrated.set()
    except (DatabaseError, InterfaceError):
        return "no database"
    try:
        cache.set("readyz", "ok", 1)
    # Each cache backend raises its own errors.
    except Exception:
        return "no cache"
    return None


def answer(text: str, status: int = 200) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    response = HttpResponse(text, content_type="text/plain", status=status, headers=headers)
    # Keeps Django from logging each 503 as an error.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def livez() -> HttpResponse:
    """Answer 200 as long as the process runs."""
    return answer("ok")


def readyz() -> HttpResponse:
    """Answer 200 if the database has all migrations and the cache works, otherwise 503 with the reason."""
    reason = problem()
    return answer(reason, 503) if reason else answer("ok")


def at_once(stop: Callable[[], object]) -> None:
    stop()


@functools.cache
def drain_on_sigterm(end_with: Callable[[Callable[[], object]], None] = at_once) -> None:
    """
    Make SIGTERM stop the server only after DRAIN_SECONDS; until then /readyz answers 503.

    `end_with` is called with the function that stops the server, and has to call it.
    """
    stop = signal.getsignal(signal.SIGTERM)
    # Only the main thread can set a signal handler. Without an earlier handler, there is no server to drain.
    if not settings.DRAIN_SECONDS or threading.current_thread() is not threading.main_thread() or not callable(stop):
        return
    end = 0.0

    def drain(number: int, frame: FrameType | None) -> None:
        nonlocal end
        if not draining.is_set():
            draining.set()
            end = time.monotonic() + settings.DRAIN_SECONDS
            timer = threading.Timer(settings.DRAIN_SECONDS, os.kill, [os.getpid(), signal.SIGTERM])
            timer.daemon = True
            timer.start()
        # A server may receive the signal twice, from its parent process and from the system.
        elif time.monotonic() >= end:
            end_with(functools.partial(stop, number, frame))

    signal.signal(signal.SIGTERM, drain)


class HealthMiddleware(MiddlewareMixin):
    """Answers before all other middleware: no check of the host, no redirect, no log line."""

    answers = {"/livez": livez, "/readyz": readyz}

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        answer = self.answers.get(request.path_info)
        return answer() if answer else None
