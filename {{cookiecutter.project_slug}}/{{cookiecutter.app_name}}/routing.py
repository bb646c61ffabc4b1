from django.urls import path

from {{ cookiecutter.project_slug }}.consumers import LiveConsumer

from .models import Item

websocket_urlpatterns = [
    path("ws/items/", LiveConsumer.as_asgi(model=Item)),  # type: ignore[arg-type]
]
