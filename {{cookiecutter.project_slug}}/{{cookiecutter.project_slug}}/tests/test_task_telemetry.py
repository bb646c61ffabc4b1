from importlib.util import find_spec
from unittest import mock

from django.test import TestCase

from {{ cookiecutter.project_slug }}.celery import app
from {{ cookiecutter.project_slug }}.logs import current_request
from {{ cookiecutter.project_slug }}.tests import test_telemetry

# The packages are an extra. Without them there is nothing to test.
if find_spec("opentelemetry"):
    from kombu import Connection
    from opentelemetry import context, metrics, trace

    from {{ cookiecutter.project_slug }} import task_telemetry, telemetry

    setUpModule = test_telemetry.setUpModule

    @app.task
    def measured(fails):
        """Return the name of the span in which this task runs."""
        if fails:
            raise LookupError("secret")
        return trace.get_current_span().name

    class TaskTelemetryTests(TestCase):
        def setUp(self):
            test_telemetry.spans()

        def test_a_task_is_measured_by_its_name_and_state(self):
            self.assertEqual(measured.apply([False]).get(), measured.name)
            with self.assertLogs("celery.app.trace", "ERROR"):
                measured.apply([True])
            found = test_telemetry.labels("celery.task.duration")
            for state in "SUCCESS", "FAILURE":
                self.assertIn({"celery.task": measured.name, "celery.state": state}, found)
            span = test_telemetry.spans()[measured.name]
            self.assertIs(span.status.status_code, trace.StatusCode.ERROR)
            self.assertNotIn("secret", span.to_json())

        def test_a_task_belongs_to_the_trace_of_its_request(self):
            request = telemetry.tracer.start_span("request")
            context.attach(trace.set_span_in_context(request))
            self.addCleanup(context.attach, context.Context())
            headers = {}
            task_telemetry.send_trace(headers)
            self.assertIn(f"{request.get_span_context().trace_id:032x}", headers["traceparent"])
            measured.apply([False])
            self.assertIs(trace.get_current_span(), request)
            self.assertEqual(test_telemetry.spans()[measured.name].parent, request.get_span_context())

        def test_the_log_lines_of_a_task_have_the_id_of_its_trace(self):
            request = mock.Mock()
            self.addCleanup(current_request.reset, current_request.set(request))
            measured.apply([False])
            trace_id = test_telemetry.spans()[measured.name].context.trace_id
            self.assertEqual(request.trace_id, f"{trace_id:032x}")

        def test_the_scheduler_measures_the_queues(self):
            connection = Connection("memory://")
            queue = app.amqp.queues[app.conf.task_default_queue]
            with mock.patch.object(app, "connection_for_read", return_value=connection):
                self.assertEqual([each.value for each in task_telemetry.lengths(None)], [0])
                producer = connection.Producer()
                producer.publish("waits", routing_key=queue.routing_key, exchange=queue.exchange, declare=[queue])
                [observation] = task_telemetry.lengths(None)
            self.assertEqual((observation.value, observation.attributes), (1, {"celery.queue": queue.name}))
            with mock.patch.object(task_telemetry, "meter") as meter:
                task_telemetry.start_scheduler()
            meter.create_observable_gauge.assert_called_once_with("celery.queue.length", [task_telemetry.lengths])

        def test_the_processes_of_a_worker_send_what_they_have_before_they_end(self):
            task_telemetry.start_worker()
            with mock.patch.object(metrics, "get_meter_provider") as measuring:
                with mock.patch.object(trace, "get_tracer_provider") as tracing:
                    task_telemetry.stop_worker()
            measuring.return_value.shutdown.assert_called_once_with()
            tracing.return_value.shutdown.assert_called_once_with()
