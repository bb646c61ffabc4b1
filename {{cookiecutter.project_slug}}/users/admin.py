from __future__ import annotations

from importlib import import_module
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest
{% if cookiecutter.login == "email" %}
from django.utils.translation import gettext_lazy as _
{% endif %}

from .models import Token, User

# What django-allauth registers has secrets, and lets staff take over the accounts of others.
for app in "account", "mfa", "socialaccount", "usersessions":
    import_module(f"allauth.{app}.admin")
admin.site.unregister([EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken, UserSession])


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Keeps staff who are not superusers from granting rights and from changing superusers' accounts."""

    # In production, nobody signs in without an address.
    add_fields = [User.USERNAME_FIELD, *User.REQUIRED_FIELDS, "password1", "password2"]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": add_fields})]
{% if cookiecutter.login == "email" %}
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        (_("Personal info"), {"fields": ["first_name", "last_name"]}),
        (_("Permissions"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Important dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    list_display = ["email", "first_name", "last_name", "is_staff"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
{% endif %}

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        rights = ["is_staff", "is_superuser", "groups", "user_permissions"]
        return fields if request.user.is_superuser else [*fields, *rights]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save the user. Whoever enters an address here vouches for it."""
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            obj.vouch_for_email()

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may_change = super().has_change_permission(request, obj)
        return may_change and (request.user.is_superuser or obj is None or not obj.is_superuser)


class UnchangeableAdmin(admin.ModelAdmin):
    list_select_related = ["user"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Token)
class TokenAdmin(UnchangeableAdmin):
    """Lists tokens, which staff can revoke but not create."""

    list_display = ["name", "user", "created_at", "last_used_at", "expires_at"]


@admin.register(Authenticator)
class AuthenticatorAdmin(UnchangeableAdmin):
    """Lists second factors. A superuser can delete those of somebody who has lost them."""

    list_display = ["type", "user", "created_at", "last_used_at"]
    fields = ["type", "user", "created_at", "last_used_at"]
    search_fields = [f"user__{User.USERNAME_FIELD}"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser
