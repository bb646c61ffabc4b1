import logging
import os
from functools import partial
from unittest import mock

from celery import signals
from celery.exceptions import Retry
from django.core.checks import run_checks
from django.test import SimpleTestCase
from django.utils import timezone

from {{ cookiecutter.project_slug }} import celery
from {{ cookiecutter.project_slug }}.logs import JSONFormatter, LoggedRequest, current_request
from {{ cookiecutter.project_slug }}.tasks import clean_up, send_mail
from {{ cookiecutter.project_slug }}.tests.test_settings import load


class SettingsTests(SimpleTestCase):
    def load(self, url="", **environment):
        """Return the settings in production with this address of the broker."""
        with mock.patch.dict(os.environ, CELERY_BROKER_URL=url):
            return load(**environment)

    def test_valid_urls(self):
        for url in "redis://:secret@host:6379/1", "rediss://host", "amqp://me:secret@host:5672/name", "amqps://host//":
            with self.subTest(url):
                self.assertEqual(self.load(url)["CELERY_BROKER_URL"], url)

    def test_invalid_urls_are_refused_in_one_sentence_without_secrets(self):
        for url in (
            "amqp://",
            "amqp://us/er:hidden@host",
            "amqp://host:hidden",
            "amqp://host/a/b",
            "redis://host/hidden",
        ):
            with self.subTest(url), self.assertRaises(SystemExit) as refusal:
                self.load(url)
            self.assertRegex(str(refusal.exception), "^CELERY_BROKER_URL is invalid: it must be a URL such as .+[.]$")
            self.assertNotIn("hidden", str(refusal.exception))

    def test_redis_is_the_broker_by_default(self):
        changed = self.load(REDIS_URL="unix:///run/redis.sock?db=1")
        self.assertEqual(changed["CELERY_BROKER_URL"], "redis+socket:///run/redis.sock?virtual_host=1")
        self.assertFalse(changed["CELERY_TASK_ALWAYS_EAGER"])

    def test_without_a_broker_tasks_run_at_once(self):
        self.assertTrue(self.load()["CELERY_TASK_ALWAYS_EAGER"])

    def test_production_without_a_broker_has_a_warning(self):
        self.addCleanup(celery.app.conf.__setitem__, "CELERY_TASK_ALWAYS_EAGER", True)
        for eager, expected in (True, ["project.W004"]), (False, []):
            with self.subTest(eager=eager):
                celery.app.conf["CELERY_TASK_ALWAYS_EAGER"] = eager
                ids = [message.id for message in run_checks(include_deployment_checks=True)]
                self.assertEqual([name for name in ids if name == "project.W004"], expected)

    def test_redis_delivers_no_message_again_while_its_task_can_still_run(self):
        changed = self.load()
        visible = changed["CELERY_BROKER_TRANSPORT_OPTIONS"]["visibility_timeout"]
        self.assertGreater(visible, changed["CELERY_TASK_TIME_LIMIT"] + 240)

    def test_exports_are_in_the_bucket_if_there_is_one(self):
        changed = load(MEDIA_BUCKET_URL="s3://key:secret@s3.example.com/media?location=site")
        options = changed["STORAGES"]["exports"]["OPTIONS"]
        self.assertEqual((options["location"], options["default_acl"]), ("site/exports", "private"))


