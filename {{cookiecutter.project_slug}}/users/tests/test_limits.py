from django.conf import settings
from django.contrib.auth import get_user
from django.core import mail
from django.test import TestCase, override_settings
from django.urls import reverse
from django.utils.translation import gettext

from . import NEW_PASSWORD, PASSWORD, make_user, sign_in
from .test_pages import link

TOKEN = "/api/v1/token/"
HERE, ELSEWHERE = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}


class LimitTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.iris = make_user("iris")

    def fail(self, times=5, **extra):
        for _ in range(times):
            response = sign_in(self.client_class(), self.iris, "wrong", **extra)
        return response

    def signs_in(self, password=PASSWORD, **extra):
        client = self.client_class()
        response = sign_in(client, self.iris, password, **extra)
        self.assertEqual(response.status_code == 429, get_user(client).is_anonymous)
        return response.status_code == 302

    def create_token(self, name=None, password=PASSWORD):
        data = {self.iris.USERNAME_FIELD: name or self.iris.get_username(), "password": password}
        return self.client.post(TOKEN, data, content_type="application/json")

    def test_after_five_failures_the_account_is_locked(self):
        self.assertEqual(self.fail().status_code, 200)
        response = sign_in(self.client, self.iris)
        self.assertContains(response, gettext("Too many attempts"), status_code=429)
        self.assertEqual(response["Retry-After"], str(settings.RETRY_AFTER))

    def test_the_api_is_locked_too(self):
        self.fail()
        response = self.create_token()
        self.assertEqual((response.status_code, response["Content-Type"]), (429, "application/problem+json"))
        self.assertEqual(response["Retry-After"], str(settings.RETRY_AFTER))

    def test_failures_with_the_api_count(self):
        for _ in range(5):
            self.assertEqual(self.create_token(password="wrong").status_code, 401)
        self.assertFalse(self.signs_in())

    def test_failures_from_several_addresses_count_together(self):
        for number in range(5):
            self.fail(1, REMOTE_ADDR=f"198.51.100.{number}")
        self.assertFalse(self.signs_in())

    @override_settings(TRUSTED_PROXIES=1)
    def test_behind_a_proxy_the_address_is_that_of_the_client(self):
        self.assertTrue(self.signs_in(headers={"x-forwarded-for": "1.1.1.1, 2.2.2.2"}))
        self.fail(headers={"x-forwarded-for": "3.3.3.3"})
        self.assertTrue(self.signs_in(headers={"x-forwarded-for": "9.9.9.9, 2.2.2.2"}))
        self.assertFalse(self.signs_in(headers={"x-forwarded-for": "2.2.2.2, 3.3.3.3"}))

    def test_names_that_the_database_takes_for_the_same_count_together(self):
        name = self.iris.get_username()
        for spelling in name, name.upper(), name.title(), name.replace("i", "ı"), name:
            self.create_token(spelling, "wrong")
        self.assertFalse(self.signs_in())

    def test_an_address_from_which_the_user_has_signed_in_is_not_locked(self):
        self.assertTrue(self.signs_in(**HERE))
        self.fail(**ELSEWHERE)
        self.assertFalse(self.signs_in(**ELSEWHERE))
        self.assertTrue(self.signs_in(**HERE))
        self.fail(**HERE)
        self.assertFalse(self.signs_in(**HERE))

    def test_a_success_does_not_clear_the_failures_of_others(self):
        self.fail(4, **ELSEWHERE)
        self.assertTrue(self.signs_in(**HERE))
        self.fail(1, **ELSEWHERE)
        self.assertFalse(self.signs_in(**ELSEWHERE))

    def test_a_new_password_clears_the_failures(self):
        self.fail()
        self.client.post(reverse("account_reset_password"), {"email": self.iris.email})
        path = self.client.get(link(mail.outbox[0]), follow=True).redirect_chain[-1][0]
        self.client.post(path, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
        self.assertTrue(self.signs_in(NEW_PASSWORD))

    def test_mails_are_limited(self):
        for number in range(4):
            response = self.client.post(reverse("account_reset_password"), {"email": self.iris.email})
            self.assertEqual(response.status_code, 302 if number < 3 else 429)
        self.assertEqual(len(mail.outbox), 3)
