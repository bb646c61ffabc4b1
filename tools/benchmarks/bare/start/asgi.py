"""As the documentation of Channels has it."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bare.settings")

sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([])))
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": sockets})
