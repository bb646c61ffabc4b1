"""WSGI entry point: gunicorn or mod_wsgi serves `application`."""

import os

from django.core.wsgi import get_wsgi_application

from {{ cookiecutter.project_slug }} import startup
from {{ cookiecutter.project_slug }}.health import drain_on_sigterm
from {{ cookiecutter.project_slug }}.security import Request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.project_slug }}.settings")

application = get_wsgi_application()
application.request_class = Request

startup.prepare()
drain_on_sigterm()
