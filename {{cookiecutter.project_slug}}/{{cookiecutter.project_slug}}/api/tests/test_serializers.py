import math
from datetime import datetime, timedelta
from decimal import Decimal
from unittest import mock
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, models
from django.db.models import F, UniqueConstraint
from django.db.models.functions import Lower
from django.db.models.query_utils import DeferredAttribute
from django.test import RequestFactory, SimpleTestCase, TestCase, override_settings
from django.test.utils import isolate_apps
from django.urls import path
from django.utils import translation
from django.utils.timezone import override as override_timezone
from drf_spectacular.plumbing import ComponentRegistry
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.test import APITestCase
from rest_framework.views import APIView

from {{ cookiecutter.project_slug }}.api.schema import AutoSchema
from {{ cookiecutter.project_slug }}.api.serializers import ModelSerializer, RelatedField


class GroupSerializer(ModelSerializer):
    class Meta:
        model = Group
        fields = ["name"]
        # The validator of unique names would query the database.
        extra_kwargs = {"name": {"validators": []}}


class TextTests(SimpleTestCase):
    def test_text_is_left_unchanged(self):
        serializer = GroupSerializer(data={"name": " \n  Map\t"})
        self.assertTrue(serializer.is_valid())
        self.assertEqual(serializer.validated_data["name"], " \n  Map\t")

    def test_blank_text_and_other_types_are_refused(self):
        for name in "", " \t", "nul \0", 1, None, ["Map"]:
            with self.subTest(name=name):
                self.assertFalse(GroupSerializer(data={"name": name}).is_valid())

    def test_a_long_text_that_cannot_be_stored_is_refused_at_once(self):
        self.assertFalse(GroupSerializer(data={"name": "x" * 1_000_000 + "\0"}).is_valid())


class NumberTests(SimpleTestCase):
    @isolate_apps("users")
    def test_numbers_have_the_range_of_postgresql_on_every_database(self):
        class Page(models.Model):  # noqa: DJ008
            number = models.PositiveIntegerField()

            class Meta:
                app_label = "users"

        class PageSerializer(ModelSerializer):
            class Meta:
                model = Page
                fields = ["number"]

        for number, is_valid in (0, True), (2**31 - 1, True), (2**31, False), (-1, False):
            with self.subTest(number=number):
                self.assertIs(PageSerializer(data={"number": number}).is_valid(), is_valid)


class ArgumentTests(SimpleTestCase):
    def arguments(self):
        return GroupSerializer().build_standard_field("name", Group._meta.get_field("name"))[1]

    def test_labels_have_the_language_of_the_request(self):
        class SignInSerializer(ModelSerializer):
            class Meta:
                model = get_user_model()
                fields = ["last_login"]

        labels = []
        for language in "en", "de", "en":
            with translation.override(language):
                labels.append(str(SignInSerializer().fields["last_login"].label))
        self.assertEqual(labels, ["Last login", "Letzte Anmeldung", "Last login"])

    def test_a_change_of_arguments_stays_with_its_serializer(self):
        first = self.arguments()
        first["validators"].append(math.isfinite)
        first["read_only"] = True
        self.assertNotIn(math.isfinite, self.arguments()["validators"])
        self.assertNotIn("read_only", self.arguments())


class HostileTests(SimpleTestCase):
    @isolate_apps("users")
    def test_values_that_the_database_cannot_store_are_refused(self):
        class Page(models.Model):  # noqa: DJ008
            weight = models.FloatField(null=True)
            lasts = models.DurationField(null=True)
            extra = models.JSONField(null=True)

            class Meta:
                app_label = "users"

        class PageSerializer(ModelSerializer):
            class Meta:
                model = Page
                fields = ["weight", "lasts", "extra"]

        deep = []
        for _ in range(100_000):
            deep = [deep]
        for name, value, is_valid in (
            ("weight", 1.5, True),
            ("weight", "NaN", False),
            ("weight", math.inf, False),
            ("weight", 10**400, False),
            ("lasts", "1 00:00:00", True),
            ("lasts", "999999999 00:00:00", False),
            ("extra", {"a": "\\u0000"}, True),
            ("extra", {"a": "\0"}, False),
            ("extra", {"\ud800": 1}, False),
            ("extra", math.nan, False),
            ("extra", deep, False),
        ):
            with self.subTest(name=name):
                self.assertIs(PageSerializer(data={name: value}).is_valid(), is_valid)

    def test_a_key_that_is_out_of_range_is_refused(self):
        class RowSerializer(ModelSerializer):
            class Meta:
                model = Permission
                fields = ["content_type"]

        self.assertFalse(RowSerializer(data={"content_type": math.inf}).is_valid())


