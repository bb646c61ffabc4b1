from django.urls import path

from {{ cookiecutter.project_slug }}.consumers import LiveConsumer, announce_changes

from .models import Item

announce_changes(Item, "owner")

websocket_urlpatterns = [
    path("ws/items/", LiveConsumer.as_asgi(model=Item)),  # type: ignore[arg-type]
]
