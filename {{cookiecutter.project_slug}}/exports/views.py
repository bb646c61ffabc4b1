from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import ListView, View
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import decorators, exceptions, mixins, permissions, renderers, serializers, viewsets
from rest_framework.request import Request

from {{ cookiecutter.project_slug }}.celery import app
from {{ cookiecutter.project_slug }}.views import DeleteView

from .models import Export, ExportQuerySet, State
from .serializers import ExportSerializer
from .tasks import MAX_EXPORTS, start_export


def too_many() -> str:
    return gettext("You have %(count)s exports. Delete one first.") % {"count": MAX_EXPORTS}


class Download(FileResponse):
    """Sends a file in pieces over ASGI too, where Django would read all of it into memory."""

    block_size = 64 * 1024

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self)
        while (piece := await sync_to_async(lambda: next(pieces, None))()) is not None:
            yield piece


def download(export: Export) -> Download:
    try:
        file = storages["exports"].open(export.file_name)
    except FileNotFoundError as error:
        raise Http404(gettext("The file was deleted.")) from error
    return Download(file, as_attachment=True, filename="items.csv", content_type="text/csv; charset=utf-8")


class OwnExportsMixin(LoginRequiredMixin):
    """Limits a view to the exports of the signed-in user; all others answer 404."""

    request: HttpRequest

    def get_queryset(self) -> ExportQuerySet:
        return Export.objects.visible_to(self.request.user)


class ExportListView(OwnExportsMixin, ListView):
    template_name = "exports/export_list_{{ cookiecutter.__updates }}.html"


class ExportCreateView(LoginRequiredMixin, View):
    def post(self, request: HttpRequest) -> HttpResponse:
        if not start_export(request.user):
            messages.error(request, too_many())
        elif app.conf.task_always_eager:
            messages.success(
                request, gettext("The export is done. Without a broker, it did not run in the background.")
            )
        else:
            messages.success(request, gettext("The export has started."))
        return redirect("export_list")


class ExportFileView(OwnExportsMixin, View):
    def get(self, request: HttpRequest, pk: int) -> Download:
        return download(get_object_or_404(self.get_queryset(), pk=pk, state=State.DONE))


class ExportDeleteView(OwnExportsMixin, SuccessMessageMixin, DeleteView):
    http_method_names = ["post"]
    success_url = reverse_lazy("export_list")
    success_message = _("The export was deleted.")


class CSVRenderer(renderers.BaseRenderer):
    """Lets a client ask for text/csv."""

    media_type = "text/csv"
    format = "csv"


class ExportViewSet(
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet,
):
    """The exports of the signed-in user."""

    serializer_class = ExportSerializer
    permission_classes = [permissions.IsAuthenticated]
    filterset_fields = {"state": ["exact"]}
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]

    def get_queryset(self) -> ExportQuerySet:
        return Export.objects.visible_to(self.request.user)

    @extend_schema(request=None)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Start an export. Its file is there as soon as its state is `done`."""
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: serializers.BaseSerializer) -> None:
        serializer.instance = start_export(self.request.user)
        if serializer.instance is None:
            raise exceptions.Throttled(detail=too_many())

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @decorators.action(detail=True, renderer_classes=[CSVRenderer, renderers.JSONRenderer], pagination_class=None)
    def file(self, request: Request, pk: str) -> Download:
        """Get the file of an export that is done."""
        export = self.get_object()
        if export.state != State.DONE:
            raise Http404(gettext("The export is not done."))
        return download(export)