class TaskTests(SimpleTestCase):
    def test_its_arguments_are_hidden_and_its_message_is_confirmed_in_time(self):
        self.addCleanup(celery.app.conf.__setitem__, "CELERY_TASK_ALWAYS_EAGER", True)
        celery.app.conf["CELERY_TASK_ALWAYS_EAGER"] = False
        with mock.patch.object(celery.app.amqp, "send_task_message") as send:
            send_mail.apply_async(["secret", []], {"content": "secret"}, producer=mock.MagicMock())
        headers = send.call_args.args[2].headers
        self.assertEqual((headers["argsrepr"], headers["kwargsrepr"]), ("...", "..."))
        self.assertEqual(send.call_args.kwargs["confirm_timeout"], 2)

    def queued(self, run, retries=0, **delivery_info):
        """Call `run` in a task with this delivery, and return the options of the messages that it queues."""
        request = {"id": "1", "args": [], "kwargs": {}, "retries": retries, "delivery_info": delivery_info}
        clean_up.push_request(called_directly=False, **request)
        try:
            with mock.patch.object(celery.Task, "apply_async") as queue:
                run()
        except Retry:
            pass
        finally:
            clean_up.pop_request()
        return [call.kwargs for call in queue.call_args_list]

    def start(self, **options):
        """Start a task, and return the number of messages that it queues."""
        return len(self.queued(partial(clean_up.before_start, "1", [], {}), **options))

    def test_a_retry_begins_after_a_second_at_the_earliest(self):
        eta = timezone.now()
        for given, expected in ({"countdown": 0}, 1), ({"countdown": 60}, 60), ({"eta": eta}, None):
            (options,) = self.queued(partial(clean_up.retry, **given))
            self.assertEqual(options["countdown"], expected)
        self.assertEqual(options["eta"], eta)

    def test_a_message_that_is_delivered_again_counts_as_a_retry(self):
        self.assertEqual(self.start(redelivered=False), 0)
        self.assertEqual(self.start(redelivered=True), 1)

    def test_a_task_that_kills_its_worker_each_time_is_given_up(self):
        with self.assertRaisesMessage(RuntimeError, "died too often"):
            self.start(retries=clean_up.max_retries, redelivered=True)


class LogTests(SimpleTestCase):
    def setUp(self):
        self.addCleanup(current_request.set, None)
        self.task = mock.Mock()
        self.task.configure_mock(name="tasks.clean_up")
        self.task.request.configure_mock(id="0001", is_eager=False, headers=None)

    def test_the_id_of_the_request_is_sent_with_the_task(self):
        headers = {}
        signals.before_task_publish.send(sender="tasks.clean_up", headers=headers)
        self.assertEqual(headers, {})
        request = LoggedRequest()
        request.id = "0123456789"
        current_request.set(request)
        signals.before_task_publish.send(sender="tasks.clean_up", headers=headers)
        self.assertEqual(headers, {"request_id": "0123456789"})

    def test_a_task_logs_with_the_id_of_the_request_or_its_own(self):
        for headers, expected in (None, "0001"), ({"request_id": "0123456789"}, "0123456789"):
            self.task.request.headers = headers
            signals.task_prerun.send(sender=None, task=self.task)
            self.assertEqual(current_request.get().id, expected)
            signals.task_postrun.send(sender=None, task=self.task)
            self.assertIs(current_request.get(), None)

    def test_a_task_that_runs_in_a_request_leaves_its_id(self):
        request = LoggedRequest()
        current_request.set(request)
        self.task.request.is_eager = True
        for signal in signals.task_prerun, signals.task_postrun:
            signal.send(sender=None, task=self.task)
            self.assertIs(current_request.get(), request)

    def test_a_worker_logs_with_the_name_of_the_task_and_without_arguments(self):
        handler, strategy = logging.NullHandler(), logging.getLogger("celery.worker.strategy")
        self.addCleanup(strategy.setLevel, strategy.level)
        with mock.patch.object(logging.getLogger(), "handlers", [handler]):
            signals.setup_logging.send(sender=None)
        self.assertFalse(strategy.isEnabledFor(logging.INFO))
        record = logging.makeLogRecord({"msg": "Unknown task %r.\n\n%s", "args": ("tasks.gone", "secret")})
        self.assertTrue(logging.getLogger("celery.worker.consumer.consumer").filter(record))
        self.assertEqual(record.getMessage(), "Unknown task 'tasks.gone'.")
        for task, expected in (None, []), (self.task, ["0001", "tasks.clean_up"]):
            record = logging.makeLogRecord({"msg": "Done"})
            with mock.patch.object(celery, "current_task", task):
                self.assertTrue(handler.filter(record))
            for text in expected:
                self.assertIn(text, JSONFormatter().format(record))
