from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.urls import reverse

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "a different horse altogether"


def make_user(name="ada", verified=True, **fields):
    """Save and return a user with PASSWORD and an address such as ada@example.com."""
    User = get_user_model()
    values = {User.USERNAME_FIELD: name, "email": f"{name}@example.com", "password": PASSWORD, **fields}
    user = User.objects.create_user(**values)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
    return user


def sign_in(client, user, password=PASSWORD, **extra):
    """Send the form of the page, and return the response."""
    return client.post(reverse("account_login"), {"login": user.get_username(), "password": password}, **extra)


def confirm_password(client):
    """Authenticate again, as pages with secrets require."""
    return client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
