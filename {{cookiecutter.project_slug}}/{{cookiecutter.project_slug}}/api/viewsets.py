"""The base class for the views of the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response


class ModelViewSet(viewsets.ModelViewSet):
    """Lists rows of values instead of objects if the serializer shows only columns of the model."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows: Any = self.filter_queryset(self.get_queryset())
        columns: Any = getattr(self.get_serializer_class(), "column_fields", dict)()
        if columns and isinstance(rows, QuerySet):
            rows = rows.prefetch_related(None).values(*columns)
        page = self.paginate_queryset(rows)
        if page is None:
            return Response(self.get_serializer(rows, many=True).data)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
