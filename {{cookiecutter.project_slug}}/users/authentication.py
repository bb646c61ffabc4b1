from __future__ import annotations

from datetime import timedelta
from typing import cast

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.utils import has_verified_email
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import authentication, exceptions

from .models import Token, User, digest


class TokenAuthentication(authentication.TokenAuthentication):
    """Signs in with the header `Authorization: Token <token>`."""

    def authenticate_credentials(self, key: str) -> tuple[User, Token]:
        token = Token.objects.valid().select_related("user").filter(digest=digest(key)).first()
        if token is None or not token.user.is_active or token.password != digest(token.user.password):
            raise exceptions.AuthenticationFailed(_("Invalid token."))
        now = timezone.now()
        # Not for each request, which would then wait for the database to write.
        if not token.last_used_at or now - token.last_used_at > timedelta(minutes=1):
            Token.objects.filter(pk=token.pk).update(last_used_at=now)
        return token.user, token


def check_password(request: HttpRequest, login: str, password: str, code: str | None = None) -> User:
    """
    Return the user who signs in with these values.

    Raises AuthenticationFailed for a wrong name or password. Raises PermissionDenied if the pages would not sign in
    with a password alone: the address is not verified, or the code of the second factor is missing or wrong.
    """
    credentials = {User.USERNAME_FIELD: login, "password": password}
    user = cast("User | None", get_adapter().authenticate(request, **credentials))
    if user is None or not user.is_active:
        raise exceptions.AuthenticationFailed
    if app_settings.EMAIL_VERIFICATION == "mandatory" and not has_verified_email(user):
        raise exceptions.PermissionDenied(_("Verify your email address first: sign in on the page."))
    if is_mfa_enabled(user) and not AuthenticateForm({"code": code}, user=user).is_valid():
        raise exceptions.PermissionDenied(_("The code of the second factor is missing or wrong."))
    get_adapter().remember_address(user)
    return user
