from base64 import b64encode
from datetime import timedelta
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Length, NullIf
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from rest_framework import generics, serializers, status
from rest_framework.test import APITestCase

from {{ cookiecutter.project_slug }}.api.pagination import CursorPagination

User = get_user_model()
Token = apps.get_model("users", "Token")


class PagesOfFifty(CursorPagination):
    page_size = 50


class UserSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["id"]


class UserListView(generics.ListAPIView):
    queryset = User.objects.all()
    serializer_class = UserSerializer
    pagination_class = PagesOfFifty
    ordering_fields = ["date_joined", "first_name"]
    ordering = ["-date_joined"]


class TokenSerializer(serializers.ModelSerializer):
    class Meta:
        model = Token
        fields = ["digest"]


class TokenListView(generics.ListAPIView):
    queryset = Token.objects.annotate(length=NullIf(Length("user__first_name"), Value(0)))
    serializer_class = TokenSerializer
    pagination_class = PagesOfFifty
    ordering_fields = ["last_used_at", "last_used_at__year", "length", "user", "user__first_name", "user__last_login"]
    ordering = "user__last_login"


urlpatterns = [path("users/", UserListView.as_view()), path("tokens/", TokenListView.as_view())]


@override_settings(ROOT_URLCONF=__name__)
class CursorPaginationTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = User.objects.create_user("ada@example.com")
        users = [User(email=f"{number}@example.com", first_name=f"Bob {number % 3}") for number in range(120)]
        for user in users:
            setattr(user, User.USERNAME_FIELD, user.email)
        User.objects.bulk_create(users)

    def setUp(self):
        self.client.force_authenticate(self.ada)

    def pages(self, path, link="next"):
        while path:
            yield (page := self.client.get(path).data)
            path = page[link]

    def test_pages_have_each_row_once(self):
        for ordering in "date_joined", "-date_joined", "first_name", "-first_name":
            with self.subTest(ordering=ordering):
                pages = list(self.pages(f"/users/?ordering={ordering}"))
                self.assertEqual(len(pages), 3)
                tie = "-pk" if ordering.startswith("-") else "pk"
                expected = list(User.objects.order_by(ordering, tie).values_list("pk", flat=True))
                self.assertEqual([user["id"] for page in pages for user in page["results"]], expected)

    def test_a_page_reads_its_own_rows_and_one_more(self):
        with CaptureQueriesContext(connection) as queries:
            self.client.get("/users/")
        self.assertIn("LIMIT 51", queries[-1]["sql"])

    def test_pages_are_the_same_on_the_way_back(self):
        pages = list(self.pages("/users/?ordering=first_name"))
        before_the_last = pages[-1]["previous"]
        back = list(self.pages(before_the_last, "previous"))
        self.assertEqual([page["results"] for page in back[::-1]], [page["results"] for page in pages[:-1]])
        self.assertEqual(self.client.get(back[0]["next"]).data["results"], pages[-1]["results"])

    def test_ascending_and_descending_fields_together_are_refused(self):
        for ordering, code in (
            ("first_name,date_joined", status.HTTP_200_OK),
            ("first_name,-date_joined", status.HTTP_400_BAD_REQUEST),
        ):
            with self.subTest(ordering=ordering):
                self.assertEqual(self.client.get("/users/", {"ordering": ordering}).status_code, code)

    def test_forged_cursors_are_not_found(self):
        time = "2026-01-01T00:00:00Z"
        for position in "x", "{}", "[1]", "[" * 2000, '["today", "1"]', f'["{time}", "x"]', "[[], []]":
            with self.subTest(position=position):
                cursor = b64encode(urlencode({"p": position}).encode()).decode()
                response = self.client.get("/users/", {"cursor": cursor})
                self.assertEqual(response.status_code, status.HTTP_404_NOT_FOUND)

    def test_the_description_shows_no_example_of_a_link(self):
        links = CursorPagination().get_paginated_response_schema({})["properties"]
        self.assertNotIn("example", {**links["next"], **links["previous"]})


@override_settings(ROOT_URLCONF=__name__)
class MissingValueTests(APITestCase):
    """A third of the tokens was never used, and a third belongs to users who have never signed in."""

    @classmethod
    def setUpTestData(cls):
        cls.ada = User.objects.create_user("ada@example.com")
        now = timezone.now()
        users = [cls.ada]
        for number in range(6):
            users.append(User.objects.create_user(f"{number}@example.com"))
            users[-1].first_name = "Bob" if number % 2 else ""
            users[-1].last_login = None if number % 3 == 0 else now - timedelta(days=number % 2)
            users[-1].save()
        for number in range(120):
            token = Token(
                digest=f"{number * 37 % 120:03}",
                user=users[number % 7],
                last_used_at=None if number % 3 == 0 else now - timedelta(days=number % 5),
            )
            token.save()

    def setUp(self):
        self.client.force_authenticate(self.ada)

    def expected(self, ordering):
        """Return the order of PostgreSQL, for which NULL is greater than any value."""
        names, descending = ordering.replace("-", "").split(","), ordering.startswith("-")
        order = []
        for name in [*names, "pk"]:
            order.append(F(name).desc(nulls_first=True) if descending else F(name).asc(nulls_last=True))
        return list(TokenListView.queryset.order_by(*order).values_list("digest", flat=True))

    def pages(self, address, link="next"):
        while address:
            yield (page := self.client.get(address).data)
            address = page[link]

    def test_pages_have_each_row_once_in_both_directions(self):
        for names in (
            "last_used_at",
            "length",
            "user",
            "last_used_at__year",
            "user__last_login",
            "user__first_name,last_used_at,user__last_login",
        ):
            for ordering in names, ",".join(f"-{name}" for name in names.split(",")):
                with self.subTest(ordering=ordering):
                    pages = list(self.pages(f"/tokens/?ordering={ordering}"))
                    self.assertEqual(len(pages), 3)
                    found = [token["digest"] for page in pages for token in page["results"]]
                    self.assertEqual(found, self.expected(ordering))
                    back = list(self.pages(pages[-1]["previous"], "previous"))
                    self.assertEqual([page["results"] for page in back[::-1]], [page["results"] for page in pages[:2]])

    def test_each_part_reads_its_own_rows_alone(self):
        following = self.client.get("/tokens/?ordering=last_used_at").data["next"]
        with CaptureQueriesContext(connection) as queries:
            self.client.get(following)
        first, second = [query["sql"] for query in queries if "LIMIT" in query["sql"]]
        self.assertIn("LIMIT 51", first)
        self.assertIn("IS NOT NULL", first)
        self.assertIn("LIMIT 21", second)

    def test_a_forged_cursor_with_null_for_a_required_value_is_not_found(self):
        cursor = b64encode(urlencode({"p": "[null, null]"}).encode()).decode()
        self.assertEqual(self.client.get("/tokens/", {"cursor": cursor}).status_code, status.HTTP_404_NOT_FOUND)
