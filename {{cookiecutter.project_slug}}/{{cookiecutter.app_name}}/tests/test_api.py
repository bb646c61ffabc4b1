from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import status
from rest_framework.test import APITestCase

from {{ cookiecutter.project_slug }}.tests.data import api_data

from ..models import Item
from ..serializers import ItemSerializer
from ..views import ItemViewSet
from . import make_item


class ItemAPITests(APITestCase):
    url = "/api/v1/items/"

    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")
        cls.bob = get_user_model().objects.create_user("bob@example.com")
        cls.mine = make_item(cls.ada)
        cls.path = f"{cls.url}{cls.mine.pk}/"
        cls.other = make_item(cls.ada)
        cls.valid, cls.format = api_data(ItemSerializer, cls.other, cls.ada)

    def setUp(self):
        self.client.force_authenticate(self.ada)

    def test_refuses_anonymous_users(self):
        self.client.force_authenticate(None)
        for method, path in ("get", self.url), ("post", self.url), ("get", self.path), ("delete", self.path):
            with self.subTest(method=method, path=path):
                self.assertEqual(getattr(self.client, method)(path).status_code, status.HTTP_401_UNAUTHORIZED)

    def test_list_has_own_items_the_newest_first(self):
        newer = make_item(self.ada)
        make_item(self.bob)
        results = self.client.get(self.url).data["results"]
        self.assertEqual([row["id"] for row in results], [newer.pk, self.mine.pk])

    def test_list_takes_the_same_queries_for_any_length(self):
        with CaptureQueriesContext(connection) as queries:
            self.client.get(self.url)
        make_item(self.ada)
        with self.assertNumQueries(len(queries)):
            self.client.get(self.url)

    def test_list_in_another_order(self):
        make_item(self.ada)
        for name in ItemViewSet.ordering_fields:
            for ordering in name, f"-{name}":
                with self.subTest(ordering=ordering):
                    sign = ordering[: -len(name)]
                    expected = Item.objects.order_by(ordering, f"{sign}pk")
                    results = self.client.get(self.url, {"ordering": ordering}).data["results"]
                    self.assertEqual([row["id"] for row in results], [row.pk for row in expected])

    def test_search(self):
        make_item(self.ada)
        results = self.client.get(self.url, {"search": self.mine.name}).data["results"]
        self.assertEqual([row["id"] for row in results], [self.mine.pk])

    def test_filter_by_time(self):
        for name, count in ("created_at__gte", 1), ("created_at__lt", 0), ("updated_at__gte", 1), ("updated_at__lt", 0):
            with self.subTest(name=name):
                time = getattr(self.mine, name.partition("__")[0]).isoformat()
                self.assertEqual(len(self.client.get(self.url, {name: time}).data["results"]), count)

    def test_an_unknown_parameter_is_named(self):
        response = self.client.get(self.url, {"nmae": "Map"})
        self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)
        self.assertEqual([error["pointer"] for error in response.data["errors"]], ["#/nmae"])

    def test_detail(self):
        data = self.client.get(self.path).data
        self.assertEqual(data["id"], self.mine.pk)
        self.assertNotIn("owner", data)

    def test_create(self):
        response = self.client.post(self.url, {**self.valid, "owner": self.bob.pk}, format=self.format)
        self.assertEqual(response.status_code, status.HTTP_201_CREATED)
        self.assertEqual(Item.objects.get(pk=response.data["id"]).owner, self.ada)

    def test_create_without_a_required_field_names_it(self):
        for name in [name for name, field in ItemSerializer().fields.items() if field.required]:
            with self.subTest(name=name):
                data = {key: value for key, value in self.valid.items() if key != name}
                response = self.client.post(self.url, data, format=self.format)
                self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)
                self.assertEqual([error["pointer"] for error in response.data["errors"]], [f"#/{name}"])

    def test_change(self):
        response = self.client.put(self.path, self.valid, format=self.format)
        self.assertEqual(response.status_code, status.HTTP_200_OK)
        self.mine.refresh_from_db()
        self.assertEqual(str(self.mine), str(self.other))

    def test_delete(self):
        self.assertEqual(self.client.delete(self.path).status_code, status.HTTP_204_NO_CONTENT)
        self.assertFalse(Item.objects.exists())

    def test_the_data_of_the_owner_has_it(self):
        make_item(self.bob)
        data = self.client.get("/api/v1/users/me/data/").data
        self.assertEqual([row["id"] for row in data["{{ cookiecutter.app_name }}.Item"]], [self.mine.pk])

    def test_the_items_of_others_are_not_found(self):
        self.client.force_authenticate(self.bob)
        for method in "get", "put", "patch", "delete":
            with self.subTest(method=method):
                response = getattr(self.client, method)(self.path)
                self.assertEqual(response.status_code, status.HTTP_404_NOT_FOUND)
        self.assertTrue(Item.objects.filter(pk=self.mine.pk).exists())
