from unittest import mock

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.views import SuccessMessageMixin
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import IntegrityError
from django.db.models import F, ProtectedError, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.test import RequestFactory, TestCase

from {{ cookiecutter.project_slug }}.forms import CreateView, DeleteView, ModelForm, UpdateView

# As an object belongs to its owner, a permission belongs to its content type, which the form does not show.
CONSTRAINTS = [
    UniqueConstraint(fields=["content_type", "name"], name="plain"),
    UniqueConstraint(fields=["content_type", "name"], condition=Q(name="Present"), name="some"),
    UniqueConstraint(Lower("name"), F("content_type"), name="expressions"),
]


class PermissionForm(ModelForm):
    class Meta:
        model = Permission
        fields = ["name", "codename"]


class PermissionCreateView(SuccessMessageMixin, CreateView):
    form_class = PermissionForm
    success_url = "/"
    success_message = "Done"

    def get_form_kwargs(self):
        content_type = ContentType.objects.get_for_model(Permission)
        return {**super().get_form_kwargs(), "instance": Permission(content_type=content_type)}

    def render_to_response(self, context):
        return context["form"]


class PermissionUpdateView(UpdateView):
    model = Permission
    form_class = PermissionForm
    success_url = "/"


class PermissionDeleteView(SuccessMessageMixin, DeleteView):
    model = Permission
    success_url = "/"
    success_message = "Done"


class FormTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.type = ContentType.objects.get_for_model(Permission)
        cls.present = Permission.objects.create(content_type=cls.type, name="Present", codename="present")

    def form(self, instance=None, **data):
        return PermissionForm(data, instance=instance or Permission(content_type=self.type))

    def test_a_duplicate_is_told_of_the_field_that_is_shown(self):
        form = self.form(name="Other", codename="present")
        message = "Permission with this Content type and Codename already exists."
        self.assertEqual(form.errors, {"codename": [message]})

    def test_every_kind_of_constraint_is_checked(self):
        for constraint in CONSTRAINTS:
            with self.subTest(name=constraint.name):
                with mock.patch.object(Permission._meta, "constraints", [constraint]):
                    self.assertFalse(self.form(name="Present", codename="other").is_valid())
                    self.assertTrue(self.form(name="Other", codename="other").is_valid())

    def test_an_object_is_no_duplicate_of_itself(self):
        self.assertTrue(self.form(self.present, name="Renamed", codename="present").is_valid())

    def test_what_others_have_is_no_duplicate(self):
        other = Permission(content_type=ContentType.objects.get_for_model(ContentType))
        self.assertTrue(self.form(other, name="Present", codename="present").is_valid())

    def test_an_invalid_form_asks_no_database(self):
        with self.assertNumQueries(0):
            self.assertEqual(set(self.form(name="", codename="present").errors), {"name"})


class PageTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        content_type = ContentType.objects.get_for_model(Permission)
        cls.present = Permission.objects.create(content_type=content_type, name="Present", codename="present")

    def post(self, view, data=None, **kwargs):
        """Return what a view answers and what it tells the user."""
        request = RequestFactory().post("/page/", data)
        SessionMiddleware(lambda request: None).process_request(request)
        MessageMiddleware(lambda request: None).process_request(request)
        return view.as_view()(request, **kwargs), [str(message) for message in get_messages(request)]

    def test_adds_and_changes(self):
        response, told = self.post(PermissionCreateView, {"name": "Other", "codename": "other"})
        self.assertEqual((response.status_code, told), (302, ["Done"]))
        data = {"name": "Other", "codename": "changed"}
        self.assertEqual(self.post(PermissionUpdateView, data, pk=self.present.pk)[0].status_code, 302)

    def test_a_duplicate_of_what_another_request_has_just_saved_is_a_form_error(self):
        validate_unique, calls = Permission.validate_unique, []

        def too_early(permission, exclude=None):
            calls.append(exclude)
            if len(calls) > 2:
                validate_unique(permission, exclude)

        with mock.patch.object(Permission, "validate_unique", too_early):
            form, told = self.post(PermissionCreateView, {"name": "Other", "codename": "present"})
        self.assertEqual((set(form.errors), told), ({"codename"}, []))

    def test_an_error_that_the_form_cannot_tell_is_raised(self):
        with mock.patch.object(Permission, "save", side_effect=IntegrityError), self.assertRaises(IntegrityError):
            self.post(PermissionCreateView, {"name": "Other", "codename": "other"})

    def test_what_is_referred_to_is_not_deleted(self):
        error = ProtectedError("", {self.present})
        with mock.patch.object(Permission, "delete", side_effect=error):
            response, told = self.post(PermissionDeleteView, pk=self.present.pk)
        self.assertEqual(response.url, "/page/")
        self.assertEqual(told, ["This cannot be deleted, because something else refers to it."])
        response, told = self.post(PermissionDeleteView, pk=self.present.pk)
        self.assertEqual((response.url, told), ("/", ["Done"]))
