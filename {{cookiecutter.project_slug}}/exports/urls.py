from django.urls import include, path
from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter()
router.register("exports", views.ExportViewSet, basename="api-export")

urlpatterns = [
    path("exports/", views.ExportListView.as_view(), name="export_list"),
    path("exports/add/", views.ExportCreateView.as_view(), name="export_add"),
    path("exports/<int:pk>/file/", views.ExportFileView.as_view(), name="export_file"),
    path("exports/<int:pk>/delete/", views.ExportDeleteView.as_view(), name="export_delete"),
    path("api/v1/", include(router.urls)),
]
