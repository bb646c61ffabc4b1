{% if cookiecutter.interface == "ASGI" %}
"""ASGI entry point: `application` is what Uvicorn or Daphne serves, HTTP and WebSocket."""
{% else %}
"""ASGI entry point: `application` is what an ASGI server serves."""
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
# Comes before the import of anything that needs the apps.
django.setup(set_prefix=False)

# Those of each app's routing.py; they are found like each app's admin.py.
websocket_urlpatterns = [
    route
    for app in apps.get_app_configs()
    if module_has_submodule(app.module, "routing")
    for route in getattr(import_module(f"{app.name}.routing"), "websocket_urlpatterns", [])
]

# Without the last route, Channels raises an error for an unknown address.
routes = URLRouter([*websocket_urlpatterns, re_path("", WebsocketDenier.as_asgi())])  # type: ignore[arg-type, list-item]
sockets = Sockets(AllowedHostsOriginValidator(AuthMiddlewareStack(routes)))
protocols = SharedThreads(ProtocolTypeRouter({"http": Handler(), "websocket": sockets}))

startup.prepare()


async def application(scope: Any, receive: Any, send: Any) -> None:
    # Not before the first request: servers set their own handlers after they loaded the application.
    drain_on_sigterm(sockets.close_before)
    await protocols(scope, receive, send)
{% else %}
application = get_asgi_application()
{% endif %}
