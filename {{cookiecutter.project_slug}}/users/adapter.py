"""What this project changes in django-allauth."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import respond_429
from allauth.socialaccount import app_settings
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.core.cache import caches
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest

from {{ cookiecutter.project_slug }}.mail import attach_html

from .models import User, digest

# How long an address counts as one that a user signs in from, in seconds.
REMEMBERED = 90 * 24 * 60 * 60


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """
    Limits failed sign-ins, and adds HTML to mails.

    Too many failures lock an account, but not for the addresses from which its user has signed in before: there they
    count for the account and the address.
    """

    request: HttpRequest

    def key_of_known_address(self, account: str) -> str:
        return digest(f"{account} {self.get_client_ip(self.request)}")

    def remember_address(self, user: User) -> None:
        """Note that this user signs in from the address of the request."""
        caches["attempts"].set(self.key_of_known_address(user.get_username().upper()), True, REMEMBERED)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return the key under which the failures of these credentials count."""
        # PostgreSQL compares names in upper case.
        account = str(credentials.get(User.USERNAME_FIELD)).upper()
        known = self.key_of_known_address(account)
        return known if known in caches["attempts"] else account

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        self.remember_address(user)

    def set_password(self, user: User, password: str) -> None:
        """Set a new password. After a reset, forget the failures with the old one."""
        super().set_password(user, password)
        # Changing one's own password does not clear the failures from one's address with other accounts.
        if self.request.user.is_anonymous:
            self._delete_login_attempts_cached_email(self.request, **{User.USERNAME_FIELD: user.get_username()})

    def validation_error(self, code: str, *args: Any) -> Any:
        """Return the error of a form, or respond with 429 if there were too many attempts."""
        if code in ("too_many_login_attempts", "rate_limited"):
            raise ImmediateHttpResponse(respond_429(self.request))
        return super().validation_error(code, *args)

    def render_mail(self, prefix: str, email: str, context: dict[str, Any], **options: Any) -> EmailMultiAlternatives:
        """Return the mail as text and HTML, with the name of the project instead of the host."""
        context["current_site"].name = settings.PROJECT_NAME
        message: Any = super().render_mail(prefix, email, context, **options)
        return attach_html(message)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def list_apps(self, *args: Any, **kwargs: Any) -> Any:
        """Return the providers of the settings. Without any, the database is not asked."""
        return super().list_apps(*args, **kwargs) if app_settings.PROVIDERS else []
