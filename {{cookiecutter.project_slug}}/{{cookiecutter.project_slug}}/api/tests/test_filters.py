import re

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db.models import DecimalField, DurationField
from django.test import override_settings
from django.urls import path
from django.utils.translation import gettext
from django_filters import rest_framework
from rest_framework import generics, pagination, serializers, status
from rest_framework.test import APITestCase

from {{ cookiecutter.project_slug }}.api.filters import FilterSet, OrderingFilter


class PermissionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Permission
        fields = ["id"]


class PermissionListView(generics.ListAPIView):
    queryset = Permission.objects.all()
    serializer_class = PermissionSerializer
    filterset_fields = ["content_type"]
    search_fields = ["name"]
    ordering_fields = ["id", "name"]
    query_parameters = ["mine"]


class PlainListView(PermissionListView):
    filterset_fields = None
    filter_backends = PermissionListView.filter_backends[:1]
    pagination_class = pagination.LimitOffsetPagination
    query_parameters = []


class EntryFilter(rest_framework.FilterSet):
    time = rest_framework.DateRangeFilter(field_name="action_time")
    flag = rest_framework.RangeFilter(field_name="action_flag")

    class Meta:
        model = LogEntry
        fields = ["object_repr"]


class EntryListView(generics.ListAPIView):
    queryset = LogEntry.objects.all()
    serializer_class = PermissionSerializer
    filterset_class = EntryFilter


urlpatterns = [
    path("permissions/", PermissionListView.as_view()),
    path("plain/", PlainListView.as_view()),
    path("entries/", EntryListView.as_view()),
]


@override_settings(ROOT_URLCONF=__name__)
class FilterTests(APITestCase):
    def setUp(self):
        self.client.force_authenticate(get_user_model().objects.create_user("ada@example.com"))

    def test_a_filter_on_a_relation_is_named_after_the_field(self):
        permission = Permission.objects.first()
        expected = Permission.objects.filter(content_type=permission.content_type_id).count()
        for key, count in (permission.content_type_id, expected), (0, 0):
            with self.subTest(key=key):
                response = self.client.get("/permissions/", {"content_type": key})
                self.assertEqual(len(response.data["results"]), count)

    def test_a_value_that_is_not_a_key_is_refused(self):
        for key in "x", 10**30, -(10**30):
            with self.subTest(key=key):
                response = self.client.get("/permissions/", {"content_type": key})
                self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)
                self.assertEqual(response.data["errors"][0]["pointer"], "#/content_type")

    def test_only_numbers_have_a_range(self):
        for name, has_range in ("id", True), ("content_type", True), ("codename", False):
            with self.subTest(name=name):
                found = FilterSet.filter_for_field(Permission._meta.get_field(name), name)
                self.assertEqual("max_value" in found.extra, has_range)

    def test_numbers_and_durations_are_within_what_the_database_stores(self):
        for field, value in (
            (DecimalField(max_digits=8, decimal_places=2), "1e30"),
            (DurationField(), "999999999 00:00:00"),
        ):
            field.model = Permission
            field.set_attributes_from_name("field")
            found = FilterSet.filter_for_field(field, "field")
            with self.subTest(value=value), self.assertRaises(ValidationError):
                found.field.clean(value)

    def test_a_filter_on_many_objects_takes_a_key(self):
        found = FilterSet.filter_for_field(Group._meta.get_field("permissions"), "permissions")
        self.assertIsInstance(found, rest_framework.NumberFilter)
        permission = Permission.objects.first()
        group = Group.objects.create()
        group.permissions.set(Permission.objects.all()[:2])
        self.assertEqual(list(found.filter(Group.objects.all(), permission.pk)), [group])

    def test_an_unknown_parameter_is_named_with_the_known_ones(self):
        for url, known in (
            ("/permissions/", "content_type, cursor, format, mine, ordering, search"),
            ("/plain/", "format, limit, offset"),
            ("/entries/", "cursor, flag_max, flag_min, format, object_repr, ordering, search, time"),
        ):
            with self.subTest(url=url):
                response = self.client.get(url, {"content_typ": 1, "cursor": ""})
                self.assertEqual(response.status_code, status.HTTP_400_BAD_REQUEST)
                error = response.data["errors"][0]
                self.assertEqual(error["pointer"], "#/content_typ")
                self.assertEqual(error["code"], "unknown")
                detail = gettext("Unknown parameter. The known ones are: %(names)s.") % {"names": known}
                self.assertEqual(error["detail"], detail)

    def test_known_parameters_are_accepted(self):
        for url, name in (
            ("/permissions/", "search"),
            ("/permissions/", "mine"),
            ("/plain/", "limit"),
            ("/entries/", "flag_min"),
        ):
            with self.subTest(name=name):
                self.assertEqual(self.client.get(url, {name: "1"}).status_code, status.HTTP_200_OK)

    def test_an_unknown_field_to_order_by_is_refused(self):
        detail = gettext("Unknown field. The known ones are: %(names)s.") % {"names": "id, name"}
        for order in "nam", "-nam", "id,nam":
            with self.subTest(order=order):
                response = self.client.get("/permissions/", {"ordering": order})
                error = response.data["errors"][0]
                self.assertEqual(error["pointer"], "#/ordering")
                self.assertEqual(error["detail"], detail)
        self.assertEqual(self.client.get("/permissions/?ordering=").status_code, status.HTTP_200_OK)

    def test_the_description_has_the_fields_to_order_by(self):
        (parameter,) = OrderingFilter().get_schema_operation_parameters(PermissionListView())
        for order, count in ("id", 1), ("-name,-id", 1), ("nam", 0), ("id,-name", 0):
            with self.subTest(order=order):
                self.assertEqual(len(re.findall(parameter["schema"]["pattern"], order)), count)
        (parameter,) = OrderingFilter().get_schema_operation_parameters(EntryListView())
        self.assertNotIn("pattern", parameter["schema"])