class PermissionSerializer(ModelSerializer):
    label = serializers.CharField(source="name")

    class Meta:
        model = Permission
        fields = ["label", "codename"]


class ConstraintTests(TestCase):
    """A permission belongs to its content type, which the view sets, as an object belongs to its owner."""

    @classmethod
    def setUpTestData(cls):
        cls.type = ContentType.objects.get_for_model(Permission)
        cls.present = Permission.objects.create(content_type=cls.type, name="Present", codename="present")

    def save(self, instance=None, partial=False, **data):
        serializer = PermissionSerializer(instance, data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return serializer.save(content_type=self.type)

    def refused(self, *args, **data):
        with self.assertRaises(serializers.ValidationError) as caught:
            self.save(*args, **data)
        return {name: [error.code for error in errors] for name, errors in caught.exception.detail.items()}

    def test_a_duplicate_is_an_error_of_the_field_that_is_sent(self):
        self.assertEqual(self.refused(label="Other", codename="present"), {"codename": ["unique_together"]})

    def test_a_change_that_makes_a_duplicate_is_refused(self):
        other = self.save(label="Other", codename="other")
        self.assertEqual(self.refused(other, partial=True, codename="present"), {"codename": ["unique_together"]})
        other.refresh_from_db()
        self.assertEqual(self.save(other, label="Changed", codename="other").name, "Changed")

    def test_constraints_name_the_field_as_the_api_does(self):
        for constraint, expected in (
            (UniqueConstraint(fields=["content_type", "name"], name="plain"), "label"),
            (UniqueConstraint(Lower("name"), F("content_type"), name="expressions"), "non_field_errors"),
        ):
            with self.subTest(name=constraint.name):
                with mock.patch.object(Permission._meta, "constraints", [constraint]):
                    self.assertEqual(set(self.refused(label="Present", codename="other")), {expected})

    def test_a_duplicate_of_a_concurrent_request_is_a_validation_error(self):
        validate_unique, calls = Permission.validate_unique, []

        def too_early(permission, exclude=None):
            calls.append(exclude)
            if len(calls) > 1:
                validate_unique(permission, exclude)

        with mock.patch.object(Permission, "validate_unique", too_early):
            self.assertEqual(self.refused(label="Other", codename="present"), {"codename": ["unique_together"]})

    def test_any_other_error_of_the_database_is_raised(self):
        with mock.patch.object(Permission, "save", side_effect=IntegrityError), self.assertRaises(IntegrityError):
            self.save(label="Other", codename="other")


class VisibleQuerySet(models.QuerySet):
    """A user who is called "ada" sees the permission "add_group"; nobody sees another one."""

    def visible_to(self, user):
        return self.filter(codename="add_group") if user.get_username() == "ada" else self.none()


class RelationSerializer(ModelSerializer):
    one = serializers.PrimaryKeyRelatedField(queryset=VisibleQuerySet(Permission))
    permissions = serializers.PrimaryKeyRelatedField(queryset=VisibleQuerySet(Permission), many=True)
    slug = serializers.SlugRelatedField("codename", queryset=VisibleQuerySet(Permission))

    class Meta:
        model = Group
        fields = ["one", "permissions", "slug"]


class VisibilityTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.visible, cls.hidden = (Permission.objects.get(codename=name) for name in ("add_group", "delete_group"))

    def refused(self, permission, context):
        data = {"one": permission.pk, "permissions": [permission.pk], "slug": permission.codename}
        serializer = RelationSerializer(data=data, context=context)
        serializer.is_valid()
        return set(serializer.errors)

    def test_only_visible_objects_can_be_chosen(self):
        request = RequestFactory().get("/")
        request.user = get_user_model()(**{get_user_model().USERNAME_FIELD: "ada"})
        self.assertEqual(self.refused(self.visible, {"request": request}), set())
        self.assertEqual(self.refused(self.hidden, {"request": request}), {"one", "permissions", "slug"})

    def test_nothing_can_be_chosen_without_a_user(self):
        for context in {}, {"request": None}, {"request": RequestFactory().get("/")}:
            with self.subTest(context=context):
                self.assertEqual(self.refused(self.visible, context), {"one", "permissions", "slug"})

    def test_a_relation_can_be_described(self):
        class View(generics.GenericAPIView):
            serializer_class = RelationSerializer

        schema = AutoSchema()
        schema.view = View(request=None, format_kwarg=None)
        schema.registry = ComponentRegistry()
        described = schema.resolve_serializer(RelationSerializer(), "request").schema["properties"]
        self.assertEqual(set(described), {"one", "permissions", "slug"})


def serializer_of(shown_model, shown="__all__", base=ModelSerializer, **attributes):
    meta = type("Meta", (), {"model": shown_model, "fields": shown})
    return type("RowSerializer", (base,), {"Meta": meta, **attributes})


class TitleField(models.Field):
    pass


class TitleDescriptor(DeferredAttribute):
    pass


class RowTests(SimpleTestCase):
    """A row of values looks like its object, if each field of the serializer is a column."""

    @isolate_apps("users")
    def test_a_row_looks_like_its_object(self):
        moment = datetime.fromisoformat("2026-03-29T01:30:00+00:00")
        values = {
            models.BooleanField: True,
            models.CharField: " Map ",
            models.DateField: moment.date(),
            models.DateTimeField: moment,
            models.DurationField: timedelta(days=2, seconds=1),
            models.FloatField: 1.5,
            models.GenericIPAddressField: "::1",
            models.IntegerField: -1,
            models.JSONField: {"a": [1, None]},
            models.TextField: "",
            models.TimeField: moment.time(),
            models.URLField: "https://example.com/",
            models.UUIDField: UUID(int=1),
        }
        attributes = {kind.__name__.lower(): kind(null=True) for kind in values}
        attributes["price"] = models.DecimalField(max_digits=8, decimal_places=2)
        attributes["color"] = models.CharField(choices=[("r", "red")])
        attributes["owner"] = models.ForeignKey(get_user_model(), models.CASCADE, related_name="+")
        meta = type("Meta", (), {"app_label": "users"})
        page = type("Page", (models.Model,), {**attributes, "Meta": meta, "__module__": __name__})
        row = {kind.__name__.lower(): value for kind, value in values.items()}
        row = {**row, "id": 7, "price": Decimal("1.5"), "color": "r", "owner": 3}
        key = RelatedField(read_only=True, pk_field=serializers.CharField())
        serializer_class = serializer_of(page, owner=key)
        for zone, empty in ("UTC", []), ("Asia/Kathmandu", []), ("UTC", [kind.__name__.lower() for kind in values]):
            shown = {**row, **dict.fromkeys(empty)}
            instance = page(**{"owner_id" if name == "owner" else name: value for name, value in shown.items()})
            with self.subTest(zone=zone, empty=empty), override_timezone(zone):
                self.assertEqual(set(serializer_class.column_fields()), set(row))
                self.assertEqual(serializer_class(shown).data, serializer_class(instance).data)

    @isolate_apps("users")
    def test_a_serializer_that_needs_the_object_says_so(self):
        class Page(models.Model):  # noqa: DJ008
            name = models.TextField()
            file = models.FileField()
            title = TitleField()
            other = models.TextField()
            other.descriptor_class = TitleDescriptor

            class Meta:
                app_label = "users"

        class ListSerializer(serializers.ListSerializer):
            pass

        class Meta:
            model = Page
            fields = ["id"]
            list_serializer_class = ListSerializer

        def represent(serializer, instance):
            return {}

        self.assertTrue(serializer_of(Page, ["id", "name"]).column_fields())
        for serializer_class in (
            serializer_of(Page, ["name"]),
            serializer_of(Page, ["id", "file"]),
            serializer_of(Page, ["id", "title"]),
            serializer_of(Page, ["id", "other"]),
            serializer_of(Page, ["id", "label"], label=serializers.CharField(source="name")),
            serializer_of(Page, ["id", "url"], url=serializers.SerializerMethodField()),
            serializer_of(Page, ["id"], to_representation=represent),
            serializer_of(Page, ["id"], base=serializer_of(Page, ["id"], get_fields=ModelSerializer.get_fields)),
            serializer_of(Group, ["id", "permissions"]),
            type("RowSerializer", (ModelSerializer,), {"Meta": Meta}),
        ):
            with self.subTest(serializer_class=serializer_class):
                self.assertEqual(serializer_class.column_fields(), {})

    def test_other_mappings_are_represented_as_always(self):
        serializer_class = serializer_of(Group, ["id", "name"])
        self.assertEqual(serializer_class({"name": "Map"}, partial=True).data, {"name": "Map"})


class FileSerializer(serializers.Serializer):
    file = serializers.FileField()


class RelatedFileSerializer(RelationSerializer):
    file = serializers.FileField()

    class Meta:
        model = Group
        fields = ["file", "one"]


class FilesSerializer(serializers.Serializer):
    files = serializers.ListField(child=serializers.FileField())


class FileView(generics.GenericAPIView):
    serializer_class = FileSerializer

    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({"fields": sorted(serializer.validated_data)})


class JSONView(APIView):
    def post(self, request):
        return Response(request.data)


urlpatterns = [
    path("file/", FileView.as_view()),
    path("files/", FileView.as_view(serializer_class=FilesSerializer)),
    path("related/", FileView.as_view(serializer_class=RelatedFileSerializer)),
    path("group/", FileView.as_view(serializer_class=GroupSerializer)),
    path("json/", JSONView.as_view()),
]


@override_settings(ROOT_URLCONF=__name__)
class FileTests(APITestCase):
    def setUp(self):
        self.client.force_authenticate(get_user_model().objects.create_user("ada@example.com"))

    def post(self, address, name):
        return self.client.post(address, {name: SimpleUploadedFile("map.txt", b"North")}, format="multipart")

    def test_a_view_with_a_field_for_a_file_takes_a_form(self):
        for name in "file", "files":
            with self.subTest(name=name):
                self.assertEqual(self.post(f"/{name}/", name).data, {"fields": [name]})

    def test_all_other_views_accept_only_json(self):
        for address in "/group/", "/json/":
            with self.subTest(address=address):
                self.assertEqual(self.post(address, "name").status_code, status.HTTP_415_UNSUPPORTED_MEDIA_TYPE)

    def test_the_description_says_so(self):
        for view, types in (
            (FileView(), ["application/json", "multipart/form-data"]),
            (FileView(serializer_class=GroupSerializer), ["application/json"]),
        ):
            view.request = view.format_kwarg = None
            schema = AutoSchema()
            schema.view = view
            self.assertEqual(schema.map_parsers(), types)

    def test_a_form_needs_the_csrf_token_of_a_session(self):
        client = self.client_class(enforce_csrf_checks=True)
        client.force_login(get_user_model().objects.get())
        # Without this cookie, Django does not look for the token in the form.
        client.cookies["csrftoken"] = "x" * 32
        for address in "/file/", "/related/":
            with self.subTest(address=address):
                response = client.post(address, {"file": SimpleUploadedFile("map.txt", b"North")}, format="multipart")
                self.assertEqual(response.status_code, status.HTTP_403_FORBIDDEN)
