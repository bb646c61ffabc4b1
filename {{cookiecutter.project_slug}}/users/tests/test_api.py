from django.contrib.auth import get_user_model
from rest_framework import status
from rest_framework.test import APITestCase

ME = "/api/v1/users/me/"


class MeTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com", first_name="Ada")

    def test_refuses_who_did_not_sign_in(self):
        self.assertEqual(self.client.get(ME).status_code, status.HTTP_401_UNAUTHORIZED)

    def test_shows_the_own_account(self):
        self.client.force_authenticate(self.ada)
        self.assertEqual(self.client.get(ME).data["first_name"], "Ada")

    def test_changes_names_but_no_rights(self):
        self.client.force_authenticate(self.ada)
        self.client.patch(ME, {"first_name": "Augusta", "is_staff": True, "is_superuser": True})
        self.ada.refresh_from_db()
        self.assertEqual(self.ada.first_name, "Augusta")
        self.assertFalse(self.ada.is_staff or self.ada.is_superuser)
