"""What Django's own middleware leaves open: the client's address, requests that are too large or malformed,
two more headers, the pages for errors.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
{% if cookiecutter.__django == "4.2" %}
from typing import Any
{% endif %}

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
{% if cookiecutter.__django == "4.2" %}
from django.http.multipartparser import MultiPartParserError
{% endif %}
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import parse_header_parameters

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}

# Proxies answer 502 if the headers of an answer exceed their buffer, which often has 4 KB.
LOCATION_MAX_LENGTH = 2048

# Some proxies add the port.
ADDRESS = re.compile(r"\[(?P<six>[^\]]*)\](:\d+)?|(?P<four>[\d.]+):\d+")

# Django's message for a value that does not match the type of a field.
NO_KEY = re.compile(r"Field '\w+' expected a ")


def address(text: str) -> str | None:
    """Return the IP address in an entry such as [2001:db8::1]:4711, or None."""
    match = ADDRESS.fullmatch(text.strip())
    try:
        # A zone names an interface of the proxy.
        return str(ipaddress.ip_address((match["six"] or match["four"] if match else text.strip()).partition("%")[0]))
    except ValueError:
        return None


def client_address(meta: dict[str, str]) -> str | None:
    """Return the address that the outermost trusted proxy saw, or that of the connection where there is no proxy."""
    count = settings.TRUSTED_PROXIES or 0
    addresses = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    # Each proxy appends the address that it saw; what stands before those is the client's own invention.
    told = address(addresses[-count]) if count and len(addresses) >= count else None
    return told or meta.get("REMOTE_ADDR")


def username(request: HttpRequest, credentials: dict[str, str] | None) -> str:
    """Return the name under which django-axes counts failed sign-ins, whatever its case."""
    # django-axes stores up to 255 characters.
    return ((credentials or request.POST).get("username") or "").lower()[:255]


def has_nul(path: str, query: str, cookies: Mapping[str, str]) -> bool:
    """Tell whether an address or a cookie has a NUL, which PostgreSQL refuses."""
    return "%00" in query or any("\0" in text for text in (path, query, *cookies.values()))


def refusal(request: HttpRequest) -> tuple[int, str] | None:
    """Return the status and the reason to refuse a request before anything else reads it, or None."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    # Python refuses to convert thousands of digits.
    if length.isdecimal() and (len(length) > 18 or int(length) > settings.REQUEST_MAX_SIZE):
        return 413, "The request is too large."
    if has_nul(request.path_info, request.META.get("QUERY_STRING", ""), request.COOKIES):
        return 400, "The request has a NUL."
    # django-rest-knox fails on bytes that are not ASCII.
    if not request.META.get("HTTP_AUTHORIZATION", "").isascii():
        return 400, "The header Authorization is malformed."
    try:
        for text in request.META.get("HTTP_ACCEPT", "").split(","):
            parse_header_parameters(text)
    except (LookupError, ValueError):
        return 400, "The header Accept is malformed."
    if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        return 415, "The text must be in UTF-8."
    return None


class UTF8RequestMixin(HttpRequest):
    """
    Leaves it to SecurityMiddleware to refuse a charset.

    Django decodes address and body with any codec, even one that is not for text, and fails before any middleware runs.
    """

    def _set_content_type_params(self, meta: dict[str, str]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, ValueError):
            self.content_type, self.content_params = "", {"charset": "unknown"}
{% if cookiecutter.__django == "4.2" %}

    def parse_file_upload(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse_file_upload(*args, **kwargs)
        # Newer versions of Django do this.
        except LookupError as error:
            raise MultiPartParserError(str(error)) from error
{% endif %}


class Request(UTF8RequestMixin, WSGIRequest):
    """A request from a WSGI server."""


class SecurityMiddleware(MiddlewareMixin):
    """Puts the client's address into REMOTE_ADDR, refuses large and malformed requests and sets HEADERS."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        request.META["REMOTE_ADDR"] = client_address(request.META)
        if refused := refusal(request):
            status, reason = refused
            return HttpResponse(reason, content_type="text/plain", status=status)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        # The admin passes values of an address or a form to the database before it validates them.
        is_admin = request.resolver_match and "admin" in request.resolver_match.app_names
        if is_admin and (isinstance(exception, DataError) or NO_KEY.match(str(exception))):
            return HttpResponse("The request is malformed.", content_type="text/plain", status=400)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # A longer redirect would make a proxy fail.
        if len(response.headers.get("Location", "")) > LOCATION_MAX_LENGTH:
            response = HttpResponse("The address is too long.", content_type="text/plain", status=414)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
