from __future__ import annotations

from allauth.account import auth_backends

from .models import User

# Each request of a signed-in user needs this query. The ORM would build its SQL anew each time.
SQL = "SELECT * FROM users_user WHERE id = %s"


class AuthenticationBackend(auth_backends.AuthenticationBackend):  # type: ignore[misc]
    """Signs in as django-allauth does, and finds the user of a session by a fixed query."""

    def get_user(self, user_id: int) -> User | None:
        """Return the user with this primary key, or None if there is none who is active."""
        user: User | None = next(iter(User.objects.raw(SQL, [user_id])), None)
        return user if user and self.user_can_authenticate(user) else None
