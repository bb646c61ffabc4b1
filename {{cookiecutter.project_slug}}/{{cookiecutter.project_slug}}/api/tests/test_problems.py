import json
from unittest import mock

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db.models import ProtectedError
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import CharField
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, APITestCase
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from {{ cookiecutter.project_slug }}.api import problems

ME = "/api/v1/users/me/"
PROBLEM = "application/problem+json"


def answering(response):
    """Make the view of ME return this response."""
    return mock.patch("users.views.MeView.get", return_value=response)


class ProblemTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")

    def setUp(self):
        self.client.force_authenticate(self.ada)

    def assert_problem(self, response, status):
        self.assertEqual(response.status_code, status)
        self.assertEqual(response["Content-Type"], PROBLEM)
        problem = response.json()
        self.assertEqual(problem["status"], status)
        self.assertLessEqual({"type", "title", "detail"}, set(problem))
        return problem

    def test_invalid_input_is_reported_value_by_value(self):
        problem = self.assert_problem(self.client.patch(ME, {"first_name": "x" * 151}), 400)
        detail = CharField.default_error_messages["max_length"].format(max_length=150)
        self.assertEqual(problem["errors"], [{"pointer": "#/first_name", "detail": detail, "code": "max_length"}])

    def test_input_that_is_not_an_object(self):
        problem = self.assert_problem(self.client.patch(ME, ["a"]), 400)
        self.assertEqual(problem["errors"][0]["pointer"], "#")

    def test_malformed_json(self):
        response = self.client.patch(ME, "{", content_type="application/json")
        self.assertIn("JSON parse error", self.assert_problem(response, 400)["detail"])

    def test_json_that_is_nested_too_deeply(self):
        response = self.client.patch(ME, "[" * 100_000, content_type="application/json")
        detail = gettext("JSON parse error - The value is nested too deeply.")
        self.assertEqual(self.assert_problem(response, 400)["detail"], detail)

    def test_anonymous_requests_are_refused(self):
        self.client.force_authenticate(None)
        response = self.client.get(ME)
        self.assert_problem(response, 401)
        self.assertEqual(response["WWW-Authenticate"], "Token")

    def test_unknown_address(self):
        for path in "/api/v1/nothing/", "/api/v2/":
            with self.subTest(path=path):
                self.assert_problem(self.client.get(path), 404)

    def test_unknown_method(self):
        response = self.client.post(ME)
        self.assert_problem(response, 405)
        self.assertIn("PATCH", response["Allow"])

    def test_unknown_types(self):
        self.assert_problem(self.client.get(ME, headers={"accept": "text/csv"}), 406)
        self.assert_problem(self.client.patch(ME, "a,b", content_type="text/csv"), 415)

    def test_unknown_host(self):
        with self.assertLogs("django.security.DisallowedHost"):
            response = self.client.get(ME, headers={"host": "evil.example"})
        self.assert_problem(response, 400)

    def test_too_many_requests(self):
        for scope, method, path in ("user", "get", ME), ("token", "post", reverse("api-token")):
            with self.subTest(path=path), mock.patch.dict(SimpleRateThrottle.THROTTLE_RATES, {scope: "2/min"}):
                cache.clear()
                for _ in range(2):
                    self.assertNotEqual(getattr(self.client, method)(path).status_code, 429)
                response = getattr(self.client, method)(path)
                self.assert_problem(response, 429)
                self.assertGreater(int(response["Retry-After"]), 0)

    def test_too_many_requests_of_a_visitor_with_forged_addresses(self):
        self.client.force_authenticate(None)
        with mock.patch.dict(SimpleRateThrottle.THROTTLE_RATES, {"anon": "2/min"}):
            for number, status in enumerate([400, 400, 429]):
                invented = {"x-forwarded-for": f"1.1.1.{number}"}
                self.assert_problem(self.client.post(reverse("api-token"), headers=invented), status)

    def test_a_view_that_names_no_permission(self):
        self.assertEqual(APIView.as_view()(APIRequestFactory().get("/")).status_code, 401)

    def test_an_error_of_a_view_that_writes_yaml(self):
        for name in "schema", "docs":
            with self.subTest(name=name):
                self.assert_problem(self.client.post(reverse(name)), 405)

    def test_a_body_has_one_size_limit(self):
        # More than Django's own limit.
        body = '{"first_name":' + " " * 3_000_000 + '"Ada"}'
        self.assertEqual(self.client.patch(ME, body, content_type="application/json").data["first_name"], "Ada")
        with self.settings(REQUEST_MAX_SIZE=2_000_000):
            response = self.client.patch(ME, body, content_type="application/json")
        self.assertEqual(self.assert_problem(response, 413)["detail"], "The request is too large.")

    def test_exceptions_that_django_handles_become_problems(self):
        for error, status in (
            (RequestDataTooBig(), 413),
            (TooManyFieldsSent(), 413),
            (ProtectedError("", set()), 409),
        ):
            with self.subTest(error=error), mock.patch.object(APIView, "initial", side_effect=error):
                self.assert_problem(self.client.get(ME), status)

    def test_pointers_are_escaped(self):
        found = problems.errors({"a/b~c": [ErrorDetail("No.", "invalid")]})
        self.assertEqual([error["pointer"] for error in found], ["#/a~1b~0c"])

    def test_errors_in_json_are_left_unchanged(self):
        for response, content in (
            (Response({"reason": "already lent"}, status=409), {"reason": "already lent"}),
            (JsonResponse({"name": ["No."]}, status=400), {"name": ["No."]}),
            (JsonResponse({"trace": "7"}, status=500), {"trace": "7"}),
            (Response(["No."], status=400, content_type="application/vnd.api+json"), ["No."]),
        ):
            with self.subTest(content=content), answering(response), self.assertLogs("django.request"):
                answer = self.client.get(ME)
                self.assertEqual(answer.status_code, response.status_code)
                self.assertEqual(json.loads(answer.content), content)

    def test_errors_that_are_not_json_become_problems(self):
        for response, detail in (
            (HttpResponse("<h1>No</h1>", status=404), "Not Found."),
            (HttpResponse("Too late.", content_type="text/plain", status=410), "Too late."),
            (Response(status=409), "Conflict."),
        ):
            with self.subTest(detail=detail), answering(response):
                problem = self.assert_problem(self.client.get(ME), response.status_code)
                self.assertEqual(problem["detail"], detail)

    def test_a_stream_is_left_unchanged(self):
        with answering(StreamingHttpResponse(["No."], status=404)):
            self.assertEqual(self.client.get(ME).getvalue(), b"No.")

    def test_an_unexpected_error(self):
        self.client.raise_request_exception = False
        with mock.patch.object(APIView, "initial", side_effect=RuntimeError), self.assertLogs("django.request"):
            self.assert_problem(self.client.get(ME), 500)
