"""Serializers that take exactly what the description of the API says."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from rest_framework import exceptions, parsers, serializers


def integer_range(field: models.Field) -> tuple[int, int]:
    """Return what PostgreSQL stores; what another database takes, and its own limits, would be other ones."""
    return BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]


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
            low, high = integer_range(model_field)
            kwargs["min_value"] = max(low, kwargs.get("min_value", low))
            kwargs["max_value"] = min(high, kwargs.get("max_value", high))
        return field_class, kwargs


def takes_files(view: Any) -> bool:
    """Tell whether the serializer of a view has a field for a file."""
    fields = view.get_serializer().fields.values() if hasattr(view, "get_serializer") else []
    return any(
        isinstance(part, serializers.FileField) for field in fields for part in (field, getattr(field, "child", None))
    )


class FileParser(parsers.MultiPartParser):
    """Takes forms with files, where the view has a field for one; all other views take JSON alone."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        if not takes_files(parser_context["view"]):
            raise exceptions.UnsupportedMediaType(str(media_type))
        return super().parse(stream, media_type, parser_context)
