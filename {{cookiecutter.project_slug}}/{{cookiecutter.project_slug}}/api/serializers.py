"""Accept exactly the input that the API's description allows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from copy import copy
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models.query_utils import DeferredAttribute
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext
from rest_framework import exceptions, parsers, serializers
from rest_framework.relations import PKOnlyObject
from rest_framework.settings import api_settings

from {{ cookiecutter.project_slug }}.forms import DURATION_VALIDATORS, constraint_errors, is_storable


def integer_range(field: models.Field) -> tuple[int, int]:
    """Return the lowest and highest integer that PostgreSQL can store in a field, even if the database is SQLite."""
    return BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]


class JSONParser(parsers.JSONParser):
    """Refuses JSON that is nested too deeply; REST framework's own parser raises RecursionError."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise exceptions.ParseError(gettext("JSON parse error - The value is nested too deeply.")) from error


# Languages disagree on what whitespace is: this pattern excludes the characters of all of them.
NOT_BLANK = r"^[\s\x01-\x1f\x85\ufeff]*[^\s\x00-\x1f\x85\ufeff][^\x00]*$"


class TextField(serializers.CharField):
    """Accepts only strings, keeps the whitespace around them, and refuses blank ones."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)
        # The API's description shows this pattern. PostgreSQL cannot store NUL.
        self.validators.append(RegexValidator(NOT_BLANK, self.default_error_messages["blank"], "blank"))

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class FloatField(serializers.FloatField):
    """Refuses infinite numbers, which JSON does not have."""

    def to_internal_value(self, data: Any) -> float:
        try:
            value = float(data)
        except (OverflowError, TypeError, ValueError):
            value = math.inf
        if not math.isfinite(value):
            self.fail("invalid")
        return super().to_internal_value(data)


class DateTimeField(serializers.DateTimeField):
    """Looks up the time zone once, not for each value of a list."""

    @cached_property
    def timezone(self) -> Any:  # type: ignore[override]
        return self.default_timezone()


class JSONField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        try:
            value = super().to_internal_value(data)
        except RecursionError:
            self.fail("invalid")
        if not is_storable(value):
            self.fail("invalid")
        return value


class RelatedField(serializers.PrimaryKeyRelatedField):
    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except OverflowError:
            self.fail("does_not_exist", pk_value=data)

    def to_representation(self, value: Any) -> Any:
        # A row of `values()` has the key itself.
        return super().to_representation(value if hasattr(value, "pk") else PKOnlyObject(value))


class ModelSerializer(serializers.ModelSerializer):
    serializer_related_field = RelatedField
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
        models.DateTimeField: DateTimeField,
        models.FloatField: FloatField,
        models.JSONField: JSONField,
    }

    # (class, name of the field, language) -> what build_standard_field returns. Labels depend on the language.
    standard_fields: ClassVar[dict[tuple[type, str, str | None], tuple[Any, dict[str, Any]]]] = {}

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        key = type(self), field_name, get_language()
        if key not in self.standard_fields:
            self.standard_fields[key] = self.new_standard_field(field_name, model_field)
        field_class, kwargs = self.standard_fields[key]
        # REST framework and subclasses change the arguments.
        return field_class, {name: [*value] if isinstance(value, list) else value for name, value in kwargs.items()}

    def new_standard_field(self, field_name: str, model_field: Any) -> Any:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if issubclass(field_class, serializers.IntegerField) and "read_only" not in kwargs:
            low, high = integer_range(model_field)
            kwargs["min_value"] = max(low, kwargs.get("min_value", low))
            kwargs["max_value"] = min(high, kwargs.get("max_value", high))
        if issubclass(field_class, serializers.DurationField) and "read_only" not in kwargs:
            kwargs["validators"] = [*kwargs.get("validators", []), *DURATION_VALIDATORS]
        return field_class, kwargs

    def get_fields(self) -> dict[str, Any]:
        """Offer only the related objects that the user may see, if their queryset has a method `visible_to`."""
        fields: dict[str, Any] = super().get_fields()
        user = getattr(self.context.get("request"), "user", None)
        for field in fields.values():
            relation = getattr(field, "child_relation", field)
            queryset: Any = getattr(relation, "queryset", None)
            if hasattr(queryset, "visible_to"):
                relation.queryset = queryset.visible_to(user) if user else queryset.none()
        return fields

    @classmethod
    @functools.cache
    def column_fields(cls) -> dict[str, serializers.Field]:
        """Return name -> field if each field shows a column of the model, or nothing if one needs the object."""
        meta: Any = cls.Meta
        own = {name for base in cls.__mro__[: cls.__mro__.index(ModelSerializer)] for name in vars(base)}
        if own & {"__init__", "__new__", "fields", "get_fields", "many_init", "to_representation"}:
            return {}
        kinds: set[Any] = {*cls.serializer_field_mapping.values(), serializers.ChoiceField, RelatedField}
        methods = {(kind.get_attribute, kind.to_representation) for kind in kinds - {serializers.ModelField}}
        fields = {str(field.field_name): field for field in cls()._readable_fields}
        for name, field in fields.items():
            if field.source != name or (type(field).get_attribute, type(field).to_representation) not in methods:
                return {}
        # The attribute of another column, such as a file, has another value than the column.
        columns = {
            column.name
            for column in meta.model._meta.concrete_fields
            if column.is_relation or column.descriptor_class is DeferredAttribute
        }
        # Without the primary key, DISTINCT would merge rows.
        is_complete = {meta.model._meta.pk.name} <= fields.keys() <= columns
        return fields if is_complete and not hasattr(meta, "list_serializer_class") else {}

    @cached_property
    def converters(self) -> dict[str, Callable[[Any], Any]]:
        # Copies, because a field keeps the time zone of its request.
        return {name: copy(field).to_representation for name, field in self.column_fields().items()}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Represent an object, or a row of `queryset.values(*column_fields())`."""
        if not isinstance(instance, dict) or not self.converters or not self.converters.keys() <= instance.keys():
            return super().to_representation(instance)
        return {
            name: None if (value := instance[name]) is None else convert(value)
            for name, convert in self.converters.items()
        }

    # Constraints are checked when saving: only then are the fields known that the view sets, such as the owner.
    def create(self, validated_data: Any) -> Any:
        meta: Any = self.Meta
        return self.save_within_constraints(meta.model(), validated_data, super().create)

    def update(self, instance: Any, validated_data: Any) -> Any:
        def update(data: Any) -> Any:
            return super(ModelSerializer, self).update(instance, data)

        return self.save_within_constraints(copy(instance), validated_data, update)

    def save_within_constraints(self, instance: Any, data: Any, save: Callable[[Any], Any]) -> Any:
        """Save the data, or raise ValidationError if it violates a constraint. `instance` is a copy to check."""
        columns = {name for field in instance._meta.concrete_fields for name in (field.name, field.attname)}
        for name in columns & data.keys():
            setattr(instance, name, data[name])
        self.check_constraints(instance)
        try:
            with transaction.atomic():
                return save(data)
        except IntegrityError:
            # If another request has just saved a duplicate, this finds it.
            self.check_constraints(instance)
            raise

    def check_constraints(self, instance: models.Model) -> None:
        names = {str(field.source): name for name, field in self.fields.items()}
        errors = {}
        for name, found in constraint_errors(instance, names).items():
            details = [exceptions.ErrorDetail(text, error.code) for error in found for text in error.messages]
            errors[names.get(name, api_settings.NON_FIELD_ERRORS_KEY)] = details
        if errors:
            raise serializers.ValidationError(errors)


def takes_files(view: Any) -> bool:
    """Return whether the serializer of a view has a file field."""
    # Without the request: its user is only known after the form with the CSRF token is parsed.
    fields = view.get_serializer(context={}).fields.values() if hasattr(view, "get_serializer") else []
    return any(
        isinstance(part, serializers.FileField) for field in fields for part in (field, getattr(field, "child", None))
    )


class FileParser(parsers.MultiPartParser):
    """Parses multipart forms for views with a file field; other views accept only JSON."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        if not takes_files(parser_context["view"]):
            raise exceptions.UnsupportedMediaType(str(media_type))
        return super().parse(stream, media_type, parser_context)
