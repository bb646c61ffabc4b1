from base64 import b64encode
from unittest import mock

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.http import Http404
from django.test import Client, RequestFactory, TestCase
from django.urls import path, reverse
from django.utils.html import escape
from django.utils.translation import gettext

from {{ cookiecutter.project_slug }} import views
from {{ cookiecutter.project_slug }}.forms import ModelForm

User = get_user_model()


class UserPage(views.CursorListView):
    model = User
    ordering = "date_joined"
    paginate_by = 50


class PermissionForm(ModelForm):
    class Meta:
        model = Permission
        fields = ["name", "codename"]


class PermissionCreateView(views.SuccessMessageMixin, views.CreateView):
    form_class = PermissionForm
    success_url = "/"
    success_message = "Done"

    def get_form_kwargs(self):
        content_type = ContentType.objects.get_for_model(Permission)
        return {**super().get_form_kwargs(), "instance": Permission(content_type=content_type)}

    def render_to_response(self, context):
        return context["form"]


class PermissionUpdateView(views.UpdateView):
    model = Permission
    form_class = PermissionForm
    success_url = "/"


class PermissionDeleteView(views.SuccessMessageMixin, views.DeleteView):
    model = Permission
    success_url = "/"
    success_message = "Done"


class StaffPage(views.StaffRequiredMixin, views.CursorListView):
    model = User
    ordering = "date_joined"
    paginate_by = 50


class StaffRequiredTests(TestCase):
    def test_others_are_refused_or_asked_to_sign_in(self):
        request = RequestFactory().get("/")
        request.user = AnonymousUser()
        self.assertEqual(StaffPage.as_view()(request).status_code, 302)
        request.user = User()
        with self.assertRaises(PermissionDenied):
            StaffPage.as_view()(request)
        request.user = User(is_staff=True)
        self.assertEqual(StaffPage.as_view()(request).status_code, 200)


class PageTests(TestCase):
    def test_unknown_address(self):
        self.assertContains(self.client.get("/no/such/page/"), gettext("Not found"), status_code=404)

    def test_form_without_its_token(self):
        with self.assertLogs("django.security.csrf"):
            response = Client(enforce_csrf_checks=True).post(reverse("account_login"))
        self.assertContains(response, gettext("This page is out of date"), status_code=403)
        self.assertContains(response, escape(settings.PROJECT_NAME), status_code=403)

    def test_the_page_for_denied_requests_ignores_the_body(self):
        response = views.permission_denied(RequestFactory().post("/"), Exception())
        self.assertContains(response, "<h1>", status_code=403)

    def test_every_page_asks_where_its_elements_say_so(self):
        self.assertContains(self.client.get(reverse("account_login")), "confirm.js")

    def test_admin_has_the_name_of_the_project(self):
        self.client.force_login(User.objects.create_superuser("root@example.com"))
        self.assertContains(self.client.get(reverse("admin:index")), escape(settings.PROJECT_NAME), 2)

    def test_api_docs_have_the_name_of_the_project(self):
        self.assertContains(self.client.get(reverse("docs")), escape(settings.PROJECT_NAME))

    def test_api_docs_answer_no_other_method(self):
        self.assertEqual(self.client.options(reverse("docs")).status_code, 405)

    def test_an_uploaded_file_cannot_run_in_development(self):
        default_storage.save("map.html", ContentFile("<script src=map.js></script>"))
        addresses = (path("media/<path:path>", views.media, {"document_root": settings.MEDIA_ROOT}),)
        with self.settings(ROOT_URLCONF=addresses):
            response = self.client.get("/media/map.html")
        self.assertContains(response, "map.js")
        self.assertEqual(response.headers["Content-Security-Policy"], "default-src 'none'; sandbox")
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")

    def test_api_docs_load_nothing_from_elsewhere(self):
        self.assertNotContains(self.client.get(reverse("docs")), "//cdn")


class CursorListViewTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        for number in range(120):
            User.objects.create_user(f"{number}@example.com")

    def get(self, path="/", **query):
        return UserPage.as_view()(RequestFactory().get(path, query)).context_data

    def test_pages_have_each_row_once(self):
        pages = [self.get()]
        while following := pages[-1]["page_obj"]["next"]:
            pages.append(self.get(following))
        users = [list(page["user_list"]) for page in pages]
        self.assertEqual(sum(users, []), list(User.objects.order_by("date_joined", "pk")))
        before = self.get(pages[-1]["page_obj"]["previous"])
        self.assertEqual(list(before["user_list"]), users[-2])

    def test_without_an_ordering_the_newest_come_first(self):
        page = UserPage.as_view(ordering=None)(RequestFactory().get("/")).context_data
        self.assertEqual(page["user_list"], list(User.objects.order_by("-pk")[:50]))

    def test_a_single_page_has_no_links_to_others(self):
        User.objects.filter(pk__gt=User.objects.earliest("pk").pk + 49).delete()
        self.assertFalse(self.get()["is_paginated"])

    def test_a_page_after_the_last_one_is_not_found(self):
        following = self.get()["page_obj"]["next"]
        User.objects.filter(pk__gt=User.objects.earliest("pk").pk + 49).delete()
        with self.assertRaises(Http404):
            self.get(following)

    def test_a_forged_cursor_is_not_found(self):
        with self.assertRaises(Http404):
            self.get(cursor=b64encode(b"p=x").decode())


class EditTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        content_type = ContentType.objects.get_for_model(Permission)
        cls.present = Permission.objects.create(content_type=content_type, name="Present", codename="present")

    def post(self, view, data=None, **kwargs):
        """Return the response of a view and its messages to the user."""
        request = RequestFactory().post("/page/", data)
        request.user = AnonymousUser()
        SessionMiddleware(lambda request: None).process_request(request)
        MessageMiddleware(lambda request: None).process_request(request)
        return view.as_view()(request, **kwargs), [str(message) for message in get_messages(request)]

    def test_adds_and_changes(self):
        response, shown = self.post(PermissionCreateView, {"name": "Other", "codename": "other"})
        self.assertEqual((response.status_code, shown), (302, ["Done"]))
        data = {"name": "Other", "codename": "changed"}
        self.assertEqual(self.post(PermissionUpdateView, data, pk=self.present.pk)[0].status_code, 302)

    def test_a_form_knows_the_user(self):
        with mock.patch.object(ModelForm, "__init__", autospec=True, side_effect=ModelForm.__init__) as init:
            self.post(PermissionUpdateView, pk=self.present.pk)
        self.assertEqual(init.call_args.kwargs["user"], AnonymousUser())

    def test_any_other_form_works_without_it(self):
        with mock.patch.multiple(PermissionUpdateView, form_class=None, fields=["name"], create=True):
            self.assertEqual(self.post(PermissionUpdateView, {"name": "Other"}, pk=self.present.pk)[0].status_code, 302)

    def test_a_duplicate_of_a_concurrent_request_is_a_form_error(self):
        validate_unique, calls = Permission.validate_unique, []

        def too_early(permission, exclude=None):
            calls.append(exclude)
            if len(calls) > 2:
                validate_unique(permission, exclude)

        with mock.patch.object(Permission, "validate_unique", too_early):
            form, shown = self.post(PermissionCreateView, {"name": "Other", "codename": "present"})
        self.assertEqual((set(form.errors), shown), ({"codename"}, []))

    def test_an_error_that_the_form_cannot_show_is_raised(self):
        with mock.patch.object(Permission, "save", side_effect=IntegrityError), self.assertRaises(IntegrityError):
            self.post(PermissionCreateView, {"name": "Other", "codename": "other"})

    def test_the_page_that_confirms_knows_what_happens_to_other_objects(self):
        page = PermissionDeleteView.as_view()(RequestFactory().get("/"), pk=self.present.pk)
        self.assertEqual(page.context_data["consequences"], [])
        self.assertIs(page.context_data["is_blocked"], False)

    def test_an_object_that_others_refer_to_is_not_deleted(self):
        error = ProtectedError("", {self.present})
        with mock.patch.object(Permission, "delete", side_effect=error):
            response, shown = self.post(PermissionDeleteView, pk=self.present.pk)
        self.assertEqual(response.url, "/page/")
        self.assertEqual(shown, [gettext("This cannot be deleted because something else refers to it.")])
        response, shown = self.post(PermissionDeleteView, pk=self.present.pk)
        self.assertEqual((response.url, shown), ("/", ["Done"]))
