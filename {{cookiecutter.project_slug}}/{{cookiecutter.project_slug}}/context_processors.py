from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def project(request: HttpRequest) -> dict[str, str]:
    """Give every page the project's name and description, and the nonce of its own scripts and styles."""
    return {
        "project_name": settings.PROJECT_NAME,
        "project_description": settings.PROJECT_DESCRIPTION,
{% if cookiecutter.__django < "6" %}
        "csp_nonce": getattr(request, "csp_nonce", ""),
{% endif %}
    }
