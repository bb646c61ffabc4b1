from base64 import b64encode
from unittest import mock
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from rest_framework import status
from rest_framework.test import APITestCase
from zeal import NPlusOneError

from {{ cookiecutter.app_name }}.models import Item
from {{ cookiecutter.app_name }}.serializers import ItemSerializer

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

    def test_list_takes_one_query_whatever_its_length(self):
        for _ in range(2):
            with self.assertNumQueries(1):
                self.client.get(ITEMS)
            Item.objects.bulk_create(Item(name="Map", owner=self.ada) for _ in range(60))

    def test_a_query_for_each_item_raises(self):
        Item.objects.create(name="Map", owner=self.ada)
        careless = mock.patch.object(ItemSerializer, "to_representation", lambda self, item: {"owner": str(item.owner)})
        with careless, self.assertLogs("django.request"), self.assertRaises(NPlusOneError):
            self.client.get(ITEMS)

    def test_pages_have_each_item_once(self):
        Item.objects.bulk_create(Item(name=f"Map {number % 3}", owner=self.ada) for number in range(120))
        for ordering in "created_at", "-created_at", "name", "-name":
            with self.subTest(ordering=ordering):
                found, path = [], f"{ITEMS}?ordering={ordering}"
                while path:
                    page = self.client.get(path).data
                    found += [item["id"] for item in page["results"]]
                    path = page["next"]
                tie = "-pk" if ordering.startswith("-") else "pk"
                self.assertEqual(found, list(Item.objects.order_by(ordering, tie).values_list("pk", flat=True)))

    def test_pages_are_the_same_on_the_way_back(self):
        Item.objects.bulk_create(Item(name="Map", owner=self.ada) for _ in range(120))
        pages = [self.client.get(ITEMS, {"ordering": "name"}).data]
        while pages[-1]["next"]:
            pages.append(self.client.get(pages[-1]["next"]).data)
        self.assertGreater(len(pages), 2)
        back = [pages[-1]]
        while back[-1]["previous"]:
            back.append(self.client.get(back[-1]["previous"]).data)
        self.assertEqual([page["results"] for page in back[::-1]], [page["results"] for page in pages])
        self.assertEqual(self.client.get(back[1]["next"]).data["results"], pages[-1]["results"])

    def test_ascending_and_descending_at_once_is_refused(self):
        self.assertEqual(self.client.get(ITEMS, {"ordering": "name,created_at"}).status_code, status.HTTP_200_OK)
        response = self.client.get(ITEMS, {"ordering": "name,-created_at"})
        self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)

    def test_made_up_cursors_are_not_found(self):
        time = "2026-01-01T00:00:00Z"
        for position in "x", "{}", "[1]", '["today", "1"]', f'["{time}", "x"]', "[[], []]":
            with self.subTest(position=position):
                cursor = b64encode(urlencode({"p": position}).encode()).decode()
                response = self.client.get(ITEMS, {"cursor": cursor})
                self.assertEqual(response.status_code, status.HTTP_404_NOT_FOUND)

    def test_search_finds_words_of_name_and_description(self):
        Item.objects.create(name="Map", description="Shows the north", owner=self.ada)
        for words, names in ("compass", ["Compass"]), ("the NORTH", ["Map"]), ("south", []):
            with self.subTest(words=words):
                results = self.client.get(ITEMS, {"search": words}).data["results"]
                self.assertEqual([item["name"] for item in results], names)

    def test_filter_by_time(self):
        for name, count in ("created_at__gte", 1), ("created_at__lt", 0), ("updated_at__gte", 1), ("updated_at__lt", 0):
            with self.subTest(name=name):
                response = self.client.get(ITEMS, {name: self.item.created_at.isoformat()})
                self.assertEqual(len(response.data["results"]), count)

    def test_filter_by_what_is_no_time(self):
        response = self.client.get(ITEMS, {"created_at__gte": "yesterday"})
        self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)

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

    def test_create_with_a_name_that_is_no_text(self):
        for name in "", " \t", "nul \0", 1, None, "x" * 200 + " ":
            with self.subTest(name=name):
                response = self.client.post(ITEMS, {"name": name})
                self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)

    def test_text_stays_as_it_was_sent(self):
        response = self.client.post(ITEMS, {"name": " Map", "description": "\n  Points north.\n"})
        self.assertEqual((response.data["name"], response.data["description"]), (" Map", "\n  Points north.\n"))

    def test_a_long_text_that_cannot_be_stored_is_refused_at_once(self):
        response = self.client.post(ITEMS, {"name": "Map", "description": "x" * 1_000_000 + "\0"})
        self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)

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
