"""Filter and order the lists of the API, and refuse unknown query parameters."""

from __future__ import annotations

from typing import Any

from django.db.models import DecimalField, DurationField, Field, ForeignKey, IntegerField, ManyToManyField, QuerySet
from django.utils.translation import gettext
from django_filters import rest_framework
from django_filters.widgets import SuffixedMultiWidget
from rest_framework import exceptions, filters
from rest_framework.request import Request
from rest_framework.settings import api_settings

from {{ cookiecutter.project_slug }}.api.serializers import integer_range
from {{ cookiecutter.project_slug }}.forms import DURATION_VALIDATORS


class FilterSet(rest_framework.FilterSet):  # type: ignore[misc]
    @classmethod
    def filter_for_field(cls, field: Field, field_name: str, lookup_expr: str | None = None) -> Any:
        # Filters a relation by its key alone: an error for an unknown key would reveal which keys exist.
        while isinstance(field, (ForeignKey, ManyToManyField)):
            field = field.target_field
        found = super().filter_for_field(field, field_name, lookup_expr)
        if isinstance(found, rest_framework.NumberFilter) and isinstance(field, IntegerField):
            found.extra["min_value"], found.extra["max_value"] = integer_range(field)
        elif isinstance(found, rest_framework.NumberFilter) and isinstance(field, DecimalField):
            found.extra["max_digits"], found.extra["decimal_places"] = field.max_digits, field.decimal_places
        elif isinstance(field, DurationField):
            found.extra["validators"] = DURATION_VALIDATORS
        return found


class FilterBackend(rest_framework.DjangoFilterBackend):  # type: ignore[misc]
    """
    Filters a list by the view's `filterset_fields` or `filterset_class`, and refuses unknown query parameters.

    `query_parameters` of a view lists further parameters, which its own code reads.
    """

    filterset_base = FilterSet
    filterset_classes: dict[Any, Any] = {}

    def get_filterset_class(self, view: Any, queryset: QuerySet | None = None) -> Any:
        if getattr(view, "filterset_class", None):
            return super().get_filterset_class(view, queryset)
        # django-filter builds a class from `filterset_fields` for each request.
        fields = repr(getattr(view, "filterset_fields", None))
        key = self.filterset_base, getattr(queryset, "model", None), fields
        if key not in self.filterset_classes:
            self.filterset_classes[key] = super().get_filterset_class(view, queryset)
        return self.filterset_classes[key]

    def get_filterset(self, request: Request, queryset: QuerySet, view: Any) -> Any:
        # Without parameters, there is nothing to filter and nothing to refuse.
        if not request.query_params and not getattr(view, "filterset_class", None):
            return None
        filterset = super().get_filterset(request, queryset, view)
        known = self.parameters(filterset, view)
        names = ", ".join(sorted(known))
        detail = gettext("Unknown parameter. The known ones are: %(names)s.") % {"names": names}
        unknown = {name: [detail] for name in request.query_params if name not in known}
        if unknown:
            raise exceptions.ValidationError(unknown, "unknown")
        return filterset

    def parameters(self, filterset: Any, view: Any) -> set[str]:
        """Return the names of all query parameters that the view, its filters and its paginator read."""
        names = {*getattr(view, "query_parameters", []), api_settings.URL_FORMAT_OVERRIDE}
        # REST framework keeps these names in attributes such as `search_param` and `cursor_query_param`.
        for reader in (*view.filter_backends, view.paginator):
            names |= {getattr(reader, name) for name in dir(reader) if name.endswith("_param")}
        for name, field in filterset.form.fields.items() if filterset else ():
            widget = field.widget
            suffixed = isinstance(widget, SuffixedMultiWidget)
            names |= {widget.suffixed(name, suffix) for suffix in widget.suffixes} if suffixed else {name}
        return names - {None}


class OrderingFilter(filters.OrderingFilter):
    """Orders a list by the view's `ordering_fields`, and refuses any other field."""

    def remove_invalid_fields(self, queryset: QuerySet, fields: Any, view: Any, request: Request) -> list[str]:
        valid = super().remove_invalid_fields(queryset, fields, view, request)
        if len(valid) < len(fields):
            names = ", ".join(str(name) for name, _ in self.get_valid_fields(queryset, view, {"request": request}))
            detail = gettext("Unknown field. The known ones are: %(names)s.") % {"names": names}
            raise exceptions.ValidationError({self.ordering_param: [detail]})
        return valid

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        names = getattr(view, "ordering_fields", None)
        if isinstance(names, (list, tuple)):
            known = "|".join(names)
            parameters[0]["schema"]["pattern"] = f"^(({known})(,({known}))*|-({known})(,-({known}))*)$"
        return parameters
