"""What Django's own middleware leaves open: the client's address, the size of a request, two more headers,
the page for a form that lacks its token.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def client_address(meta: dict[str, str]) -> str | None:
    """Return the address that the outermost trusted proxy saw, or that of the connection where there is no proxy."""
    count = settings.TRUSTED_PROXIES or 0
    addresses = [address.strip() for address in meta.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    # Each proxy appends the address that it saw; what stands before those is the client's own invention.
    if count and len(addresses) >= count and addresses[-count]:
        return addresses[-count]
    return meta.get("REMOTE_ADDR")


def username(request: HttpRequest, credentials: dict[str, str] | None) -> str:
    """Return the name under which django-axes counts failed sign-ins, whatever its case."""
    return ((credentials or request.POST).get("username") or "").lower()


def csrf_failure(request: HttpRequest, reason: str) -> HttpResponse:
    """Answer as Django does, but with a page that has a context in every version of it."""
    return render(request, "403_csrf.html", status=403)


class SecurityMiddleware(MiddlewareMixin):
    """Puts the client's address into REMOTE_ADDR, refuses large requests with 413 and sets HEADERS."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        request.META["REMOTE_ADDR"] = client_address(request.META)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.REQUEST_MAX_SIZE:
            return HttpResponse("The request is too large.", content_type="text/plain", status=413)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
