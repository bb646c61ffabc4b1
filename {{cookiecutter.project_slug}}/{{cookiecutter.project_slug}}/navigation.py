"""The links to the pages of the apps, in the navigation of every page and on the home page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import get_resolver, reverse

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Link(NamedTuple):
    """A link for signed-in users, or for everybody if it is public."""

    view: str
    text: StrOrPromise
    is_public: bool = False


def all_links() -> list[Link]:
    """Return the lists `navigation` of the modules that the project's urls.py includes, in its order."""
    modules = [getattr(pattern, "urlconf_module", None) for pattern in get_resolver().url_patterns]
    return [link for module in modules for link in getattr(module, "navigation", [])]


def visible_links(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the links that the user of the request may see, for templates."""
    # A request that a middleware refuses has no user.
    user = getattr(request, "user", AnonymousUser())
    links = [(reverse(link.view), link) for link in all_links() if link.is_public or user.is_authenticated]
    return [{"url": url, "text": link.text, "is_current": url == request.path} for url, link in links]
