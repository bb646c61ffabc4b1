import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import SimpleTestCase, TestCase, override_settings

from {{ cookiecutter.project_slug }} import health


class HealthTests(TestCase):
    def setUp(self):
        health.migrated.clear()

    def test_livez(self):
        self.assertContains(self.client.get("/livez"), "ok")

    def test_readyz(self):
        self.assertContains(self.client.get("/readyz"), "ok")

    def test_readyz_without_a_database(self):
        with mock.patch.object(connection, "cursor", side_effect=DatabaseError):
            self.assertContains(self.client.get("/readyz"), "no database", status_code=503)

    def test_readyz_without_a_cache(self):
        with mock.patch.object(cache, "set", side_effect=ConnectionError):
            self.assertContains(self.client.get("/readyz"), "no cache", status_code=503)

    def test_readyz_before_all_migrations_are_applied(self):
        [newest] = MigrationLoader(connection).graph.leaf_nodes("users")
        MigrationRecorder(connection).record_unapplied(*newest)
        self.assertContains(self.client.get("/readyz"), "migrations missing", status_code=503)

    def test_readyz_looks_for_migrations_until_all_are_applied(self):
        self.client.get("/readyz")
        with self.assertNumQueries(1):
            self.assertContains(self.client.get("/readyz"), "ok")

    @override_settings(ALLOWED_HOSTS=[], SECURE_SSL_REDIRECT=True)
    def test_they_answer_for_any_host_without_https_and_without_a_log_line(self):
        with self.assertNoLogs("{{ cookiecutter.project_slug }}.logs", "INFO"):
            for path in "/livez", "/readyz":
                self.assertContains(self.client.get(path, headers={"host": "10.0.0.1"}), "ok")


@override_settings(DRAIN_SECONDS=5)
class DrainTests(SimpleTestCase):
    def setUp(self):
        self.stop = mock.Mock()
        self.addCleanup(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, self.stop))
        self.addCleanup(health.draining.clear)

    def drain_on_sigterm(self):
        """Call the function without its cache, because this process may have called it before."""
        health.drain_on_sigterm.__wrapped__()

    def test_readyz_answers_503_between_sigterm_and_the_stop(self):
        self.drain_on_sigterm()
        with mock.patch.object(health, "time") as time, mock.patch.object(threading, "Timer") as timer:
            time.monotonic.return_value = 100
            # A server may receive the signal twice.
            for _ in range(2):
                signal.raise_signal(signal.SIGTERM)
                self.assertContains(self.client.get("/readyz"), "shutting down", status_code=503)
                self.assertContains(self.client.get("/livez"), "ok")
            self.stop.assert_not_called()
            timer.assert_called_once()
            seconds, function, arguments = timer.call_args.args
            time.monotonic.return_value += seconds
            function(*arguments)
        self.stop.assert_called_once()
        self.assertEqual(seconds, 5)

    def test_sigterm_stops_at_once_without_draining(self):
        with self.settings(DRAIN_SECONDS=0):
            self.drain_on_sigterm()
        signal.raise_signal(signal.SIGTERM)
        self.stop.assert_called_once()

    def test_the_signal_is_left_alone_without_a_server(self):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.drain_on_sigterm()
        self.assertEqual(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)

    def test_the_signal_is_left_alone_outside_the_main_thread(self):
        with ThreadPoolExecutor() as pool:
            pool.submit(self.drain_on_sigterm).result()
        self.assertIs(signal.getsignal(signal.SIGTERM), self.stop)
