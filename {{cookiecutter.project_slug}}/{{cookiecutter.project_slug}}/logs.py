"""Write logs for people or for machines, with one line for each request."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import uuid
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import empty


class LoggedRequest(HttpRequest):
    """A request with the attributes that RequestLogMiddleware sets."""

    id: str
    started: float
    # Only with telemetry.py.
    trace_id: str


logger = logging.getLogger(__name__)
current_request: ContextVar[LoggedRequest | None] = ContextVar("current_request", default=None)

REQUEST_ID = re.compile("[A-Za-z0-9._-]{8,128}")

# The links in mails end in a key.
SECRET = re.compile(r"(/(?:reset/key|confirm-email)/)[^/\s\"\\]+")


def config(level: str, style: str | None) -> dict[str, Any]:
    """Return Django's LOGGING: all messages from `level` up go to stderr. `style` is console, json or None."""
    style = style or ("console" if sys.stderr.isatty() else "json")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "console": {"()": f"{__name__}.ConsoleFormatter"},
            "json": {"()": f"{__name__}.JSONFormatter"},
        },
        "filters": {"refusals": {"()": f"{__name__}.RefusalFilter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": style, "filters": ["refusals"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Without their own handlers, which would print each line twice.
            "django": {},
            # If nothing receives the metrics, one line a minute says so; for the traces, it would be many.
            "opentelemetry": {"level": "ERROR"},
            "opentelemetry.exporter.otlp.proto.http.trace_exporter": {"level": "CRITICAL"},
            "gunicorn.error": {"propagate": True},
            # RequestLogMiddleware logs the responses.
            "django.channels.server": {"level": "ERROR"},
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "ERROR", "propagate": True},
            "uvicorn.access": {"level": "ERROR"},
        },
    }


def details() -> dict[str, Any]:
    """Return the ids of the current request, its trace and its user."""
    request = current_request.get()
    if request is None:
        return {}
    user = getattr(request, "user", None)
    # A user that is not loaded yet would query the database.
    known = user is not None and getattr(user, "_wrapped", None) is not empty
    traced = {"trace_id": request.trace_id} if hasattr(request, "trace_id") else {}
    return {"request_id": request.id, **traced, "user_id": getattr(user, "pk", None) if known else None}


class RefusalFilter(logging.Filter):
    """Logs refused requests as warnings without a traceback; Django logs them as errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = record.exc_text = None
        return True


class ConsoleFormatter(logging.Formatter):
    """Formats a line for people: time, level, message and the id of the request."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:7} {message}", "%H:%M:%S", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        request_id = details().get("request_id")
        return super().formatMessage(record) + (f" [{request_id}]" if request_id else "")

    def format(self, record: logging.LogRecord) -> str:
        return SECRET.sub(r"\1...", super().format(record))


class JSONFormatter(logging.Formatter):
    """Formats each line as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **details(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return SECRET.sub(r"\1...", json.dumps(line, default=str))


class RequestLogMiddleware(MiddlewareMixin):
    """
    Logs the method, path, status and duration of each request, and sends its id in the header X-Request-ID.

    The id is that of the same header of the request if it has 8 to 128 plain characters, otherwise a new one.
    """

    def process_request(self, request: LoggedRequest) -> None:
        request.started = time.monotonic()
        given = request.headers.get("X-Request-ID", "")
        request.id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        current_request.set(request)

    def process_response(self, request: LoggedRequest, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-ID"] = request.id
        fields = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "duration_ms": round((time.monotonic() - request.started) * 1000),
            "client": request.META.get("REMOTE_ADDR"),
        }
        logger.info("%(method)s %(path)s %(status)s in %(duration_ms)s ms", fields, extra={"fields": fields})
        current_request.set(None)
        return response
