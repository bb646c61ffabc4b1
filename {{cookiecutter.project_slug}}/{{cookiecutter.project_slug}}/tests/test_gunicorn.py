import runpy
from importlib import import_module
from unittest import mock

from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }} import health, startup
from {{ cookiecutter.project_slug }}.environment import BASE_DIR, env


class GunicornTests(SimpleTestCase):
    def config(self):
        return runpy.run_path(f"{BASE_DIR}/gunicorn.conf.py")

    def test_it_has_as_many_processes_as_the_environment_says(self):
        with mock.patch.dict(env, WEB_CONCURRENCY=3):
            self.assertEqual(self.config()["workers"], 3)

    def test_it_trusts_no_header(self):
        self.assertEqual(self.config()["forwarded_allow_ips"], "")

    def test_its_file_names_the_application(self):
        config = self.config()
        with mock.patch.object(health, "drain_on_sigterm"), mock.patch.object(startup, "prepare"):
            self.assertTrue(callable(import_module(config["wsgi_app"]).application))
