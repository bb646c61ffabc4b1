"""Serializers that take exactly what the description of the API says."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from rest_framework import exceptions, parsers, serializers


class JSONParser(parsers.JSONParser):
    """Refuses JSON that is nested too deeply, on which REST framework's own fails."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise exceptions.ParseError("JSON parse error - It is nested too deeply.") from error


class TextField(serializers.CharField):
    """Text as it was sent: a number is not made into it, white space around it stays, white space alone is refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)
        # The description takes its pattern from here; PostgreSQL stores no NUL.
        self.validators.append(RegexValidator(r"^\s*[^\s\x00][^\x00]*$", "This field may not be blank.", "blank"))

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class ModelSerializer(serializers.ModelSerializer):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
    }

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if issubclass(field_class, serializers.IntegerField) and "read_only" not in kwargs:
            # Those of PostgreSQL: what another database takes, and its own limits, would be other ones.
            low, high = BaseDatabaseOperations.integer_field_ranges[model_field.get_internal_type()]
            kwargs["min_value"] = max(low, kwargs.get("min_value", low))
            kwargs["max_value"] = min(high, kwargs.get("max_value", high))
        return field_class, kwargs
