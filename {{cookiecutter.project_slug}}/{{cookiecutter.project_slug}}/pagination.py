from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework import exceptions, pagination


class CursorPagination(pagination.CursorPagination):
    """Pages that cost the same however deep they are."""

    ordering = "-pk"
    # Where more rows than this have equal values, their pages repeat: REST framework's own 1,000 are soon reached.
    offset_cutoff = 1_000_000

    def get_ordering(self, request, queryset, view):
        ordering = super().get_ordering(request, queryset, view)
        # Rows of equal values need an order too.
        return (*ordering, "-pk" if ordering[0].startswith("-") else "pk")

    def paginate_queryset(self, queryset, request, view=None):
        try:
            return super().paginate_queryset(queryset, request, view)
        # A made-up cursor can hold any text as position, and any number as offset.
        except (DataError, OverflowError, ValidationError, ValueError) as error:
            raise exceptions.NotFound(self.invalid_cursor_message) from error
