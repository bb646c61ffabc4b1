import gc
import socket
from unittest import mock

from django.test import SimpleTestCase
from psycopg2 import OperationalError, extensions

from {{ cookiecutter.project_slug }} import startup


class WaitTests(SimpleTestCase):
    def connection(self, *states, status=extensions.STATUS_READY):
        """Return a connection whose polls return these states, on a socket that receives nothing."""
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        return mock.Mock(poll=mock.Mock(side_effect=states), fileno=here.fileno, status=status)

    def test_it_waits_until_the_statement_is_done(self):
        startup.wait(self.connection(extensions.POLL_WRITE, extensions.POLL_OK))

    def test_a_silent_server_is_an_error(self):
        for status, limit in (extensions.STATUS_SETUP, "CONNECT_LIMIT"), (extensions.STATUS_READY, "STATEMENT_LIMIT"):
            with self.subTest(limit), mock.patch.object(startup, limit, 0), self.assertRaises(OperationalError):
                startup.wait(self.connection(extensions.POLL_READ, status=status))


class PrepareTests(SimpleTestCase):
    def prepare(self, command, **settings):
        """Prepare a process of this command, and return mocks of the functions it calls."""
        callback = mock.patch.object(extensions, "set_wait_callback")
        warning = mock.patch.object(startup.logger, "warning")
        self.addCleanup(gc.unfreeze)
        with callback as set_wait_callback, warning as warn, mock.patch("sys.argv", command.split()):
            with self.settings(**settings):
                startup.prepare()
        return set_wait_callback, warn

    def test_a_server_waits_for_postgresql_no_longer_than_the_limit(self):
        for platform, calls in ("linux", [mock.call(startup.wait)]), ("win32", []):
            with self.subTest(platform), mock.patch("sys.platform", platform):
                self.assertEqual(self.prepare("server")[0].mock_calls, calls)

    def test_a_server_warns_if_debug_is_on(self):
        for command, debug, calls in ("gunicorn", False, 0), ("manage.py runserver", True, 0), ("gunicorn", True, 1):
            with self.subTest(command, debug=debug):
                self.assertEqual(self.prepare(command, DEBUG=debug)[1].call_count, calls)

    def test_the_garbage_collector_of_a_server_ignores_loaded_objects(self):
        gc.unfreeze()
        self.prepare("server")
        self.assertGreater(gc.get_freeze_count(), 10_000)
