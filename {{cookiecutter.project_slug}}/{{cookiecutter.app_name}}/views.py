from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import permissions, serializers

from {{ cookiecutter.project_slug }}.api.viewsets import ModelViewSet
from {{ cookiecutter.project_slug }}.views import (
    CreateView,
    CursorListView,
    DeleteView,
    SuccessMessageMixin,
    UpdateView,
)

from .forms import ItemForm
from .models import Item, ItemQuerySet
from .serializers import ItemSerializer


class VisibleItemsMixin(LoginRequiredMixin):
    """Limits a view to the items that the user may see; all others answer 404."""

    request: HttpRequest

    def get_queryset(self) -> ItemQuerySet:
        return Item.objects.visible_to(self.request.user)


class ItemListView(VisibleItemsMixin, CursorListView):
    ordering = "-created_at"
    paginate_by = 20
{% if cookiecutter.interface == "ASGI" %}
    template_name = "{{ cookiecutter.app_name }}/item_list_live.html"
{% else %}
    template_name = "{{ cookiecutter.app_name }}/item_list.html"
{% endif %}


class ItemCreateView(LoginRequiredMixin, SuccessMessageMixin, CreateView):
    model = Item
    form_class = ItemForm
    success_url = reverse_lazy("item_list")
    success_message = _("“%(object)s” was created.")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "instance": self.model(owner=self.request.user)}


class ItemUpdateView(VisibleItemsMixin, SuccessMessageMixin, UpdateView):
    form_class = ItemForm
    success_url = reverse_lazy("item_list")
    success_message = _("“%(object)s” was saved.")


class ItemDeleteView(VisibleItemsMixin, SuccessMessageMixin, DeleteView):
    success_url = reverse_lazy("item_list")
    success_message = _("The item was deleted.")


class ItemViewSet(ModelViewSet):
    """The items of the signed-in user."""

    serializer_class = ItemSerializer
    permission_classes = [permissions.IsAuthenticated]
    filterset_fields = {"created_at": ["gte", "lt"], "updated_at": ["gte", "lt"]}
    search_fields = ["name", "description"]
    ordering_fields = ["created_at", "name"]
    ordering = ["-created_at"]

    def get_queryset(self) -> ItemQuerySet:
        return Item.objects.visible_to(self.request.user)

    def perform_create(self, serializer: serializers.BaseSerializer) -> None:
        serializer.save(owner=self.request.user)
