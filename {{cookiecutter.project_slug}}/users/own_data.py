"""Collect what the project has on a user, and delete it with the account."""

from __future__ import annotations

import re
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.auth import logout
from django.db import models, transaction
from django.db.models import ProtectedError, Q, RestrictedError
from django.http import HttpRequest
from django.utils.encoding import is_protected_type
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from rest_framework import exceptions

from .models import User

# Fields that are not given out: those whose name says that they hold a secret, and some others.
SECRET = re.compile("(.*_)?(password|secret|token|digest|hash|key)(_.*)?")
OTHER_SECRETS = ["mfa.Authenticator.data"]

# Newer versions of Django also have a CASCADE of the database.
CASCADES = [models.CASCADE, getattr(models, "DB_CASCADE", models.CASCADE)]


class Refused(exceptions.APIException):
    """Says why an account cannot be deleted."""

    status_code = 409


def relations(model: type[models.Model]) -> list[Any]:
    """Return the relations of foreign keys to a model, also of the tables of many-to-many fields."""
    found = model._meta.get_fields(include_hidden=True)
    return [field for field in found if field.auto_created and (field.one_to_many or field.one_to_one)]


def lookups() -> dict[type[models.Model], list[str]]:
    """
    Return a dict of model -> the lookups by which its objects belong to a user.

    An object belongs to the user in its foreign key. If a model has several foreign keys to users, only those with
    on_delete=CASCADE count: another one may be the user who approved it. An object without a foreign key to a user,
    such as the line of an order, belongs to the user of the order, if it is deleted with the order.
    """
    found: dict[type[models.Model], list[str]] = {User: ["pk"]}
    direct = relations(User)
    owned = {relation.related_model for relation in direct if relation.on_delete in CASCADES}
    for relation in direct:
        if relation.on_delete in CASCADES or relation.related_model not in owned:
            found.setdefault(relation.related_model, []).append(relation.field.name)
    known, queue = set(found), list(found)
    for parent in queue:
        for relation in relations(parent):
            model = relation.related_model
            if relation.on_delete in CASCADES and model not in known:
                if model not in found:
                    queue.append(model)
                paths = [f"{relation.field.name}__{path}" for path in found[parent]]
                found.setdefault(model, []).extend(paths)
    return found


def values(instance: models.Model) -> dict[str, Any]:
    """Return a dict of field -> value of an object, as Django serializes it, without secrets."""
    found = {}
    meta: Any = instance._meta
    for field in meta.local_concrete_fields:
        if not SECRET.fullmatch(field.name) and f"{meta.label}.{field.name}" not in OTHER_SECRETS:
            value = field.value_from_object(instance)
            found[field.name] = value if is_protected_type(value) else field.value_to_string(instance)
    return found


def own_data(user: Any) -> dict[str, list[dict[str, Any]]]:
    """Return all that the database has on a user, as a dict of model -> objects. Files are given as their names."""
    data = {}
    for model, paths in lookups().items():
        mine = Q(*((path, user.pk) for path in paths), _connector=Q.OR)
        objects = model._base_manager.filter(mine).order_by("pk")
        if found := [values(instance) for instance in objects.iterator()]:
            data[model._meta.label] = found
    return data


def delete_account(request: HttpRequest) -> None:
    """Delete the signed-in user and what belongs to them, end their sessions, and tell them by mail, or raise Refused."""
    user: Any = request.user
    address = user.email
    superusers = User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk")
    try:
        with transaction.atomic():
            if user.is_superuser and [other.pk for other in superusers] == [user.pk]:
                raise Refused(_("You are the only superuser. Make another user a superuser first."))
            for session in UserSession.objects.filter(user=user):
                session.end()
            user.delete()
    except (ProtectedError, RestrictedError) as error:
        objects = error.args[1]
        kinds = get_text_list(sorted({str(each._meta.verbose_name_plural) for each in objects}), _("and"))
        raise Refused(_("Your account cannot be deleted because of its %(kinds)s.") % {"kinds": kinds}) from error
    logout(request)
    if address:
        get_adapter().send_notification_mail("users/email/account_deleted", user, email=address)
