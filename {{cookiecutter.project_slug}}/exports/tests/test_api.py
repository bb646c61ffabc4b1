from django.contrib.auth import get_user_model
from rest_framework import status
from rest_framework.test import APITransactionTestCase

from exports.models import Export
from exports.tasks import MAX_EXPORTS
from exports.tests import make_export, make_file
from exports.views import too_many

LIST = "/api/v1/exports/"


class ExportAPITests(APITransactionTestCase):
    def setUp(self):
        self.ada = get_user_model().objects.create_user("ada@example.com")
        self.bob = get_user_model().objects.create_user("bob@example.com")
        self.mine = make_file(self.ada)
        self.path = f"{LIST}{self.mine.pk}/"
        self.file = f"{self.path}file/"
        self.client.force_authenticate(self.ada)

    def test_refuses_anonymous_users(self):
        self.client.force_authenticate(None)
        for method, path in (
            ("get", LIST),
            ("post", LIST),
            ("get", self.path),
            ("get", self.file),
            ("delete", self.path),
        ):
            with self.subTest(method=method, path=path):
                self.assertEqual(getattr(self.client, method)(path).status_code, status.HTTP_401_UNAUTHORIZED)

    def test_list_has_own_exports_the_newest_first(self):
        newer = make_export(self.ada)
        make_export(self.bob)
        results = self.client.get(LIST).data["results"]
        self.assertEqual([row["id"] for row in results], [newer.pk, self.mine.pk])

    def test_filter_by_state(self):
        make_export(self.ada)
        self.assertEqual(
            [row["id"] for row in self.client.get(LIST, {"state": "done"}).data["results"]], [self.mine.pk]
        )

    def test_create(self):
        response = self.client.post(LIST)
        self.assertEqual(response.status_code, status.HTTP_201_CREATED)
        export = Export.objects.get(pk=response.data["id"])
        self.assertEqual((export.owner, export.state, export.done), (self.ada, "done", 1))

    def test_a_user_has_few_at_a_time(self):
        for _ in range(MAX_EXPORTS - 1):
            self.assertEqual(self.client.post(LIST).status_code, status.HTTP_201_CREATED)
        response = self.client.post(LIST)
        self.assertEqual(response.status_code, status.HTTP_429_TOO_MANY_REQUESTS)
        self.assertIn(too_many(), response.data["detail"])

    def test_detail(self):
        self.assertEqual(set(self.client.get(self.path).data), {"id", "state", "done", "total", "created_at"})

    def test_file(self):
        for accept in "text/csv", "application/json", "*/*":
            with self.subTest(accept=accept):
                response = self.client.get(self.file, headers={"accept": accept})
                self.assertEqual(response.headers["Content-Type"], "text/csv; charset=utf-8")
                self.assertIn(b"Compass", response.getvalue())

    def test_a_file_that_is_not_there_is_not_found(self):
        for state in "waiting", "done":
            with self.subTest(state=state):
                path = f"{LIST}{make_export(self.ada, state=state).pk}/file/"
                response = self.client.get(path, headers={"accept": "text/csv"})
                self.assertEqual(response.status_code, status.HTTP_404_NOT_FOUND)
                self.assertEqual(response.headers["Content-Type"], "application/problem+json")

    def test_delete(self):
        self.assertEqual(self.client.delete(self.path).status_code, status.HTTP_204_NO_CONTENT)
        self.assertFalse(Export.objects.exists())

    def test_the_exports_of_others_are_not_found(self):
        self.client.force_authenticate(self.bob)
        for method, path in ("get", self.path), ("get", self.file), ("delete", self.path):
            with self.subTest(method=method, path=path):
                self.assertEqual(getattr(self.client, method)(path).status_code, status.HTTP_404_NOT_FOUND)
        self.assertTrue(Export.objects.exists())
