from typing import Any

from django.apps import AppConfig, apps
from django.core.cache import caches
from django.core.management import call_command
from django.db.models.signals import post_migrate
from django.utils.connection import ConnectionProxy
from django.utils.translation import gettext_lazy as _


def create_table(using: str, **kwargs: Any) -> None:
    call_command("createcachetable", "attempts", database=using, verbosity=0)


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("Users")

    def ready(self) -> None:
        from allauth.core.internal import ratelimit
        from allauth.mfa.totp.internal import auth

        # django-allauth has no setting for the cache of its limits and used codes.
        ratelimit.cache = auth.cache = ConnectionProxy(caches, "attempts")
        # An AdminConfig would change the line of INSTALLED_APPS below the project's own apps, so updates would conflict.
        admin: Any = apps.get_app_config("admin")
        admin.default_site = "users.admin_site.AdminSite"
        post_migrate.connect(create_table, sender=self)
