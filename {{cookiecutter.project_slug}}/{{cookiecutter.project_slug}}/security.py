"""Find the IP address of the client, refuse requests that are too large or malformed, and set two more headers."""

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

# Proxies answer 502 if the headers of a response exceed their buffer, which often has 4 KB.
LOCATION_MAX_LENGTH = 2048

# Some proxies add the port.
ADDRESS = re.compile(r"\[(?P<six>[^\]]*)\](:\d+)?|(?P<four>[\d.]+):\d+")

# The beginning of Django's message for a value of the wrong type.
NO_KEY = re.compile(r"Field '\w+' expected a ")


def address(text: str) -> str | None:
    """Return the IP address in an entry such as [2001:db8::1]:4711, or None."""
    match = ADDRESS.fullmatch(text.strip())
    try:
        # Removes the zone of an IPv6 address, which is a network interface of the proxy.
        return str(ipaddress.ip_address((match["six"] or match["four"] if match else text.strip()).partition("%")[0]))
    except ValueError:
        return None


def client_address(meta: dict[str, str]) -> str | None:
    """Return the address that the outermost trusted proxy saw, or without proxies that of the connection."""
    count = settings.TRUSTED_PROXIES or 0
    addresses = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    # Each proxy appends the address that it saw; a client can invent all entries before those.
    told = address(addresses[-count]) if count and len(addresses) >= count else None
    return told or meta.get("REMOTE_ADDR")


def has_nul(path: str, query: str, cookies: Mapping[str, str]) -> bool:
    """Return whether a URL or a cookie contains a NUL character, which PostgreSQL refuses."""
    return "%00" in query or any("\0" in text for text in (path, query, *cookies.values()))


def refusal(request: HttpRequest) -> tuple[int, str] | None:
    """Return the status and the reason if a request must be refused before other code reads it, or None."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    # Python raises an error for a number of thousands of digits.
    if length.isdecimal() and (len(length) > 18 or int(length) > settings.REQUEST_MAX_SIZE):
        return 413, "The request is too large."
    if has_nul(request.path_info, request.META.get("QUERY_STRING", ""), request.COOKIES):
        return 400, "The request contains a NUL character."
    # REST framework decodes this header as Latin-1, so no token can have other characters.
    if not request.META.get("HTTP_AUTHORIZATION", "").isascii():
        return 400, "The Authorization header is malformed."
    try:
        for text in request.META.get("HTTP_ACCEPT", "").split(","):
            parse_header_parameters(text)
    except (LookupError, ValueError):
        return 400, "The Accept header is malformed."
    if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        return 415, "The text must be in UTF-8."
    return None


class UTF8RequestMixin(HttpRequest):
    """
    Lets SecurityMiddleware refuse charsets other than UTF-8.

    Django decodes the URL and the body with any codec, even one that is not for text, and raises an error before any
    middleware runs.
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
        # Newer versions of Django do this themselves.
        except LookupError as error:
            raise MultiPartParserError(str(error)) from error
{% endif %}


class Request(UTF8RequestMixin, WSGIRequest):
    """A request from a WSGI server."""


class SecurityMiddleware(MiddlewareMixin):
    """Sets REMOTE_ADDR to the client's address, refuses large and malformed requests, and sets HEADERS."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        request.META["REMOTE_ADDR"] = client_address(request.META)
        if refused := refusal(request):
            status, reason = refused
            return HttpResponse(reason, content_type="text/plain", status=status)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        # The admin passes values from URLs and forms to the database before it validates them.
        is_admin = request.resolver_match and "admin" in request.resolver_match.app_names
        if is_admin and (isinstance(exception, DataError) or NO_KEY.match(str(exception))):
            return HttpResponse("The request is malformed.", content_type="text/plain", status=400)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # A longer redirect would make a proxy fail.
        if len(response.headers.get("Location", "")) > LOCATION_MAX_LENGTH:
            response = HttpResponse("The URL is too long.", content_type="text/plain", status=414)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
{% if cookiecutter.__django < "6" %}


def csp_nonce(request: HttpRequest) -> dict[str, str]:
    """Add the value of the attribute `nonce` of scripts and styles to the context of every template."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}
{% endif %}
