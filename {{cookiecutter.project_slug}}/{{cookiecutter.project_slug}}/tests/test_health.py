from unittest import mock

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import TestCase, override_settings

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
        MigrationRecorder(connection).record_unapplied("users", "0001_initial")
        self.assertContains(self.client.get("/readyz"), "migrations missing", status_code=503)

    def test_readyz_of_a_server_that_shuts_down(self):
        health.draining.set()
        self.addCleanup(health.draining.clear)
        self.assertContains(self.client.get("/readyz"), "shutting down", status_code=503)
        self.assertContains(self.client.get("/livez"), "ok")

    @override_settings(ALLOWED_HOSTS=[], SECURE_SSL_REDIRECT=True)
    def test_they_answer_by_any_name_without_https_and_without_a_log_line(self):
        with self.assertNoLogs("{{ cookiecutter.project_slug }}.logs", "INFO"):
            for path in "/livez", "/readyz":
                self.assertContains(self.client.get(path, headers={"host": "10.0.0.1"}), "ok")
