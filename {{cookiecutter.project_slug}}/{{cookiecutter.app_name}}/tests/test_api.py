from django.contrib.auth import get_user_model
from rest_framework import status
from rest_framework.test import APITestCase

from {{ cookiecutter.app_name }}.models import Item

ITEMS = "/api/v1/items/"


class ItemAPITests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")
        cls.bob = get_user_model().objects.create_user("bob@example.com")
        cls.item = Item.objects.create(name="Compass", owner=cls.ada)
        cls.path = f"{ITEMS}{cls.item.pk}/"

    def setUp(self):
        self.client.force_authenticate(self.ada)

    def test_refuses_who_did_not_sign_in(self):
        self.client.force_authenticate(None)
        self.assertEqual(self.client.get(ITEMS).status_code, status.HTTP_401_UNAUTHORIZED)
        self.assertEqual(self.client.post(ITEMS, {"name": "Map"}).status_code, status.HTTP_401_UNAUTHORIZED)

    def test_list(self):
        Item.objects.create(name="Map", owner=self.bob)
        self.assertEqual([item["name"] for item in self.client.get(ITEMS).data["results"]], ["Compass"])

    def test_detail(self):
        self.assertEqual(
            set(self.client.get(self.path).data), {"id", "name", "description", "created_at", "updated_at"}
        )

    def test_create(self):
        response = self.client.post(ITEMS, {"name": "Map", "owner": self.bob.pk})
        self.assertEqual(response.status_code, status.HTTP_201_CREATED)
        self.assertEqual(Item.objects.get(pk=response.data["id"]).owner, self.ada)

    def test_create_without_a_name_says_so(self):
        response = self.client.post(ITEMS, {})
        self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)
        self.assertEqual(response.data["errors"][0]["pointer"], "#/name")

    def test_change(self):
        self.assertEqual(self.client.patch(self.path, {"name": "Sextant"}).data["name"], "Sextant")

    def test_delete(self):
        self.assertEqual(self.client.delete(self.path).status_code, status.HTTP_204_NO_CONTENT)
        self.assertFalse(Item.objects.exists())

    def test_the_items_of_others_are_not_found(self):
        self.client.force_authenticate(self.bob)
        for method in "get", "put", "patch", "delete":
            with self.subTest(method=method):
                response = getattr(self.client, method)(self.path, {"name": "Mine"})
                self.assertEqual(response.status_code, status.HTTP_404_NOT_FOUND)
        self.item.refresh_from_db()
        self.assertEqual(self.item.name, "Compass")
