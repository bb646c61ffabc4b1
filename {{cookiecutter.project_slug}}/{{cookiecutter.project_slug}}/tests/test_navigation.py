from types import SimpleNamespace
from unittest import mock

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import RequestFactory, TestCase, override_settings
from django.urls import include, path, reverse
from django.utils.html import escape
from django.utils.translation import gettext

from {{ cookiecutter.project_slug }}.navigation import Link, visible_links
from {{ cookiecutter.project_slug }}.views import HomeView


def sign_in(client):
    client.force_login(get_user_model().objects.create_user("ada@example.com"))


def module_with(link):
    """Return the like of an app's urls.py with one page and a link to it."""
    return SimpleNamespace(urlpatterns=[path(f"{link.view}/", HomeView.as_view(), name=link.view)], navigation=[link])


urlpatterns = [
    path("", include(module_with(Link("later", "Later")))),
    path("", include(module_with(Link("earlier", "Earlier", is_public=True)))),
    path("", include("{{ cookiecutter.project_slug }}.urls")),
]


@override_settings(ROOT_URLCONF=__name__)
class NavigationTests(TestCase):
    def links(self, address="/"):
        return [link["url"] for link in self.client.get(address).context["navigation"]()]

    def test_signed_in_users_have_all_links_in_the_order_of_the_urls(self):
        sign_in(self.client)
        self.assertEqual(self.links(), ["/later/", "/earlier/"])

    def test_the_home_page_lists_the_links_of_the_navigation(self):
        sign_in(self.client)
        self.assertContains(self.client.get("/"), '<a href="/later/">Later</a>', 2, html=True)

    def test_others_have_the_public_links(self):
        self.assertEqual(self.links(), ["/earlier/"])

    def test_a_request_that_a_middleware_refuses_has_the_public_links(self):
        [link] = visible_links(RequestFactory().get("/"))
        self.assertEqual(link, {"url": "/earlier/", "text": "Earlier", "is_current": False})

    def test_the_link_to_the_current_page_says_so(self):
        sign_in(self.client)
        response = self.client.get("/later/")
        self.assertContains(response, '<a href="/later/" aria-current="page">Later</a>', html=True)
        self.assertContains(response, 'aria-current="page"', 1)

    def test_an_unknown_page_has_the_links_too(self):
        self.assertContains(self.client.get("/no/such/page/"), 'href="/earlier/"', status_code=404)


class HomePageTests(TestCase):
    def test_it_shows_what_the_project_is(self):
        for text in settings.PROJECT_NAME, settings.PROJECT_DESCRIPTION:
            self.assertContains(self.client.get(reverse("home")), escape(text))

    def test_it_offers_to_sign_in(self):
        buttons = f'class="button" href="{reverse("account_login")}"'
        self.assertContains(self.client.get(reverse("home")), buttons)
        sign_in(self.client)
        self.assertNotContains(self.client.get(reverse("home")), buttons)

    def test_without_any_link_it_says_so(self):
        sign_in(self.client)
        with mock.patch("{{ cookiecutter.project_slug }}.navigation.all_links", return_value=[]):
            self.assertContains(self.client.get(reverse("home")), gettext("This site is still empty."))
