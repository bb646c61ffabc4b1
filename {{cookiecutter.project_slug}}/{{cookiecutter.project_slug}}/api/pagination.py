"""Paginate the lists of the API with cursors, at a cost that does not grow with the list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DataError
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value
from django.db.models.lookups import GreaterThan, IsNull, LessThan
from django.utils.translation import gettext
from rest_framework import exceptions, pagination
from rest_framework.request import Request
from rest_framework.views import APIView


class Row(Func):
    """A row of values in SQL, as in `(name, id) > ('Compass', 7)`: a comparison that an index supports."""

    template = "(%(expressions)s)"
    # Keeps Django from looking for a common type of the values; nothing reads this one.
    output_field: Any = BooleanField()


def can_be_null(model: Any, path: str) -> bool:
    """Return whether any field on a path such as `category__name` can be NULL."""
    try:
        for name in path.split("__"):
            field = model._meta.pk if name == "pk" else model._meta.get_field(name)
            if field.null:
                return True
            model = field.related_model
    # The path contains an annotation or a transform such as `year`.
    except (AttributeError, FieldDoesNotExist):
        return True
    return False


class CursorPagination(pagination.CursorPagination):
    """
    Paginates at the same cost however deep a page is.

    A cursor holds all values that the rows are ordered by. The primary key is the last of them, so that rows with
    equal values have an order too. REST framework's own cursor holds the first value, and counts the rows that share
    it. NULL is greater than any value, as in PostgreSQL.
    """

    ordering: Any = "-pk"
    cursor: Any
    page: Any

    def get_ordering(self, request: Request, queryset: QuerySet, view: APIView) -> tuple[str, ...]:
        ordering = super().get_ordering(request, queryset, view)
        if len({name.startswith("-") for name in ordering}) > 1:
            detail = gettext("All fields must be ascending, or all descending.")
            raise exceptions.ValidationError({"ordering": [detail]})
        return (*ordering, "-pk" if ordering[0].startswith("-") else "pk")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.base_url = request.build_absolute_uri()
        self.cursor = self.decode_cursor(request) or pagination.Cursor(0, False, None)
        ordering = self.get_ordering(request, queryset, view)
        descending = ordering[0].startswith("-") != self.cursor.reverse
        size: Any = self.get_page_size(request)
        # The names under which each row has the values it is ordered by, including those of related objects.
        names = {f"cursor_{index}": name.lstrip("-") for index, name in enumerate(ordering)}
        self.names = list(names)
        self.nullable = {name for name, path in names.items() if can_be_null(queryset.model, path)}
        queryset = queryset.annotate(**{name: F(path) for name, path in names.items()})
        rows: list[Any] = []
        try:
            for part in self.parts(queryset, descending):
                rows += part[: size + 1 - len(rows)]
                if len(rows) > size:
                    break
        # A forged cursor can contain anything.
        except (DataError, OverflowError, RecursionError, TypeError, ValidationError, ValueError) as error:
            raise exceptions.NotFound(self.invalid_cursor_message) from error
        self.has_more = len(rows) > size
        page = rows[:size]
        if self.cursor.reverse:
            page.reverse()
        self.page = page
        return page

    def parts(self, queryset: QuerySet, descending: bool) -> Iterator[QuerySet]:
        """Yield the rows after the cursor. If the first value can be NULL, yield them in two parts, with and without."""
        nulls: Any = {"nulls_first" if descending else "nulls_last": True}
        options = {name: nulls if name in self.nullable else {} for name in self.names}
        order = [F(name).desc(**options[name]) if descending else F(name).asc(**options[name]) for name in self.names]
        everything = beyond = queryset.order_by(*order)
        position = self.position(queryset)
        first = self.names[0]
        if position:
            left: list[Any] = []
            right: list[Any] = []
            for name, value in position.items():
                if name in self.nullable and name != first:
                    left.append(IsNull(F(name), True))
                    right.append(Value(value.value is None))
                # In SQL, NULL does not equal NULL.
                if value.value is not None:
                    left.append(F(name))
                    right.append(value)
            beyond = everything.filter((LessThan if descending else GreaterThan)(Row(*left), Row(*right)))
        if first not in self.nullable:
            yield beyond
            return
        for is_null in (descending, not descending):
            if position and (position[first].value is None) == is_null:
                yield beyond.filter(**{f"{first}__isnull": is_null})
            elif not position or is_null != descending:
                yield everything.filter(**{f"{first}__isnull": is_null})

    def position(self, queryset: QuerySet) -> dict[str, Value]:
        """Return the values of the cursor by name, or nothing if there is no cursor."""
        if self.cursor.position is None:
            return {}
        values = list(json.loads(self.cursor.position))
        if len(values) != len(self.names):
            raise ValueError("the cursor is of another order")
        found = {}
        for name in self.names:
            value, field = values.pop(0), queryset.query.annotations[name].output_field
            if value is None and name not in self.nullable:
                raise ValueError("the cursor is of another order")
            found[name] = Value(None if value is None else field.to_python(str(value)), field)
        return found

    def get_next_link(self) -> str | None:
        return self.link(self.page[-1], reverse=False) if self.page and (self.cursor.reverse or self.has_more) else None

    def get_previous_link(self) -> str | None:
        before = self.has_more if self.cursor.reverse else self.cursor.position is not None
        return self.link(self.page[0], reverse=True) if self.page and before else None

    def link(self, row: Model | dict[str, Any], reverse: bool) -> str:
        values = [row[name] if isinstance(row, dict) else getattr(row, name) for name in self.names]
        position = json.dumps([None if value is None else str(value) for value in values])
        return self.encode_cursor(pagination.Cursor(0, reverse, position))  # type: ignore[arg-type]

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        described: dict[str, Any] = super().get_paginated_response_schema(schema)
        for link in "next", "previous":
            # REST framework's example is not a valid URL.
            described["properties"][link].pop("example", None)
        return described
