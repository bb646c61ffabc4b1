from rest_framework import status
from rest_framework.test import APITestCase

from . import make_user

ME = "/api/v1/users/me/"


class MeTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user(first_name="Ada")

    def test_refuses_anonymous_users(self):
        for method in "get", "patch", "delete":
            with self.subTest(method=method):
                self.assertEqual(getattr(self.client, method)(ME).status_code, status.HTTP_401_UNAUTHORIZED)

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
