from django.contrib.auth import get_user_model
from rest_framework import status
from rest_framework.test import APITestCase

from {{ cookiecutter.app_name }}.models import Item
from {{ cookiecutter.app_name }}.tests import make_item

LIST = "/api/v1/items/"


class ItemAPITests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")
        cls.bob = get_user_model().objects.create_user("bob@example.com")
        cls.mine = make_item(cls.ada)
        cls.path = f"{LIST}{cls.mine.pk}/"
        cls.valid = {"name": "Map"}

    def setUp(self):
        self.client.force_authenticate(self.ada)

    def test_refuses_anonymous_users(self):
        self.client.force_authenticate(None)
        for method, path in ("get", LIST), ("post", LIST), ("get", self.path), ("delete", self.path):
            with self.subTest(method=method, path=path):
                response = getattr(self.client, method)(path, self.valid)
                self.assertEqual(response.status_code, status.HTTP_401_UNAUTHORIZED)

    def test_list_has_own_items_the_newest_first(self):
        newer = make_item(self.ada)
        make_item(self.bob)
        results = self.client.get(LIST).data["results"]
        self.assertEqual([row["id"] for row in results], [newer.pk, self.mine.pk])

    def test_list_takes_one_query_for_any_length(self):
        for _ in range(2):
            with self.assertNumQueries(1):
                self.client.get(LIST)
            make_item(self.ada)

    def test_list_in_another_order(self):
        newer = make_item(self.ada, name="Map")
        orders = ("created_at", [self.mine, newer]), ("name", [self.mine, newer]), ("-name", [newer, self.mine])
        for ordering, expected in orders:
            with self.subTest(ordering=ordering):
                results = self.client.get(LIST, {"ordering": ordering}).data["results"]
                self.assertEqual([row["id"] for row in results], [row.pk for row in expected])

    def test_search(self):
        other = make_item(self.ada, name="Map")
        for words, expected in ("compass", [self.mine]), ("MAP", [other]), ("north", [other, self.mine]), ("west", []):
            with self.subTest(words=words):
                results = self.client.get(LIST, {"search": words}).data["results"]
                self.assertEqual([row["id"] for row in results], [row.pk for row in expected])

    def test_filter_by_time(self):
        for name, count in ("created_at__gte", 1), ("created_at__lt", 0), ("updated_at__gte", 1), ("updated_at__lt", 0):
            with self.subTest(name=name):
                time = getattr(self.mine, name.partition("__")[0]).isoformat()
                self.assertEqual(len(self.client.get(LIST, {name: time}).data["results"]), count)

    def test_an_unknown_parameter_is_named(self):
        response = self.client.get(LIST, {"nmae": "Map"})
        self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)
        self.assertEqual([error["pointer"] for error in response.data["errors"]], ["#/nmae"])

    def test_detail(self):
        fields = {"id", "name", "description", "created_at", "updated_at"}
        self.assertEqual(set(self.client.get(self.path).data), fields)

    def test_create(self):
        response = self.client.post(LIST, {**self.valid, "owner": self.bob.pk})
        self.assertEqual(response.status_code, status.HTTP_201_CREATED)
        self.assertEqual(Item.objects.get(pk=response.data["id"]).owner, self.ada)

    def test_create_without_a_name_says_so(self):
        response = self.client.post(LIST, {**self.valid, "name": ""})
        self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)
        self.assertEqual([error["pointer"] for error in response.data["errors"]], ["#/name"])

    def test_change(self):
        self.assertEqual(self.client.patch(self.path, {"name": "Sextant"}).data["name"], "Sextant")

    def test_delete(self):
        self.assertEqual(self.client.delete(self.path).status_code, status.HTTP_204_NO_CONTENT)
        self.assertFalse(Item.objects.exists())

    def test_the_data_of_the_owner_has_it(self):
        make_item(self.bob)
        data = self.client.get("/api/v1/users/me/data/").data
        self.assertEqual([row["id"] for row in data["{{ cookiecutter.app_name }}.Item"]], [self.mine.pk])

    def test_the_items_of_others_are_not_found(self):
        self.client.force_authenticate(self.bob)
        for method, data in ("get", {}), ("put", self.valid), ("patch", self.valid), ("delete", {}):
            with self.subTest(method=method):
                response = getattr(self.client, method)(self.path, data)
                self.assertEqual(response.status_code, status.HTTP_404_NOT_FOUND)
        self.mine.refresh_from_db()
        self.assertEqual(self.mine.name, "Compass")
