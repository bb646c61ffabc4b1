"""What a load balancer or a container platform asks: is it alive, and can it serve?"""

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
    """Return in two words why no request should come here now, or None."""
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
    # Each backend has errors of its own.
    except Exception:
        return "no cache"
    return None


def answer(text: str, status: int = 200) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    response = HttpResponse(text, content_type="text/plain", status=status, headers=headers)
    # Django would log each 503 as an error.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def livez() -> HttpResponse:
    """Answer 200 as long as the process answers at all."""
    return answer("ok")


def readyz() -> HttpResponse:
    """Answer 200 when the database, with all migrations, and the cache answer, and 503 with the reason when not."""
    reason = problem()
    return answer(reason, 503) if reason else answer("ok")


def at_once(stop: Callable[[], object]) -> None:
    stop()


@functools.cache
def drain_on_sigterm(end_with: Callable[[Callable[[], object]], None] = at_once) -> None:
    """
    After SIGTERM answer /readyz with 503 for DRAIN_SECONDS, and only then stop as the server would have at once.

    `end_with` is given what stops the server, and calls it.
    """
    stop = signal.getsignal(signal.SIGTERM)
    # Signals are set in the main thread only; without a handler there is no server that could be drained.
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
        # A server may be told twice, by its parent and by the system.
        elif time.monotonic() >= end:
            end_with(functools.partial(stop, number, frame))

    signal.signal(signal.SIGTERM, drain)


class HealthMiddleware(MiddlewareMixin):
    """Answers before all other middleware, so that no check of the host, redirect or log stands in the way."""

    answers = {"/livez": livez, "/readyz": readyz}

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        answer = self.answers.get(request.path_info)
        return answer() if answer else None
