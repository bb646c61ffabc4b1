from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from rest_framework.routers import SimpleRouter

from {{ cookiecutter.project_slug }}.navigation import Link

from . import views

router = SimpleRouter()
router.register("items", views.ItemViewSet, basename="api-item")

urlpatterns = [
    path("items/", views.ItemListView.as_view(), name="item_list"),
    path("items/add/", views.ItemCreateView.as_view(), name="item_add"),
    path("items/<int:pk>/", views.ItemUpdateView.as_view(), name="item_edit"),
    path("items/<int:pk>/delete/", views.ItemDeleteView.as_view(), name="item_delete"),
    path("api/v1/", include(router.urls)),
]

navigation = [Link("item_list", _("Items"))]
