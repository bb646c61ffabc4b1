"""Check the constraints of the database in forms, so that the user sees an error message."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model


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


class ModelForm(forms.ModelForm):
    """Also checks constraints on fields that the view sets, such as the owner."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            for name, errors in constraint_errors(self.instance, self.fields).items():
                self.add_error(name, errors)
