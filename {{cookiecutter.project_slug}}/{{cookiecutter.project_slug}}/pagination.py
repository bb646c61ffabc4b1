"""Pages that cost the same however long the list is."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.http import Http404
from django.views.generic import ListView
from rest_framework import exceptions, pagination
from rest_framework.request import Request
from rest_framework.views import APIView


class Row(Func):
    """Values to be compared one after the other, as in `(name, id) > ('Compass', 7)`, which an index answers."""

    template = "(%(expressions)s)"
    # Else Django would look for one type of all the values; nothing reads this one.
    output_field = BooleanField()


class CursorPagination(pagination.CursorPagination):
    """
    Pages that cost the same however deep they are.

    A cursor holds all values that the rows are ordered by, the primary key last, so that rows of equal values have
    an order too. REST framework's own cursor holds the first of them and counts the rows that have it.
    """

    ordering: Any = "-pk"
    cursor: Any
    page: Any

    def get_ordering(self, request: Request, queryset: QuerySet, view: APIView) -> tuple[str, ...]:
        ordering = super().get_ordering(request, queryset, view)
        if len({name.startswith("-") for name in ordering}) > 1:
            raise exceptions.ValidationError({"ordering": ["All fields must be ascending, or all descending."]})
        return (*ordering, "-pk" if ordering[0].startswith("-") else "pk")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.base_url = request.build_absolute_uri()
        self.cursor = self.decode_cursor(request) or pagination.Cursor(0, False, None)
        ordering = self.get_ordering(request, queryset, view)
        self.names = [name.lstrip("-") for name in ordering]
        descending = ordering[0].startswith("-") != self.cursor.reverse
        size: Any = self.get_page_size(request)
        try:
            rows = queryset.order_by(*(f"-{name}" if descending else name for name in self.names))
            if self.cursor.position is not None:
                beyond = LessThan if descending else GreaterThan
                rows = rows.filter(beyond(Row(*map(F, self.names)), self.position(queryset)))
            rows = list(rows[: size + 1])
        # A made-up cursor can hold anything.
        except (DataError, OverflowError, TypeError, ValidationError, ValueError) as error:
            raise exceptions.NotFound(self.invalid_cursor_message) from error
        self.has_more = len(rows) > size
        page: list[Any] = rows[:size]
        if self.cursor.reverse:
            page.reverse()
        self.page = page
        return page

    def position(self, queryset: QuerySet) -> Row:
        """Return the values of the cursor as a Row."""
        values = json.loads(self.cursor.position)
        fields = [F(name).resolve_expression(queryset.query).output_field for name in self.names]
        if len(values) != len(fields):
            raise ValueError("the cursor is of another order")
        return Row(*map(Value, map(str, values), fields))

    def get_next_link(self) -> str | None:
        return self.link(self.page[-1], reverse=False) if self.page and (self.cursor.reverse or self.has_more) else None

    def get_previous_link(self) -> str | None:
        before = self.has_more if self.cursor.reverse else self.cursor.position is not None
        return self.link(self.page[0], reverse=True) if self.page and before else None

    def link(self, instance: Model, reverse: bool) -> str:
        position = json.dumps([str(getattr(instance, name)) for name in self.names])
        return self.encode_cursor(pagination.Cursor(0, reverse, position))  # type: ignore[arg-type]


class CursorListView(ListView):
    """
    A list whose pages have a cursor in place of a number, as those of the API have, in the order of `ordering`.

    Its template finds the addresses of the pages beside this one in `page_obj.previous` and `page_obj.next`.
    """

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        paginator = CursorPagination()
        paginator.page_size = page_size
        paginator.ordering = self.get_ordering() or paginator.ordering
        try:
            page = paginator.paginate_queryset(queryset, Request(self.request))
        except exceptions.NotFound as error:
            raise Http404(str(error)) from error
        if not page and paginator.cursor.position is not None:
            raise Http404("There is nothing beyond this cursor any more.")
        # An address with a host, as in the API, would depend on what a proxy tells.
        paginator.base_url = self.request.get_full_path()
        page_obj = {"previous": paginator.get_previous_link(), "next": paginator.get_next_link()}
        return paginator, page_obj, page, any(page_obj.values())
