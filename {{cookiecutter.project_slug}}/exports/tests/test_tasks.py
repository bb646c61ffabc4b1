import io
from unittest import mock

from celery import current_app
from celery.schedules import crontab
from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.db import transaction
from django.test import TransactionTestCase
from django.utils import timezone
from kombu.exceptions import OperationalError

from {{ cookiecutter.app_name }}.tests import make_item

from .. import tasks
from ..models import MAX_ATTEMPTS, Export
from . import make_export, make_file


class ExportTaskTests(TransactionTestCase):
    def setUp(self):
        self.ada = get_user_model().objects.create_user("ada@example.com")
        self.export = make_export(self.ada)

    def test_it_is_queued_after_the_commit(self):
        with mock.patch.object(tasks.write_export, "delay") as delay:
            with transaction.atomic():
                export = tasks.start_export(self.ada)
                delay.assert_not_called()
            delay.assert_called_once_with(export.pk)

    def test_it_waits_if_the_broker_is_down(self):
        down = mock.patch.object(tasks.write_export, "delay", side_effect=OperationalError)
        with down, self.assertLogs("django.db", "ERROR"):
            self.assertEqual(tasks.start_export(self.ada).state, "waiting")

    def content(self):
        with storages["exports"].open(self.export.file_name) as file:
            return file.read()

    def test_the_file_has_own_items_in_utf_8(self):
        make_item(self.ada, name="Größe", description="a, b")
        make_item(get_user_model().objects.create_user("bob@example.com"), name="Map")
        tasks.write_export(self.export.pk)
        mark, text = self.content()[:3], self.content()[3:].decode()
        self.assertEqual(mark, b"\xef\xbb\xbf")
        lines = text.splitlines()
        self.assertEqual(lines[0], "name,description,created_at,updated_at")
        self.assertTrue(lines[1].startswith('Größe,"a, b",'))
        self.assertEqual(len(lines), 2)

    def test_no_cell_is_a_formula(self):
        for text in "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1":
            with self.subTest(text):
                self.assertEqual(tasks.cell(text), f"'{text}")
        self.assertEqual(tasks.cell("1=1"), "1=1")

    def test_a_message_that_is_delivered_twice_has_one_effect(self):
        tasks.write_export(self.export.pk)
        before = self.content()
        make_item(self.ada)
        tasks.write_export(self.export.pk)
        self.assertEqual(self.content(), before)

    def test_a_second_run_replaces_the_file_of_the_first(self):
        tasks.write_export(self.export.pk)
        make_item(self.ada, name="Compass")
        Export.objects.update(state="running")
        tasks.write_export(self.export.pk)
        self.assertIn(b"Compass", self.content())
        self.assertEqual(storages["exports"].listdir("")[1], [self.export.file_name])

    def test_progress_is_saved_each_second(self):
        for _ in range(3):
            make_item(self.ada)
        with mock.patch("exports.tasks.monotonic", side_effect=[0, 0.5, 1.5, 1.5, 2]):
            with mock.patch.object(Export, "save_if_current", autospec=True, return_value=True) as save:
                tasks.write_rows(self.export, io.StringIO())
        self.assertEqual([call.kwargs for call in save.call_args_list], [{"done": 2}, {"done": 3, "total": 3}])

    def interrupt(self, change):
        """Run an export that the function `change` interrupts after its first row."""
        make_item(self.ada)

        def once_a_row(*args):
            change()
            return 10 * next(seconds)

        seconds = iter(range(10))
        with mock.patch("exports.tasks.monotonic", side_effect=once_a_row):
            tasks.write_export(self.export.pk)

    def test_a_run_gives_up_if_the_export_is_deleted(self):
        self.interrupt(Export.objects.all().delete)
        self.assertFalse(storages["exports"].exists(self.export.file_name))

    def test_a_run_gives_up_if_another_has_begun(self):
        self.interrupt(lambda: Export.objects.update(attempts=2))
        self.export.refresh_from_db()
        self.assertEqual((self.export.state, self.export.attempts), ("running", 2))
        self.assertFalse(storages["exports"].exists(self.export.file_name))

    def test_an_export_that_always_fails_ends(self):
        with mock.patch.object(tasks, "write_rows", side_effect=RuntimeError) as write:
            tasks.write_export.apply([self.export.pk])
        self.export.refresh_from_db()
        self.assertEqual((self.export.state, write.call_count), ("failed", MAX_ATTEMPTS))

    def test_its_file_is_deleted_with_it(self):
        export = make_file(self.ada)
        self.assertTrue(storages["exports"].exists(export.file_name))
        self.ada.delete()
        self.assertFalse(storages["exports"].exists(export.file_name))

    def age(self, export, **fields):
        """Make an export older."""
        Export.objects.filter(pk=export.pk).update(**{name: timezone.now() - age for name, age in fields.items()})

    def test_old_exports_are_deleted(self):
        old = make_file(self.ada)
        self.age(old, created_at=tasks.KEPT_FOR)
        tasks.tidy_exports()
        self.assertEqual(Export.objects.get(), self.export)
        self.assertFalse(storages["exports"].exists(old.file_name))

    def test_they_are_looked_after_each_minute(self):
        schedule = {entry["task"]: entry["schedule"] for entry in current_app.conf.beat_schedule.values()}
        self.assertEqual(schedule["exports.tasks.tidy_exports"], crontab())

    def test_lost_exports_are_queued_again(self):
        running, done = make_export(self.ada, state="running"), make_export(self.ada, state="done")
        for export in running, done:
            self.age(export, updated_at=tasks.LOST_AFTER)
        with mock.patch.object(tasks.write_export, "delay") as delay:
            tasks.tidy_exports()
            delay.assert_called_once_with(running.pk)
            tasks.tidy_exports()
            delay.assert_called_once()
