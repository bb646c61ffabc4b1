from importlib.util import find_spec
from unittest import mock

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection
from django.test import TestCase, override_settings
from django.urls import reverse

# The packages are an extra. Without them there is nothing to test.
if find_spec("opentelemetry"):
    from opentelemetry import context, trace
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from {{ cookiecutter.project_slug }} import telemetry

    MIDDLEWARE = list(settings.MIDDLEWARE)
    MIDDLEWARE.insert(2, "{{ cookiecutter.project_slug }}.telemetry.Middleware")

    reader, exporter = InMemoryMetricReader(), InMemorySpanExporter()

    def setUpModule():
        kept = {
            "PeriodicExportingMetricReader": mock.Mock(return_value=reader),
            "OTLPSpanExporter": mock.Mock(return_value=exporter),
        }
        with mock.patch.multiple(telemetry, **kept):
            telemetry.start()

    def spans():
        """Return name -> span for what was traced since the last call."""
        trace.get_tracer_provider().force_flush()
        found = {span.name: span for span in exporter.get_finished_spans()}
        exporter.clear()
        return found

    def labels(name):
        """Return the labels of each series of a metric."""
        found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        points = [point for metric in found if metric.name == name for point in metric.data.data_points]
        return [dict(point.attributes) for point in points]

    @override_settings(MIDDLEWARE=MIDDLEWARE)
    class TelemetryTests(TestCase):
        def setUp(self):
            telemetry.measure_queries(connection)
            spans()

        def begin_request(self):
            context.attach(trace.set_span_in_context(telemetry.tracer.start_span("request")))
            self.addCleanup(context.attach, context.Context())

        def test_a_request_is_measured_by_its_route(self):
            self.client.get(reverse("account_login"))
            expected = {"http.request.method": "GET", "http.response.status_code": 200, "http.route": "accounts/login/"}
            self.assertIn(expected, labels("http.server.request.duration"))
            self.assertEqual(spans()["GET accounts/login/"].attributes["url.path"], "/accounts/login/")

        def test_unknown_paths_and_methods_are_one(self):
            for number in range(3):
                self.client.generic(f"FIND{number}", f"/unknown-{number}/")
            expected = {"http.request.method": "_OTHER", "http.response.status_code": 404}
            self.assertEqual(labels("http.server.request.duration").count(expected), 1)

        def test_a_failed_request_is_an_error(self):
            self.client.raise_request_exception = False
            failing = mock.patch("allauth.account.views.SignupView.get", side_effect=LookupError)
            with failing, self.assertLogs("django.request"):
                self.client.get(reverse("account_signup"))
            [span] = spans().values()
            self.assertIs(span.status.status_code, trace.StatusCode.ERROR)

        def test_no_token_query_or_value_is_sent(self):
            self.client.get("/accounts/password/reset/key/1-secret-token/", {"query": "secret"})
            self.client.post(reverse("account_login"), {"login": "secret-name", "password": "secret-password"})
            sent = spans()
            self.assertIn("SELECT", sent)
            self.assertNotIn("secret", "".join(span.to_json() for span in sent.values()))

        def test_a_query_belongs_to_its_request(self):
            self.client.force_login(get_user_model().objects.create_user("ada@example.com"))
            self.client.get("/api/v1/users/me/", headers={"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"})
            sent = spans()
            self.assertIn("SELECT", sent)
            self.assertEqual({span.context.trace_id for span in sent.values()}, {int("1" * 32, 16)})
            expected = {"db.system.name": connection.vendor, "db.operation.name": "SELECT"}
            self.assertIn(expected, labels("db.client.operation.duration"))

        def test_health_checks_and_commands_are_not_traced(self):
            self.client.get("/readyz")
            get_user_model().objects.exists()
            self.assertEqual(spans(), {})

        def test_a_command_of_redis_is_traced_without_its_key(self):
            self.begin_request()
            execute = telemetry.measured(lambda client, *words: words)
            self.assertEqual(execute(None, "GET", "secret"), ("GET", "secret"))
            self.assertNotIn("secret", spans()["GET"].to_json())

        def test_an_error_of_the_database_is_traced_without_its_message(self):
            self.begin_request()
            with self.assertRaises(IntegrityError), telemetry.operation("postgresql", "INSERT"):
                raise IntegrityError("secret")
            span = spans()["INSERT"]
            self.assertEqual(span.status.description, "IntegrityError")
            self.assertNotIn("secret", span.to_json())

        def test_traces_can_be_turned_off(self):
            names = "BatchSpanProcessor", "MeterProvider", "PeriodicExportingMetricReader", "metrics", "redis", "trace"
            with mock.patch.multiple(telemetry, **dict.fromkeys(names, mock.DEFAULT)) as mocks:
                with mock.patch.dict("os.environ", OTEL_TRACES_EXPORTER="none"):
                    telemetry.start.__wrapped__()
            mocks["BatchSpanProcessor"].assert_not_called()
