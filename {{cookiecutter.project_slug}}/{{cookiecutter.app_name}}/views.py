from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import permissions, serializers, viewsets

from {{ cookiecutter.project_slug }}.views import CreateView, CursorListView, DeleteView, UpdateView

from .forms import ItemForm
from .models import Item, ItemQuerySet
from .serializers import ItemSerializer


class OwnItemsMixin(LoginRequiredMixin):
    """Limits a view to the items of the signed-in user; all others answer 404."""

    request: HttpRequest

    def get_queryset(self) -> ItemQuerySet:
        return Item.objects.owned_by(self.request.user)


class ItemListView(OwnItemsMixin, CursorListView):
    ordering = "-created_at"
    paginate_by = 20
    template_name = "{{ cookiecutter.app_name }}/{{ cookiecutter.__item_list }}.html"


class ItemCreateView(LoginRequiredMixin, SuccessMessageMixin, CreateView):
    model = Item
    form_class = ItemForm
    success_url = reverse_lazy("item_list")
    success_message = _("“%(name)s” was created.")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "instance": self.model(owner=self.request.user)}


class ItemUpdateView(OwnItemsMixin, SuccessMessageMixin, UpdateView):
    form_class = ItemForm
    success_url = reverse_lazy("item_list")
    success_message = _("“%(name)s” was saved.")


class ItemDeleteView(OwnItemsMixin, SuccessMessageMixin, DeleteView):
    success_url = reverse_lazy("item_list")
    success_message = _("The item was deleted.")


class ItemViewSet(viewsets.ModelViewSet):
    """The items of the signed-in user."""

    serializer_class = ItemSerializer
    permission_classes = [permissions.IsAuthenticated]
    filterset_fields = {"created_at": ["gte", "lt"], "updated_at": ["gte", "lt"]}
    search_fields = ["name", "description"]
    ordering_fields = ["created_at", "name"]
    ordering = ["-created_at"]

    def get_queryset(self) -> ItemQuerySet:
        return Item.objects.owned_by(self.request.user)

    def perform_create(self, serializer: serializers.BaseSerializer) -> None:
        serializer.save(owner=self.request.user)
