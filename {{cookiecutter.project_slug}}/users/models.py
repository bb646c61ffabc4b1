from django.contrib.auth.models import AbstractUser
{% if cookiecutter.login == "email" %}
from django.db import models
from django.db.models.functions import Upper

from .managers import UserManager
{% endif %}


class User(AbstractUser):
{% if cookiecutter.login == "email" %}
    """Someone who signs in with their email address, in upper or lower case."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("email address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()  # type: ignore[assignment, misc]

    class Meta:
        constraints = [
            # Upper, not Lower, so that PostgreSQL uses this index for `iexact` too.
            models.UniqueConstraint(
                Upper("email"),
                name="users_user_email_upper_key",
                violation_error_message="User with this Email address already exists.",
            ),
        ]
{% else %}
    """Someone who signs in with a user name."""
{% endif %}
