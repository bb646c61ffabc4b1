import time
from unittest import mock

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth import get_user
from django.test import TestCase
from django.urls import reverse

from . import PASSWORD, confirm_password, make_user, sign_in

TOKEN = "/api/v1/token/"
NOW = time.time()


def code_of(secret):
    """Return the code that an app shows now."""
    return format_hotp_value(hotp_value(secret, int(NOW) // 30))


class StoppedClockMixin:
    """Stops the clock of the codes: a code could expire during a test."""

    def setUp(self):
        clock = mock.patch("allauth.mfa.totp.internal.auth.time", **{"time.return_value": NOW})
        clock.start()
        self.addCleanup(clock.stop)


class SecondFactorTests(StoppedClockMixin, TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()
        cls.secret = generate_totp_secret()
        TOTP.activate(cls.ada, cls.secret)
        [cls.recovery_code, *_] = RecoveryCodes.activate(cls.ada).get_unused_codes()

    def signs_in(self, code):
        client = self.client_class()
        self.assertRedirects(sign_in(client, self.ada), reverse("mfa_authenticate"))
        self.assertTrue(get_user(client).is_anonymous)
        client.post(reverse("mfa_authenticate"), {"code": code})
        return get_user(client) == self.ada

    def token_status(self, **data):
        data = {self.ada.USERNAME_FIELD: self.ada.get_username(), "password": PASSWORD, **data}
        return self.client.post(TOKEN, data, content_type="application/json").status_code

    def test_a_code_is_needed_after_the_password_and_works_once(self):
        code = code_of(self.secret)
        self.assertFalse(self.signs_in("000000" if code != "000000" else "000001"))
        self.assertTrue(self.signs_in(code))
        self.assertFalse(self.signs_in(code))

    def test_a_recovery_code_works_once(self):
        self.assertTrue(self.signs_in(self.recovery_code))
        self.assertFalse(self.signs_in(self.recovery_code))

    def test_a_token_needs_it_too(self):
        self.assertEqual(self.token_status(), 403)
        self.assertEqual(self.token_status(code="1"), 403)
        self.assertEqual(self.token_status(code=code_of(self.secret)), 201)
        self.assertEqual(self.token_status(code=self.recovery_code), 201)

    def test_guessing_codes_is_limited(self):
        for _ in range(5):
            self.assertEqual(self.token_status(code="1"), 403)
        self.assertEqual(self.token_status(code=code_of(self.secret)), 429)


class ActivationTests(StoppedClockMixin, TestCase):
    def activate(self, user):
        sign_in(self.client, user)
        confirm_password(self.client)
        self.client.get(reverse("mfa_activate_totp"))
        code = code_of(self.client.session.get("mfa.totp.secret") or generate_totp_secret())
        self.client.post(reverse("mfa_activate_totp"), {"code": code})
        return Authenticator.objects.filter(user=user, type="totp").exists()

    def test_a_user_adds_it(self):
        self.assertTrue(self.activate(make_user()))

    def test_the_address_has_to_be_verified_first(self):
        with self.settings(ACCOUNT_EMAIL_VERIFICATION="optional"):
            self.assertFalse(self.activate(make_user(verified=False)))
