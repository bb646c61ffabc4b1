"""Every error of the API as an RFC 9457 problem: type, title, status, detail and, for invalid input, `errors`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from rest_framework import exceptions, views
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"


def problem(status: int, detail: str | None = None, **members: Any) -> dict[str, Any]:
    """Return the members of a problem."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail or f"{title}.", **members}


def errors(detail: Any, pointer: str = "#") -> Iterator[dict[str, str]]:
    """Yield each message of a serializer's errors, with the JSON pointer to the value that it is about."""
    if isinstance(detail, dict):
        for name, value in detail.items():
            place = pointer if name == "non_field_errors" else f"{pointer}/{name}"
            yield from errors(value, place)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            # A list of messages is about one value, one of dicts has one for each value.
            yield from errors(value, f"{pointer}/{index}" if isinstance(value, (dict, list)) else pointer)
    else:
        yield {"pointer": pointer, "detail": str(detail), "code": detail.code}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return REST framework's answer to an exception as a problem; None, as there, for what is no API error."""
    response = views.exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, exceptions.ValidationError):
        detail = exc.detail if isinstance(exc.detail, dict) else {"non_field_errors": exc.detail}
        response.data = problem(response.status_code, "The input is invalid.", errors=list(errors(detail)))
    else:
        response.data = problem(response.status_code, str(response.data["detail"]))
    response.content_type = CONTENT_TYPE
    return response


class ProblemMiddleware(MiddlewareMixin):
    """Makes problems of the errors below /api/ that do not come from REST framework."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_error = response.status_code >= 400 and response.headers.get("Content-Type") != CONTENT_TYPE
        # The page for developers shows where an exception comes from.
        is_traceback = settings.DEBUG and response.status_code == 500
        if request.path_info.startswith("/api/") and is_error and not is_traceback:
            response.content = json.dumps(problem(response.status_code))
            response.headers["Content-Type"] = CONTENT_TYPE
            response.headers["Content-Length"] = str(len(response.content))
        return response


def document(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the problems to drf-spectacular's description: each operation answers 4XX with one."""
    string = {"type": "string"}
    error = {"type": "object", "properties": {"pointer": string, "detail": string, "code": string}}
    result["components"]["schemas"]["Problem"] = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": string,
            "status": {"type": "integer"},
            "detail": string,
            "errors": {"type": "array", "items": error},
        },
        "required": ["type", "title", "status", "detail"],
    }
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["4XX"] = {"description": "A problem (RFC 9457)", "content": content}
            for parameter in operation.get("parameters", []):
                # A filter without a value is none.
                if parameter["in"] == "query":
                    parameter["allowEmptyValue"] = True
    return result
