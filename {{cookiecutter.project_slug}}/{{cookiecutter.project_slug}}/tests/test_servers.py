import runpy
import sys
from unittest import mock
from wsgiref.util import setup_testing_defaults

from asgiref.testing import ApplicationCommunicator
from django.test import TestCase

from {{ cookiecutter.project_slug }} import health, startup
from {{ cookiecutter.project_slug }}.environment import BASE_DIR


class ServerTests(TestCase):
    def setUp(self):
        patches = mock.patch.object(health, "drain_on_sigterm"), mock.patch.object(startup, "prepare")
        self.drain, self.prepare = [patch.start() for patch in patches]
        # Keeps django.setup() from configuring logging again, without the changes for tests.
        mock.patch("django.setup").start()
        self.addCleanup(mock.patch.stopall)

    def test_wsgi_serves_the_project_until_it_is_drained(self):
        application = runpy.run_path(f"{BASE_DIR}/{{ cookiecutter.project_slug }}/wsgi.py")["application"]
        request = {"PATH_INFO": "/livez"}
        setup_testing_defaults(request)
        answer = mock.Mock()
        self.assertEqual(b"".join(application(request, answer)), b"ok")
        self.assertEqual(answer.call_args.args[0], "200 OK")
        self.drain.assert_called_once()
        self.prepare.assert_called_once()

    async def test_asgi_serves_the_project(self):
        asgi = runpy.run_path(f"{BASE_DIR}/{{ cookiecutter.project_slug }}/asgi.py")
        request = {"type": "http", "method": "GET", "path": "/livez", "query_string": b"", "headers": []}
        server = ApplicationCommunicator(asgi["application"], request)
        await server.send_input({"type": "http.request"})
        self.assertEqual((await server.receive_output())["status"], 200)
        self.assertEqual((await server.receive_output())["body"], b"ok")
        await server.wait()
{% if cookiecutter.interface == "ASGI" %}
        self.prepare.assert_called_once()
        self.drain.assert_called_with(asgi["sockets"].close_before)
{% endif %}

    def test_manage_py_says_what_to_do_if_django_is_not_installed(self):
        main = runpy.run_path(f"{BASE_DIR}/manage.py")["main"]
        missing = mock.patch.dict(sys.modules, {"django.core.management": None})
        with missing, self.assertRaisesMessage(ImportError, "run `pipenv install --dev`"):
            main()
