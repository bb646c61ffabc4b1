from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.views.generic import ListView
from rest_framework import serializers, viewsets

from items.models import Item


class ItemListView(LoginRequiredMixin, ListView):
    paginate_by = 20

    def get_queryset(self):
        return Item.objects.filter(owner=self.request.user)


class ItemSerializer(serializers.ModelSerializer):
    class Meta:
        model = Item
        fields = ["id", "name", "description", "created_at", "updated_at"]


class ItemViewSet(viewsets.ModelViewSet):
    serializer_class = ItemSerializer

    def get_queryset(self):
        return Item.objects.filter(owner=self.request.user)

    def perform_create(self, serializer):
        serializer.save(owner=self.request.user)


def livez(request):
    return HttpResponse("ok", content_type="text/plain")
