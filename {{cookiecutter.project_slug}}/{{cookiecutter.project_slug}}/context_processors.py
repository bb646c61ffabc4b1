from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from {{ cookiecutter.project_slug }}.navigation import visible_links


def project(request: HttpRequest) -> dict[str, Any]:
    """Add the project's name and description, and the links that the user may see, to the context of every template."""
    return {
        "project_name": settings.PROJECT_NAME,
        "project_description": settings.PROJECT_DESCRIPTION,
        # Called by the templates that show them.
        "navigation": partial(visible_links, request),
    }
