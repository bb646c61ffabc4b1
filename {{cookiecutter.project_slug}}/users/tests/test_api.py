from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone
from knox.models import AuthToken
from rest_framework import status
from rest_framework.test import APITestCase

ME = "/api/v1/users/me/"
TOKEN = "/api/v1/token/"
PASSWORD = "correct horse battery staple"


class MeTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com", first_name="Ada")

    def test_refuses_anonymous_users(self):
        self.assertEqual(self.client.get(ME).status_code, status.HTTP_401_UNAUTHORIZED)

    def test_shows_the_users_own_account(self):
        self.client.force_authenticate(self.ada)
        self.assertEqual(self.client.get(ME).data["first_name"], "Ada")

    def test_changes_names_but_no_rights(self):
        self.client.force_authenticate(self.ada)
        address = self.ada.email
        forbidden = {"is_staff": True, "is_superuser": True, "id": 0, "email": "eve@example.com"}
        for method in self.client.patch, self.client.put:
            method(ME, {"first_name": "Augusta", **forbidden})
            self.ada.refresh_from_db()
            self.assertEqual((self.ada.first_name, self.ada.email), ("Augusta", address))
            self.assertFalse(self.ada.is_staff or self.ada.is_superuser)


class TokenTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com", password=PASSWORD)

    def sign_in(self, password=PASSWORD):
        return self.client.post(TOKEN, {"username": self.ada.get_username(), "password": password})

    def status(self, token):
        return self.client.get(ME, headers={"authorization": f"Token {token}"}).status_code

    def test_signs_in(self):
        response = self.sign_in()
        self.assertEqual(response.status_code, status.HTTP_201_CREATED)
        self.assertEqual(self.status(response.data["token"]), status.HTTP_200_OK)

    def test_is_not_given_for_a_wrong_password(self):
        self.assertEqual(self.sign_in("wrong").status_code, status.HTTP_401_UNAUTHORIZED)

    def test_is_stored_as_a_hash(self):
        token = self.sign_in().data["token"]
        self.assertNotIn(token, str(AuthToken.objects.values()))

    def test_expires(self):
        token = self.sign_in().data["token"]
        self.assertLess(AuthToken.objects.get().expiry, timezone.now() + timedelta(days=8))
        AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
        self.assertEqual(self.status(token), status.HTTP_401_UNAUTHORIZED)

    def test_is_revoked(self):
        token, other = self.sign_in().data["token"], self.sign_in().data["token"]
        response = self.client.delete(TOKEN, headers={"authorization": f"Token {token}"})
        self.assertEqual(response.status_code, status.HTTP_204_NO_CONTENT)
        self.assertEqual(self.status(token), status.HTTP_401_UNAUTHORIZED)
        self.assertEqual(self.status(other), status.HTTP_200_OK)

    def test_is_revoked_only_by_its_owner(self):
        self.assertEqual(self.client.delete(TOKEN).status_code, status.HTTP_401_UNAUTHORIZED)

    def test_of_a_deactivated_user_does_nothing(self):
        token = self.sign_in().data["token"]
        get_user_model().objects.update(is_active=False)
        self.assertEqual(self.status(token), status.HTTP_401_UNAUTHORIZED)
