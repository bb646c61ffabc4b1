from django.contrib.auth.models import BaseUserManager


class UserManager(BaseUserManager):
    """Creates and finds users by their email address."""

    def get_by_natural_key(self, email):
        """Return the user who signs in with `email`, whatever its case."""
        return self.get(email__iexact=email)

    def create_user(self, email, password=None, **fields):
        """Save and return a user; without a password nobody can sign in as them."""
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        """Save and return a user who may do everything."""
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})
