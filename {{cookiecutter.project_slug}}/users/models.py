from __future__ import annotations

import hashlib
import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
{% if cookiecutter.login == "email" %}
from django.db.models.functions import Upper
{% endif %}
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .managers import UserManager


class User(AbstractUser):
{% if cookiecutter.login == "email" %}
    """Someone who signs in with their email address, in upper or lower case."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("email address"), unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()  # type: ignore[assignment, misc]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            # Upper, not Lower, so that PostgreSQL uses this index for `iexact` too.
            models.UniqueConstraint(
                Upper("email"),
                name="users_user_email_upper_key",
                violation_error_message=_("User with this Email address already exists."),
            ),
        ]
{% else %}
    """Someone who signs in with a user name."""

    objects = UserManager()  # type: ignore[misc]
{% endif %}

    def clean(self) -> None:
        super().clean()
        others = EmailAddress.objects.exclude(user=self.pk)
        if others.filter(email=self.email.lower(), verified=True).exists():
            raise ValidationError(_("Another account has this email address."))

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the user; the tokens of a deactivated one end."""
        super().save(*args, **kwargs)
        if not self.is_active:
            self.tokens.all().delete()

    def vouch_for_email(self) -> None:
        """
        Make the user's address their only one, verified without a mail, because somebody who may decide it knows it.

        Raises ValidationError if another account has the address.
        """
        self.clean()
        EmailAddress.objects.filter(user=self).delete()
        if self.email:
            EmailAddress.objects.create(user=self, email=self.email.lower(), primary=True, verified=True)


def digest(text: str) -> str:
    """Return the SHA-256 of a text, as 64 characters."""
    return hashlib.sha256(text.encode()).hexdigest()


def expiry() -> Any:
    return timezone.now() + settings.TOKEN_LIFETIME


class TokenQuerySet(models.QuerySet["Token"]):
    def valid(self) -> TokenQuerySet:
        return self.filter(expires_at__gt=timezone.now())

    def issue(self, user: User, name: str) -> tuple[Token, str]:
        """Save a new token, and return it with its text, which is not stored."""
        text = secrets.token_urlsafe(32)
        return self.create(user=user, name=name, digest=digest(text), password=digest(user.password)), text


class Token(models.Model):
    """Lets a program use the API as its user, until it expires or the password changes."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    password = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"), default=expiry)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name
