from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from rest_framework.routers import SimpleRouter

from {{ cookiecutter.project_slug }}.navigation import Link

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

navigation = [Link("export_list", _("Exports"))]
