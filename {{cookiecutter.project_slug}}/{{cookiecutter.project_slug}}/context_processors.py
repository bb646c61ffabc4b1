from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def project(request: HttpRequest) -> dict[str, str]:
    """Add the project's name and description to the context of every template."""
    return {
        "project_name": settings.PROJECT_NAME,
        "project_description": settings.PROJECT_DESCRIPTION,
{% if cookiecutter.__django < "6" %}
        # The value of the attribute `nonce` of scripts and styles; newer Django has a context processor for it.
        "csp_nonce": getattr(request, "csp_nonce", ""),
{% endif %}
    }
