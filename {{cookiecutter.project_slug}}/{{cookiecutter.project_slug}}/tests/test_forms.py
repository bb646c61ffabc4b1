from unittest import mock

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import DurationField, F, JSONField, Model, Q, QuerySet, UniqueConstraint
from django.db.models.functions import Lower
from django.test import SimpleTestCase, TestCase
from django.test.utils import isolate_apps

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


class VisibleQuerySet(QuerySet):
    """A user who is called "ada" sees the permission "add_group"; nobody sees another one."""

    def visible_to(self, user):
        return self.filter(codename="add_group") if user.get_username() == "ada" else self.none()


class GroupForm(ModelForm):
    permissions = forms.ModelMultipleChoiceField(VisibleQuerySet(Permission), required=False)

    class Meta:
        model = Group
        fields = ["name", "permissions"]


class OneForm(ModelForm):
    permission = forms.ModelChoiceField(VisibleQuerySet(Permission))

    class Meta:
        model = Group.permissions.through
        fields = ["group", "permission"]


class VisibilityTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model()(**{get_user_model().USERNAME_FIELD: "ada"})
        cls.visible, cls.hidden = (Permission.objects.get(codename=name) for name in ("add_group", "delete_group"))
        cls.group = Group.objects.create(name="Sailors")

    def test_only_visible_objects_are_offered(self):
        for user, expected in (self.ada, [self.visible]), (get_user_model()(), []), (None, []):
            for form, name in (GroupForm(user=user), "permissions"), (OneForm(user=user), "permission"):
                with self.subTest(user=user, name=name):
                    self.assertEqual(list(form.fields[name].queryset), expected)

    def test_objects_that_are_not_visible_are_refused(self):
        for permission, is_valid in (self.visible, True), (self.hidden, False):
            for form, data in (
                (GroupForm, {"name": "Pilots", "permissions": [permission.pk]}),
                (OneForm, {"group": self.group.pk, "permission": permission.pk}),
            ):
                with self.subTest(permission=permission, form=form):
                    self.assertIs(form(data, user=self.ada).is_valid(), is_valid)

    def test_a_queryset_that_cannot_tell_offers_everything(self):
        self.assertEqual(list(OneForm().fields["group"].queryset), [self.group])

    def test_an_unchanged_form_keeps_what_is_no_longer_visible(self):
        self.group.permissions.set([self.hidden])
        data = {"name": "Sailors", "permissions": [self.hidden.pk]}
        self.assertTrue(GroupForm(data, instance=self.group, user=self.ada).is_valid())
        row = Group.permissions.through.objects.get()
        data = {"group": self.group.pk, "permission": self.hidden.pk}
        self.assertTrue(OneForm(data, instance=row, user=self.ada).is_valid())

    def test_an_address_cannot_make_an_object_visible(self):
        form = OneForm(initial={"permission": self.hidden.pk}, user=self.ada)
        self.assertEqual(list(form.fields["permission"].queryset), [self.visible])


class HostileTests(SimpleTestCase):
    @isolate_apps("users")
    def test_values_that_the_database_cannot_store_are_refused(self):
        class Page(Model):  # noqa: DJ008
            extra = JSONField()
            lasts = DurationField()

            class Meta:
                app_label = "users"

        class PageForm(ModelForm):
            class Meta:
                model = Page
                fields = ["extra", "lasts"]

        for extra in '"\\u0000"', '{"\\u0000": 1}', '"\\ud800"', "NaN", "1e999", "9" * 5000, "[" * 100_000, "{":
            with self.subTest(extra=extra[:20]):
                self.assertEqual(set(PageForm({"extra": extra, "lasts": "1"}).errors), {"extra"})
        for extra in '"\\\\u0000"', '{"north": [1, null]}':
            with self.subTest(extra=extra):
                self.assertEqual(PageForm({"extra": extra, "lasts": "1"}).errors, {})
        for lasts in "999999999 00:00:00", "-999999999 00:00:00", "9999999999 00:00:00":
            with self.subTest(lasts=lasts):
                self.assertEqual(set(PageForm({"extra": "1", "lasts": lasts}).errors), {"lasts"})
