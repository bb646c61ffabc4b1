from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from {{ cookiecutter.project_slug }}.views import DocsView, HomeView, media

admin.site.site_header = admin.site.site_title = settings.PROJECT_NAME

handler403 = "{{ cookiecutter.project_slug }}.views.permission_denied"
handler404 = "{{ cookiecutter.project_slug }}.views.page_not_found"
# django-allauth looks for this one.
handler429 = "{{ cookiecutter.project_slug }}.views.too_many_requests"

urlpatterns = [
{% for app in cookiecutter.__apps.split() %}
    path("", include("{{ app }}.urls")),
{% endfor %}
    # After the apps, so that one of them may have this path.
    path("", HomeView.as_view(), name="home"),
    path("accounts/", include("allauth.urls")),
    path(settings.ADMIN_URL, admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
    # With DEBUG only.
    *static(settings.MEDIA_URL, media, document_root=settings.MEDIA_ROOT),
]

if "debug_toolbar" in settings.INSTALLED_APPS:
    urlpatterns.append(path("__debug__/", include("debug_toolbar.urls")))
