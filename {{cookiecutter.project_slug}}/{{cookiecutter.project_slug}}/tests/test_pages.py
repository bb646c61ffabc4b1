from django.conf import settings
from django.test import Client, TestCase
from django.urls import reverse
from django.utils.html import escape


class PageTests(TestCase):
    def test_unknown_address(self):
        self.assertContains(self.client.get("/no/such/page/"), "Not found", status_code=404)

    def test_form_without_its_token(self):
        with self.assertLogs("django.security.csrf"):
            response = Client(enforce_csrf_checks=True).post(reverse("login"))
        self.assertContains(response, "This page is out of date", status_code=403)
        self.assertContains(response, escape(settings.PROJECT_NAME), status_code=403)

    def test_every_page_asks_where_its_elements_say_so(self):
        self.assertContains(self.client.get(reverse("login")), "confirm.js")

    def test_admin_has_the_name_of_the_project(self):
        self.assertContains(self.client.get(reverse("admin:login")), escape(settings.PROJECT_NAME))

    def test_api_docs_have_the_name_of_the_project(self):
        self.assertContains(self.client.get(reverse("docs")), escape(settings.PROJECT_NAME))

    def test_api_docs_answer_no_other_method(self):
        self.assertEqual(self.client.options(reverse("docs")).status_code, 405)

    def test_api_docs_load_nothing_from_elsewhere(self):
        self.assertNotContains(self.client.get(reverse("docs")), "//cdn")
