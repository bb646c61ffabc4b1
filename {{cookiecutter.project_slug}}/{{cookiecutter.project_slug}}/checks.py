"""Add to Django's system checks: the production settings, and the orderings of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, InterfaceError, NotSupportedError, connection
from django.urls import get_resolver

from {{ cookiecutter.project_slug }}.environment import env


def production_check(check: Callable[[], Iterator[CheckMessage]]) -> Callable[[], Iterator[CheckMessage]]:
    """Register a check, which is a generator of messages. It does not run when DEBUG is on."""

    def run(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
        return [] if env["DEBUG"] else list(check())

    register(run)
    return check


@production_check
def hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS contains *: an attacker can make the links in emails point to another host.",
            hint="List the host names of the site.",
            id="project.W001",
        )


@production_check
def proxies() -> Iterator[CheckMessage]:
    if settings.TRUSTED_PROXIES is None:
        yield Warning(
            "TRUSTED_PROXIES is not set: behind a proxy, all clients share its IP address, and HTTPS is not detected.",
            hint="Set it to the number of proxies in front of the server, or to 0.",
            id="project.W002",
        )


@production_check
def shared_memory() -> Iterator[CheckMessage]:
    if settings.WEB_CONCURRENCY > 1 and not settings.REDIS_URL:
        yield Warning(
            "REDIS_URL is not set and WEB_CONCURRENCY is above 1: the processes do not share the cache, the counts of"
            " requests and the live updates.",
            hint="Set REDIS_URL.",
            id="project.W003",
        )


@production_check
def database_version() -> Iterator[CheckMessage]:
    try:
        connection.ensure_connection()
    except NotSupportedError as error:
        yield Error(f"Django does not support this version of the database: {error}", id="project.E001")
    # A database that does not answer is reported by /readyz.
    except (DatabaseError, InterfaceError) as error:
        if "unsupported startup parameter" in str(error):
            yield Error("DATABASE_URL points to a pooler.", hint="Set DATABASE_POOLER to True.", id="project.E002")


@production_check
def second_factors() -> Iterator[CheckMessage]:
    staff = get_user_model().objects.filter(is_active=True, is_staff=True, authenticator=None)
    try:
        names = sorted(user.get_username() for user in staff)
    # Before the first migration, or when the database does not answer.
    except (DatabaseError, InterfaceError):
        return
    if names:
        yield Warning(
            f"These accounts can use the admin without a second factor: {', '.join(names)}.",
            hint="Add one on the page of the account. ADMIN_REQUIRES_MFA in the settings makes it required.",
            id="project.W005",
        )


def has_many(model: Any, path: str) -> bool:
    """Return whether a path such as `tags__name` leads from one object of a model to several others."""
    try:
        for name in path.lstrip("-").split("__"):
            field = model._meta.get_field(name)
            if field.many_to_many or field.one_to_many:
                return True
            model = field.related_model
    # The path contains pk, an annotation or a transform such as `year`.
    except (AttributeError, FieldDoesNotExist):
        pass
    return False


def api_views(patterns: Any) -> Iterator[Any]:
    """Yield the class of each REST framework view in these URL patterns."""
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from api_views(pattern.url_patterns)
        elif hasattr(pattern.callback, "cls"):
            yield pattern.callback.cls


@register
def orders(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for view in dict.fromkeys(api_views(get_resolver().url_patterns)):
        model = getattr(getattr(getattr(view, "serializer_class", None), "Meta", None), "model", None)
        names = getattr(view, "ordering_fields", None)
        for name in names if isinstance(names, (list, tuple)) else ():
            if has_many(model, name):
                found.append(
                    Error(
                        f"{view.__name__}.ordering_fields contains {name!r}, which lists an object several times.",
                        hint="Use a field of the model, or of a single related object.",
                        id="project.E003",
                    )
                )
    return found
