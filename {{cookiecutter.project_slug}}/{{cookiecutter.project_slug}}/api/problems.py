"""Report every error of the API as an RFC 9457 problem: type, title, status, detail and, for invalid input, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db.models import ProtectedError, RestrictedError
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, renderers, views
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"

# Exceptions that REST framework does not handle, with their status and detail.
OTHERS: dict[type[Exception], tuple[int, Any]] = {
    RequestDataTooBig: (413, _("The request is too large.")),
    TooManyFieldsSent: (413, _("The request has too many fields.")),
    TooManyFilesSent: (413, _("The request has too many files.")),
    ProtectedError: (409, _("Other objects refer to this one.")),
    RestrictedError: (409, _("Other objects refer to this one.")),
}


def problem(status: int, detail: str | None = None, **members: Any) -> dict[str, Any]:
    """Return a problem as a dict, with the standard members and these."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail or f"{title}.", **members}


def errors(detail: Any, pointer: str = "#") -> Iterator[dict[str, str]]:
    """Yield each message of a serializer's errors, with a JSON pointer to the invalid value."""
    if isinstance(detail, dict):
        for name, value in detail.items():
            escaped = str(name).replace("~", "~0").replace("/", "~1")
            place = pointer if name == "non_field_errors" else f"{pointer}/{escaped}"
            yield from errors(value, place)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            # A list of messages belongs to one value; a list of dicts has one dict for each value.
            yield from errors(value, f"{pointer}/{index}" if isinstance(value, (dict, list)) else pointer)
    else:
        # A message can contain half a surrogate pair from the input, which UTF-8 cannot encode.
        text = str(detail).encode(errors="replace").decode()
        yield {"pointer": pointer, "detail": text, "code": detail.code}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return REST framework's response to an exception as a problem, or None if it does not handle the exception."""
    if type(exc) in OTHERS:
        status, text = OTHERS[type(exc)]
        exc = exceptions.APIException(text)
        exc.status_code = status
    response = views.exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, exceptions.ValidationError):
        detail = exc.detail if isinstance(exc.detail, dict) else {"non_field_errors": exc.detail}
        response.data = problem(response.status_code, gettext("The input is invalid."), errors=list(errors(detail)))
    else:
        response.data = problem(response.status_code, str(response.data["detail"]))
    response.content_type = CONTENT_TYPE
    # The view's own renderer may write another format, such as YAML.
    context["request"].accepted_renderer = renderers.JSONRenderer()
    context["request"].accepted_media_type = renderers.JSONRenderer.media_type
    return response


class ProblemMiddleware(MiddlewareMixin):
    """Turns Django's own error responses below /api/ (HTML, text or empty) into problems, and leaves JSON as it is."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not request.path_info.startswith("/api/") or response.status_code < 400 or response.streaming:
            return response
        content_type = response.headers.get("Content-Type", "").partition(";")[0]
        # Keeps Django's page with the traceback, for developers.
        is_traceback = settings.DEBUG and response.status_code == 500
        if not is_traceback and (content_type in ("text/html", "text/plain") or not response.content):
            detail = response.content.decode(response.charset) if content_type == "text/plain" else None
            response.content = json.dumps(problem(response.status_code, detail))
            response.headers["Content-Type"] = CONTENT_TYPE
            response.headers["Content-Length"] = str(len(response.content))
        return response
