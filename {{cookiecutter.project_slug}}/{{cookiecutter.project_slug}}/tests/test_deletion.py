from unittest import mock

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import CASCADE, PROTECT, RESTRICT, SET_NULL
from django.db.models.signals import pre_delete
from django.test import TestCase, override_settings

from {{ cookiecutter.project_slug }}.deletion import consequences


@override_settings(LANGUAGE_CODE="en")
class DeletionTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.type = ContentType.objects.create(app_label="sea", model="map")
        for number in range(2):
            cls.permission = Permission.objects.create(content_type=cls.type, name="Map", codename=f"map{number}")
        cls.group = Group.objects.create(name="Sailors")
        cls.group.permissions.add(cls.permission)

    def found(self, on_delete):
        field = Permission._meta.get_field("content_type")
        with mock.patch.object(field.remote_field, "on_delete", on_delete):
            return consequences(self.type)

    def test_what_is_deleted_too(self):
        self.assertEqual(self.found(CASCADE), (["2 permissions are deleted too."], False))
        # With a receiver, Django loads the objects before it deletes them.
        receiver = mock.Mock()
        pre_delete.connect(receiver, Permission)
        self.addCleanup(pre_delete.disconnect, receiver, Permission)
        self.permission.delete()
        self.assertEqual(self.found(CASCADE), (["1 permission is deleted too."], False))

    def test_what_is_deleted_too_is_counted_in_the_database(self):
        user = get_user_model().objects.create_user("ada@example.com")
        LogEntry.objects.create(user=user, action_flag=1)
        self.assertIn("1 log entry is deleted too.", consequences(user)[0])

    def test_what_no_longer_refers_to_it(self):
        self.assertEqual(self.found(SET_NULL), (["2 permissions no longer refer to it."], False))
        self.assertEqual(consequences(self.permission), (["1 group no longer refers to it."], False))

    def test_what_forbids_it(self):
        for on_delete in PROTECT, RESTRICT:
            with self.subTest(on_delete=on_delete):
                expected = ["It cannot be deleted while 2 permissions refer to it."]
                self.assertEqual(self.found(on_delete), (expected, True))

    def test_an_object_that_nothing_refers_to_takes_no_query(self):
        with self.assertNumQueries(0):
            self.assertEqual(consequences(LogEntry(pk=1)), ([], False))

    def test_what_it_refers_to_is_not_mentioned(self):
        self.assertEqual(consequences(self.group), ([], False))
