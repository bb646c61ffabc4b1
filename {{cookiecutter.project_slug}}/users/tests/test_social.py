from unittest import mock

from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from django.test import TestCase, override_settings
from django.urls import reverse
from requests import ConnectionError

from . import make_user, sign_in

APP = {"client_id": "id", "secret": "secret"}
PROVIDERS = {"github": {"APPS": [APP]}}


class ProviderTests(TestCase):
    def test_without_settings_no_page_mentions_them(self):
        path = reverse("github_login")
        for name in "account_login", "account_signup":
            with self.subTest(name=name):
                self.assertNotContains(self.client.get(reverse(name)), path)
        sign_in(self.client, make_user())
        self.assertNotContains(self.client.get(reverse("account_email")), reverse("socialaccount_connections"))

    def test_without_settings_there_are_no_pages(self):
        self.assertEqual(self.client.get(reverse("github_login")).status_code, 404)

    @override_settings(SOCIALACCOUNT_PROVIDERS=PROVIDERS)
    def test_a_provider_of_the_settings_has_a_button(self):
        path = reverse("github_login")
        for name in "account_login", "account_signup":
            with self.subTest(name=name):
                self.assertContains(self.client.get(reverse(name)), path)
        sign_in(self.client, make_user())
        self.assertContains(self.client.get(reverse("account_email")), reverse("socialaccount_connections"))

    @override_settings(SOCIALACCOUNT_PROVIDERS=PROVIDERS)
    def test_the_button_leads_to_the_provider(self):
        response = self.client.post(reverse("github_login"))
        self.assertEqual(response.url.partition("?")[0], "https://github.com/login/oauth/authorize")
        self.assertIn("client_id=id", response.url)

    @override_settings(SOCIALACCOUNT_PROVIDERS=PROVIDERS)
    def test_a_provider_that_does_not_answer_as_it_should(self):
        self.client.raise_request_exception = False
        for error, status in (ConnectionError, 401), (KeyError, 401), (ZeroDivisionError, 500):
            with self.subTest(error=error), mock.patch.object(OAuth2Provider, "redirect", side_effect=error):
                with self.assertLogs(level="ERROR"):
                    self.assertEqual(self.client.post(reverse("github_login")).status_code, status)
