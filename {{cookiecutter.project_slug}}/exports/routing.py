from django.urls import path

from {{ cookiecutter.project_slug }}.consumers import LiveConsumer, announce_changes

from .models import Export

announce_changes(Export, "owner")

websocket_urlpatterns = [
    path("ws/exports/", LiveConsumer.as_asgi(model=Export)),  # type: ignore[arg-type]
]
