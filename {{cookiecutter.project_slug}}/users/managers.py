from __future__ import annotations

from typing import TYPE_CHECKING, Any

{% if cookiecutter.login == "email" %}
from django.contrib.auth.models import BaseUserManager
{% else %}
from django.contrib.auth.models import UserManager as DjangoUserManager
{% endif %}
from django.db import transaction

if TYPE_CHECKING:
    from .models import User

{% if cookiecutter.login == "email" %}

class UserManager(BaseUserManager["User"]):
    """Creates and finds users by their email address."""

    def get_by_natural_key(self, email: str | None) -> User:
        """Return the user with this email address, in upper or lower case."""
        return self.get(email__iexact=email)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Save and return a user; without a password, nobody can sign in to the account."""
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    @transaction.atomic
    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Save and return a user with all permissions, whose address counts as verified."""
        user = self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})
        user.vouch_for_email()
        return user
{% else %}

class UserManager(DjangoUserManager["User"]):
    @transaction.atomic
    def create_superuser(self, *args: Any, **fields: Any) -> User:
        """Save and return a user with all permissions, whose address counts as verified."""
        user = super().create_superuser(*args, **fields)
        user.vouch_for_email()
        return user
{% endif %}
