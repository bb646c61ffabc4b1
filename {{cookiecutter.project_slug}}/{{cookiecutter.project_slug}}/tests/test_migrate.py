from unittest import mock

from django.core.management import call_command
from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }}.management.commands import migrate


class MigrateTests(SimpleTestCase):
    def setUp(self):
        self.steps = []
        self.connection = mock.Mock()
        lock = self.connection.copy.return_value
        lock.cursor.return_value = mock.MagicMock()
        execute = lock.cursor.return_value.__enter__.return_value.execute
        execute.side_effect = lambda statement, *parameters: self.steps.append(statement)
        lock.close.side_effect = lambda: self.steps.append("close")

    def migrate(self, vendor, error=None):
        self.connection.vendor = vendor

        def handle(*args, **options):
            self.steps.append("migrate")
            if error:
                raise error

        connections = mock.patch.object(migrate, "connections", {"default": self.connection})
        with connections, mock.patch("django.core.management.commands.migrate.Command.handle", side_effect=handle):
            call_command("migrate", skip_checks=True)

    def test_postgresql_is_locked_until_the_end(self):
        self.migrate("postgresql")
        self.assertEqual(self.steps[-3:], ["SELECT pg_advisory_xact_lock(%s)", "migrate", "close"])

    def test_an_error_ends_the_lock(self):
        with self.assertRaisesMessage(ValueError, "broken"):
            self.migrate("postgresql", ValueError("broken"))
        self.assertEqual(self.steps[-2:], ["migrate", "close"])

    def test_other_databases_have_no_lock(self):
        self.migrate("sqlite")
        self.assertEqual(self.steps, ["migrate"])
