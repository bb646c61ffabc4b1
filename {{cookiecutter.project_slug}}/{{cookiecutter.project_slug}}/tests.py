from unittest import mock

from django.conf import settings
from django.db import DatabaseError, connection
from django.test import TestCase
from django.utils.html import escape


class HealthTests(TestCase):
    def test_livez(self):
        self.assertContains(self.client.get("/livez"), "ok")

    def test_readyz(self):
        self.assertContains(self.client.get("/readyz"), "ok")

    def test_readyz_without_a_database(self):
        with mock.patch.object(connection, "cursor", side_effect=DatabaseError), self.assertLogs("django.request"):
            self.assertContains(self.client.get("/readyz"), "no database", status_code=503)


class PageTests(TestCase):
    def test_unknown_address(self):
        self.assertContains(self.client.get("/no/such/page/"), "Not found", status_code=404)

    def test_schema_has_the_name_of_the_project(self):
        schema = self.client.get("/api/schema/", headers={"accept": "application/json"}).json()
        self.assertEqual(schema["info"]["title"], settings.PROJECT_NAME)

    def test_admin_has_the_name_of_the_project(self):
        self.assertContains(self.client.get("/admin/login/"), escape(settings.PROJECT_NAME))

    def test_docs(self):
        self.assertContains(self.client.get("/api/docs/"), escape(settings.PROJECT_NAME))
