"""Say what deleting an object does to other objects."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Model, ProtectedError, QuerySet, RestrictedError
from django.db.models.deletion import Collector
from django.utils.translation import ngettext


def consequences(instance: Model) -> tuple[list[str], bool]:
    """Return sentences about the objects that refer to this one, and whether they forbid that it is deleted."""
    collector: Any = Collector(using=str(instance._state.db), origin=instance)
    try:
        collector.collect([instance])
    except ProtectedError as error:
        return [blocked(*item) for item in Counter(map(type, error.protected_objects)).items()], True
    except RestrictedError as error:
        return [blocked(*item) for item in Counter(map(type, error.restricted_objects)).items()], True
    deleted: Counter[Any] = Counter()
    changed: Counter[Any] = Counter()
    for model, found in collector.data.items():
        # The object itself has a row in the table of each of its models.
        deleted[model] += len(found) - isinstance(instance, model)
    for found in collector.fast_deletes:
        if not found.model._meta.auto_created:
            deleted[found.model] += found.count()
        elif source := referring(found.model, instance):
            changed[source] += found.count()
    for (field, _), groups in collector.field_updates.items():
        changed[field.model] += sum(found.count() if isinstance(found, QuerySet) else len(found) for found in groups)
    sentences = [is_deleted(model, count) for model, count in deleted.items() if count]
    return sentences + [is_changed(model, count) for model, count in changed.items() if count], False


def referring(through: Any, instance: Model) -> Any:
    """Return the model that has a many-to-many field with this table to the model of the object, or None."""
    source = through._meta.auto_created
    fields = [field for field in source._meta.local_many_to_many if field.remote_field.through is through]
    return source if isinstance(instance, fields[0].related_model) and not isinstance(instance, source) else None


def values(model: Any, count: int) -> dict[str, Any]:
    name = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
    return {"count": count, "name": name}


def is_deleted(model: Any, count: int) -> str:
    text = ngettext("%(count)d %(name)s is deleted too.", "%(count)d %(name)s are deleted too.", count)
    return text % values(model, count)


def is_changed(model: Any, count: int) -> str:
    text = ngettext("%(count)d %(name)s no longer refers to it.", "%(count)d %(name)s no longer refer to it.", count)
    return text % values(model, count)


def blocked(model: Any, count: int) -> str:
    text = ngettext(
        "It cannot be deleted while %(count)d %(name)s refers to it.",
        "It cannot be deleted while %(count)d %(name)s refer to it.",
        count,
    )
    return text % values(model, count)
