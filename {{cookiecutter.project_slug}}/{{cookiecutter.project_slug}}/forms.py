"""Forms and views that show as an error what the database would refuse."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model


def constraint_errors(instance: Model, shown: Container[str]) -> dict[str, Any]:
    """
    Return what an object violates of the unique fields and constraints of its model, whoever sets their fields.

    An error that is about one field of those `shown` is told of that field, any other of the whole.
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


class ModelForm(forms.ModelForm):
    """A form that also checks the constraints with fields that the view has set, such as the owner."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            for name, errors in constraint_errors(self.instance, self.fields).items():
                self.add_error(name, errors)
