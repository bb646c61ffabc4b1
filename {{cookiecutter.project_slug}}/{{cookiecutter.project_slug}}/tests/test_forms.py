from unittest import mock

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.test import TestCase

from {{ cookiecutter.project_slug }}.forms import ModelForm

# A permission belongs to its content type, which the form does not show, as an object belongs to its owner.
CONSTRAINTS = [
    UniqueConstraint(fields=["content_type", "name"], name="plain"),
    UniqueConstraint(fields=["content_type", "name"], condition=Q(name="Present"), name="some"),
    UniqueConstraint(Lower("name"), F("content_type"), name="expressions"),
]


class PermissionForm(ModelForm):
    class Meta:
        model = Permission
        fields = ["name", "codename"]


class FormTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.type = ContentType.objects.get_for_model(Permission)
        cls.present = Permission.objects.create(content_type=cls.type, name="Present", codename="present")

    def form(self, instance=None, **data):
        return PermissionForm(data, instance=instance or Permission(content_type=self.type))

    def test_a_duplicate_is_an_error_of_the_field_that_is_shown(self):
        form = self.form(name="Other", codename="present")
        found = {name: [error.code for error in errors] for name, errors in form.errors.as_data().items()}
        self.assertEqual(found, {"codename": ["unique_together"]})

    def test_every_kind_of_constraint_is_checked(self):
        for constraint in CONSTRAINTS:
            with self.subTest(name=constraint.name):
                with mock.patch.object(Permission._meta, "constraints", [constraint]):
                    self.assertFalse(self.form(name="Present", codename="other").is_valid())
                    self.assertTrue(self.form(name="Other", codename="other").is_valid())

    def test_an_object_is_not_a_duplicate_of_itself(self):
        self.assertTrue(self.form(self.present, name="Renamed", codename="present").is_valid())

    def test_objects_of_others_are_not_duplicates(self):
        other = Permission(content_type=ContentType.objects.get_for_model(ContentType))
        self.assertTrue(self.form(other, name="Present", codename="present").is_valid())

    def test_an_invalid_form_makes_no_query(self):
        with self.assertNumQueries(0):
            self.assertEqual(set(self.form(name="", codename="present").errors), {"name"})
