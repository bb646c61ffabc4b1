from axes.models import AccessAttempt
from django.contrib.auth.models import Group
from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }}.serializers import ModelSerializer


class GroupSerializer(ModelSerializer):
    class Meta:
        model = Group
        fields = ["name"]
        # Uniqueness would ask the database.
        extra_kwargs = {"name": {"validators": []}}


class AttemptSerializer(ModelSerializer):
    class Meta:
        model = AccessAttempt
        fields = ["id", "failures_since_start"]


class TextTests(SimpleTestCase):
    def test_text_stays_as_it_was_sent(self):
        serializer = GroupSerializer(data={"name": " \n  Map\t"})
        self.assertTrue(serializer.is_valid())
        self.assertEqual(serializer.validated_data["name"], " \n  Map\t")

    def test_what_is_no_text_is_refused(self):
        for name in "", " \t", "nul \0", 1, None, ["Map"]:
            with self.subTest(name=name):
                self.assertFalse(GroupSerializer(data={"name": name}).is_valid())

    def test_a_long_text_that_cannot_be_stored_is_refused_at_once(self):
        self.assertFalse(GroupSerializer(data={"name": "x" * 1_000_000 + "\0"}).is_valid())


class NumberTests(SimpleTestCase):
    def test_a_number_is_what_postgresql_stores_on_every_database(self):
        for number, is_valid in (0, True), (2**31 - 1, True), (2**31, False), (-1, False):
            with self.subTest(number=number):
                self.assertIs(AttemptSerializer(data={"failures_since_start": number}).is_valid(), is_valid)
