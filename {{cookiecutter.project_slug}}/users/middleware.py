from __future__ import annotations

import logging

from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from requests import RequestException

logger = logging.getLogger(__name__)

# What django-allauth raises if a provider is down, or if its answer lacks a value or has one of another type.
ERRORS = (RequestException, AttributeError, LookupError, TypeError, ValueError)


class SocialErrorMiddleware(MiddlewareMixin):
    """
    Logs an error and shows a page if another site that signs in users does not answer as it should.

    The pages of a site that is not in the settings do not exist.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, SocialApp.DoesNotExist):
            raise Http404 from exception
        match = request.resolver_match
        module = match.func.__module__ if match else ""
        if isinstance(exception, ERRORS) and module.startswith("allauth.socialaccount.providers."):
            logger.error("Signing in with another site failed.", exc_info=exception)
            return render_authentication_error(request, None, exception=exception)  # type: ignore[no-any-return]
        return None
