from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from rest_framework import serializers
from rest_framework.routers import SimpleRouter
from rest_framework.test import APITestCase

from {{ cookiecutter.project_slug }}.api.pagination import CursorPagination
from {{ cookiecutter.project_slug }}.api.serializers import ModelSerializer
from {{ cookiecutter.project_slug }}.api.viewsets import ModelViewSet


class PermissionSerializer(ModelSerializer):
    class Meta:
        model = Permission
        fields = ["id", "codename", "content_type"]


class DescribedSerializer(PermissionSerializer):
    text = serializers.CharField(source="__str__")

    class Meta(PermissionSerializer.Meta):
        fields = [*PermissionSerializer.Meta.fields, "text"]


class PlainSerializer(serializers.Serializer):
    codename = serializers.CharField()


class PagesOfFifty(CursorPagination):
    page_size = 50


class PermissionViewSet(ModelViewSet):
    queryset = Permission.objects.select_related("content_type").prefetch_related("group_set")
    serializer_class = PermissionSerializer
    pagination_class = PagesOfFifty
    ordering = ["codename"]


class DescribedViewSet(PermissionViewSet):
    serializer_class = DescribedSerializer


class PlainViewSet(PermissionViewSet):
    serializer_class = PlainSerializer


class AllViewSet(PermissionViewSet):
    pagination_class = None


class ListViewSet(AllViewSet):
    filter_backends = []

    def get_queryset(self):
        return list(super().get_queryset())


router = SimpleRouter()
for prefix, viewset in (
    ("permissions", PermissionViewSet),
    ("described", DescribedViewSet),
    ("plain", PlainViewSet),
    ("all", AllViewSet),
    ("list", ListViewSet),
):
    router.register(prefix, viewset, prefix)
urlpatterns = [path("", include(router.urls))]


@override_settings(ROOT_URLCONF=__name__)
class ListTests(APITestCase):
    def setUp(self):
        self.client.force_authenticate(get_user_model().objects.create_user("ada@example.com"))
        Group.objects.create(name="Guides").permissions.set(Permission.objects.all())

    def get(self, address):
        with CaptureQueriesContext(connection) as queries:
            data = self.client.get(address).data
        return data, [query["sql"] for query in queries if "auth_permission" in query["sql"]]

    def test_a_list_of_columns_reads_these_columns_alone(self):
        data, [query] = self.get("/permissions/")
        expected = Permission.objects.order_by("codename", "pk").values("id", "codename", "content_type")
        self.assertEqual(data["results"], list(expected[:50]))
        self.assertNotIn('"auth_permission"."name"', query.partition(" FROM ")[0])

    def test_pages_follow_each_other(self):
        address, found = "/permissions/", []
        while address:
            page = self.client.get(address).data
            found += [row["id"] for row in page["results"]]
            address = page["next"]
        self.assertEqual(found, list(Permission.objects.order_by("codename", "pk").values_list("pk", flat=True)))

    def test_other_serializers_get_objects(self):
        texts = [row["text"] for row in self.get("/described/")[0]["results"]]
        self.assertEqual(texts, [str(row) for row in Permission.objects.order_by("codename", "pk")[:50]])
        self.assertEqual(len(self.get("/plain/")[0]["results"]), 50)

    def test_a_list_without_pages_has_all_rows(self):
        count = Permission.objects.count()
        for address in "/all/", "/list/":
            with self.subTest(address=address):
                self.assertEqual(len(self.get(address)[0]), count)
