from django.urls import path

from {{ cookiecutter.app_name }}.consumers import ItemConsumer

websocket_urlpatterns = [
    path("ws/items/", ItemConsumer.as_asgi()),
]
