"""Check the constraints of the database in forms, and offer only the related objects that the user may see."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model, Q


def constraint_errors(instance: Model, shown: Container[str]) -> dict[str, Any]:
    """
    Return a dict of field name -> errors for the unique fields and constraints of the model that an object violates.

    An error that concerns exactly one of the fields `shown` to the user belongs to that field. All other errors belong
    to NON_FIELD_ERRORS.
    """
    found: dict[str, Any] = {}
    for validate in instance.validate_unique, instance.validate_constraints:
        try:
            validate()
        except ValidationError as invalid:
            for field, errors in invalid.error_dict.items():
                for error in errors:
                    fields = (error.params or {}).get("unique_check", [field])
                    names = [name for name in fields if name in shown]
                    found.setdefault(names[0] if len(names) == 1 else NON_FIELD_ERRORS, []).append(error)
    return found


# SQLite stores microseconds in 64 bits.
MAX_DURATION = timedelta(microseconds=2**63 - 1)
DURATION_VALIDATORS = [MinValueValidator(-MAX_DURATION), MaxValueValidator(MAX_DURATION)]

NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")


def is_storable(value: Any) -> bool:
    """Return whether PostgreSQL can store a value as JSON: not NUL, half a surrogate pair, or an infinite number."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        return False
    return not NUL.search(text)


class JSONField(forms.JSONField):
    def to_python(self, value: Any) -> Any:
        try:
            value = super().to_python(value)
        except (ValueError, RecursionError) as error:
            # Python refuses long numbers and deep nesting.
            raise ValidationError(self.error_messages["invalid"], "invalid", {"value": ""}) from error
        if not is_storable(value):
            raise ValidationError(self.error_messages["invalid"], "invalid", {"value": ""})
        return value


class ModelForm(forms.ModelForm):
    """
    Also checks constraints on fields that the view sets, such as the owner.

    A field for related objects offers only those that `user` may see, if their queryset has a method `visible_to`.
    """

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        for field in fields.values():
            if type(field) is forms.JSONField:
                field.__class__ = JSONField
            elif isinstance(field, forms.DurationField):
                field.validators += DURATION_VALIDATORS
        limited = {name: field for name, field in fields.items() if hasattr(field, "queryset")}
        chosen = forms.model_to_dict(self.instance, limited)
        for name, field in limited.items():
            if hasattr(field.queryset, "visible_to"):
                visible = field.queryset.visible_to(user or AnonymousUser())
                keys = field.prepare_value(chosen.get(name))
                # An unchanged form keeps the objects that are already chosen, even if they are no longer visible.
                if keys:
                    kept = Q(**{f"{field.to_field_name or 'pk'}__in": keys if isinstance(keys, list) else [keys]})
                    visible = field.queryset.filter(Q(pk__in=visible.values("pk")) | kept)
                field.queryset = visible

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            for name, errors in constraint_errors(self.instance, self.fields).items():
                self.add_error(name, errors)
