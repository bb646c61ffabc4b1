from datetime import timedelta
from unittest import mock

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import TestCase, override_settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import status
from rest_framework.test import APITestCase

from users.models import Token

from . import NEW_PASSWORD, PASSWORD, confirm_password, make_user, sign_in

ENGLISH = {"headers": {"accept-language": "en"}}
ME = "/api/v1/users/me/"
TOKEN = "/api/v1/token/"
TOKENS = "/api/v1/tokens/"


class TokenTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()

    def create(self, user=None, **data):
        user = user or self.ada
        return self.client.post(TOKEN, {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD, **data})

    def status(self, token):
        return self.client.get(ME, headers={"authorization": f"Token {token}"}).status_code

    def test_signs_in(self):
        response = self.create(name="Phone")
        self.assertEqual(response.status_code, status.HTTP_201_CREATED)
        self.assertEqual(set(response.data), {"id", "name", "created_at", "last_used_at", "expires_at", "token"})
        self.assertEqual(response.data["name"], "Phone")
        self.assertEqual(self.status(response.data["token"]), status.HTTP_200_OK)

    def test_is_not_given_for_a_wrong_password(self):
        self.assertEqual(self.create(password="wrong").status_code, status.HTTP_401_UNAUTHORIZED)

    @override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
    def test_is_not_given_before_the_address_is_verified(self):
        self.assertEqual(self.create(make_user("bob", verified=False)).status_code, status.HTTP_403_FORBIDDEN)
        self.assertEqual(self.create().status_code, status.HTTP_201_CREATED)

    def test_is_not_given_to_a_deactivated_user(self):
        get_user_model().objects.update(is_active=False)
        self.assertEqual(self.create().status_code, status.HTTP_401_UNAUTHORIZED)

    def test_is_stored_as_a_digest(self):
        text = self.create().data["token"]
        self.assertNotIn(text, str(Token.objects.values()))
        self.assertNotIn(text, str(Token.objects.get()))

    def test_unknown_tokens_are_refused(self):
        self.assertEqual(self.status("unknown"), status.HTTP_401_UNAUTHORIZED)

    def test_expires(self):
        text = self.create().data["token"]
        end = timezone.now() + settings.TOKEN_LIFETIME
        for time, expected in (end - timedelta(minutes=1), status.HTTP_200_OK), (end, status.HTTP_401_UNAUTHORIZED):
            with mock.patch("django.utils.timezone.now", return_value=time):
                self.assertEqual(self.status(text), expected)

    def test_ends_with_the_password(self):
        text = self.create().data["token"]
        self.ada.set_password(NEW_PASSWORD)
        self.ada.save()
        self.assertEqual(self.status(text), status.HTTP_401_UNAUTHORIZED)

    def test_ends_when_the_user_is_deactivated(self):
        text = self.create().data["token"]
        self.ada.is_active = False
        self.ada.save()
        self.ada.is_active = True
        self.ada.save()
        self.assertEqual(self.status(text), status.HTTP_401_UNAUTHORIZED)

    def test_of_a_deactivated_user_does_nothing(self):
        text = self.create().data["token"]
        get_user_model().objects.update(is_active=False)
        self.assertEqual(self.status(text), status.HTTP_401_UNAUTHORIZED)

    def test_its_last_use_is_saved_once_a_minute(self):
        text = self.create().data["token"]
        self.assertIsNone(Token.objects.get().last_used_at)
        self.status(text)
        used = Token.objects.get().last_used_at
        self.status(text)
        self.assertEqual(Token.objects.get().last_used_at, used)
        Token.objects.update(last_used_at=used - timedelta(minutes=2))
        self.status(text)
        self.assertGreater(Token.objects.get().last_used_at, used)

    def test_revokes_itself(self):
        text, other = self.create().data["token"], self.create().data["token"]
        response = self.client.delete(TOKEN, headers={"authorization": f"Token {text}"})
        self.assertEqual(response.status_code, status.HTTP_204_NO_CONTENT)
        self.assertEqual(self.status(text), status.HTTP_401_UNAUTHORIZED)
        self.assertEqual(self.status(other), status.HTTP_200_OK)

    def test_is_revoked_only_by_its_owner(self):
        Token.objects.issue(self.ada, "Phone")
        self.assertEqual(self.client.delete(TOKEN).status_code, status.HTTP_401_UNAUTHORIZED)
        path = f"{TOKENS}{Token.objects.get().pk}/"
        self.client.force_authenticate(make_user("bob"))
        self.assertEqual(self.client.delete(path).status_code, status.HTTP_404_NOT_FOUND)
        self.client.force_authenticate(self.ada)
        self.assertEqual(self.client.delete(path).status_code, status.HTTP_204_NO_CONTENT)

    def test_list_has_own_tokens_without_their_texts(self):
        Token.objects.issue(self.ada, "Phone")
        Token.objects.issue(make_user("bob"), "Tablet")
        self.client.force_authenticate(self.ada)
        [row] = self.client.get(TOKENS).data["results"]
        self.assertEqual(set(row), {"id", "name", "created_at", "last_used_at", "expires_at"})
        self.assertEqual(row["name"], "Phone")


class TokenPageTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()
        cls.path = reverse("token_list")

    def setUp(self):
        sign_in(self.client, self.ada)

    def test_asks_to_sign_in(self):
        client = self.client_class()
        self.assertRedirects(client.get(self.path), f"{reverse('account_login')}?next={self.path}")

    def test_shows_a_new_token_once(self):
        confirm_password(self.client)
        response = self.client.post(self.path, {"name": "Phone"})
        self.assertIn("no-store", response["Cache-Control"])
        text = response.context["text"]
        self.assertContains(response, text)
        self.assertNotContains(self.client.get(self.path), text)
        used = self.client_class().get(ME, headers={"authorization": f"Token {text}"})
        self.assertEqual(used.status_code, 200)

    def test_a_new_token_needs_the_password_again(self):
        session = self.client.session
        session["account_authentication_methods"] = []
        session.save()
        response = self.client.post(self.path, {"name": "Phone"})
        self.assertRedirects(response, f"{reverse('account_reauthenticate')}?next={self.path}")
        self.assertFalse(Token.objects.exists())
        response = self.client.post(response.url, {"password": PASSWORD, "next": self.path})
        self.assertContains(response, response.context["text"])

    def test_a_token_has_a_name(self):
        confirm_password(self.client)
        response = self.client.post(self.path, {"name": ""})
        self.assertEqual(list(response.context["form"].errors), ["name"])

    def test_lists_own_tokens(self):
        self.assertContains(self.client.get(self.path), gettext("No tokens yet."))
        Token.objects.issue(self.ada, "Phone")
        Token.objects.issue(make_user("bob"), "Tablet")
        self.assertContains(self.client.get(self.path, **ENGLISH), "not used yet")
        Token.objects.update(last_used_at=timezone.now())
        response = self.client.get(self.path, **ENGLISH)
        self.assertContains(response, "Phone")
        self.assertContains(response, "last used")
        self.assertNotContains(response, "Tablet")

    def test_revokes_own_tokens(self):
        mine, _ = Token.objects.issue(self.ada, "Phone")
        other, _ = Token.objects.issue(make_user("bob"), "Tablet")
        response = self.client.post(reverse("token_revoke", args=[mine.pk]), follow=True)
        self.assertContains(response, gettext("The token was revoked."))
        self.assertEqual(self.client.post(reverse("token_revoke", args=[other.pk])).status_code, 404)
        self.assertEqual(Token.objects.get(), other)
        self.assertEqual(self.client.get(reverse("token_revoke", args=[other.pk])).status_code, 405)
