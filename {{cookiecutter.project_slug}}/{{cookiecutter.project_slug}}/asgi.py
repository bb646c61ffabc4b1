{% if cookiecutter.interface == "ASGI" %}
"""ASGI entry point: Uvicorn or Daphne serves `application`, over HTTP and WebSocket."""
{% else %}
"""ASGI entry point: an ASGI server serves `application`."""
{% endif %}

import os
{% if cookiecutter.interface == "ASGI" %}
from importlib import import_module
from typing import Any

import django
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier
from django.apps import apps
from django.urls import re_path
from django.utils.module_loading import module_has_submodule

from {{ cookiecutter.project_slug }} import startup
from {{ cookiecutter.project_slug }}.handlers import Handler, SharedThreads, Sockets
from {{ cookiecutter.project_slug }}.health import drain_on_sigterm
{% else %}

from django.core.asgi import get_asgi_application
{% endif %}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.project_slug }}.settings")

{% if cookiecutter.interface == "ASGI" %}
# Loads the apps, which the code below needs.
django.setup(set_prefix=False)

# Collects the routes from each app's routing.py.
websocket_urlpatterns = [
    route
    for app in apps.get_app_configs()
    if module_has_submodule(app.module, "routing")
    for route in getattr(import_module(f"{app.name}.routing"), "websocket_urlpatterns", [])
]

# The last route refuses unknown paths; without it, Channels raises an error.
routes = URLRouter([*websocket_urlpatterns, re_path("", WebsocketDenier.as_asgi())])  # type: ignore[arg-type, list-item]
sockets = Sockets(AllowedHostsOriginValidator(AuthMiddlewareStack(routes)))
protocols = SharedThreads(ProtocolTypeRouter({"http": Handler(), "websocket": sockets}))

startup.prepare()


async def application(scope: Any, receive: Any, send: Any) -> None:
    # Waits for the first request, because servers set their signal handlers after they load the application.
    drain_on_sigterm(sockets.close_before)
    await protocols(scope, receive, send)
{% else %}
application = get_asgi_application()
{% endif %}
