{% if cookiecutter.interface == "ASGI" %}
"""ASGI entry point: `application` is what Daphne serves, HTTP and WebSocket."""
{% else %}
"""ASGI entry point: `application` is what an ASGI server serves."""
{% endif %}

import os
{% if cookiecutter.interface == "ASGI" %}
from importlib import import_module

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.apps import apps
from django.core.asgi import get_asgi_application
from django.utils.module_loading import module_has_submodule

from {{ cookiecutter.project_slug }}.health import drain_on_sigterm
{% else %}

from django.core.asgi import get_asgi_application
{% endif %}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.project_slug }}.settings")

{% if cookiecutter.interface == "ASGI" %}
# Loads the apps, so it comes before the import of any consumer.
django_application = get_asgi_application()

# Those of each app's routing.py; they are found like each app's admin.py.
websocket_urlpatterns = [
    route
    for app in apps.get_app_configs()
    if module_has_submodule(app.module, "routing")
    for route in getattr(import_module(f"{app.name}.routing"), "websocket_urlpatterns", [])
]

protocols = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)


async def application(scope, receive, send):
    # Not before the first request: servers set their own handlers after they loaded the application.
    drain_on_sigterm()
    await protocols(scope, receive, send)
{% else %}
application = get_asgi_application()
{% endif %}
