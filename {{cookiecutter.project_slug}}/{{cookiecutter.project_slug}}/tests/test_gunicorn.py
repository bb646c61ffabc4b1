import runpy
from importlib import import_module
from unittest import mock

from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }} import health
from {{ cookiecutter.project_slug }}.environment import BASE_DIR


class GunicornTests(SimpleTestCase):
    def test_its_file_names_the_application(self):
        config = runpy.run_path(f"{BASE_DIR}/gunicorn.conf.py")
        with mock.patch.object(health, "drain_on_sigterm"):
            self.assertTrue(callable(import_module(config["wsgi_app"]).application))
