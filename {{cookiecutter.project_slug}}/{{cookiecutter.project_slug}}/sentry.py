"""Report errors to Sentry, or to a compatible service."""

from __future__ import annotations

from typing import Any

from {{ cookiecutter.project_slug }}.logs import SECRET, current_request

HEADERS = {"accept", "content-type", "host", "user-agent"}


def start(dsn: str) -> None:
    """Report errors to this address from now on, without the input of users."""
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn,
        # Otherwise it tries to import some fifty libraries.
        auto_enabling_integrations=False,
        integrations=[DjangoIntegration()],
        before_send=cleaned,
        include_local_variables=False,
        max_request_body_size="never",
    )


def cleaned(event: Any, hint: Any) -> Any:
    """Return an event with the id of the request as a tag, and without cookies, tokens and passwords."""
    request = current_request.get()
    if request is not None:
        event.setdefault("tags", {})["request_id"] = request.id
    if "request" in event:
        headers = event["request"].get("headers", {})
        event["request"] = {
            "method": event["request"].get("method"),
            "url": SECRET.sub(r"\1...", event["request"].get("url", "")),
            "headers": {name: value for name, value in headers.items() if name.lower() in HEADERS},
        }
    return event
