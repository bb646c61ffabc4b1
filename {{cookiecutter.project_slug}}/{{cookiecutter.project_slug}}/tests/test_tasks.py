from unittest import mock

from celery.schedules import crontab
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.test import SimpleTestCase, TestCase
from django.urls import reverse
from django_celery_results.models import TaskResult
from kombu.exceptions import OperationalError

from {{ cookiecutter.project_slug }} import tasks
from {{ cookiecutter.project_slug }}.celery import app
from {{ cookiecutter.project_slug }}.mail import EmailBackend as ThreadedEmailBackend

SERVER = {"OPTIONS": {"host": "mail.example.com"}}


class MailTests(SimpleTestCase):
    def setUp(self):
        threads = mock.patch.object(ThreadedEmailBackend, "send_messages")
        queue = mock.patch.object(tasks.send_mail, "delay")
        self.threads, self.queue = threads.start(), queue.start()
        self.addCleanup(mock.patch.stopall)
        self.addCleanup(app.conf.__setitem__, "CELERY_TASK_ALWAYS_EAGER", True)
        app.conf["CELERY_TASK_ALWAYS_EAGER"] = False

    def send(self, body="Text"):
        message = EmailMessage("Grüße", body, "from@example.com", ["to@example.com"], bcc=["bcc@example.com"])
        with mock.patch.object(ThreadedEmailBackend, "__init__", return_value=None):
            backend = tasks.EmailBackend()
        backend.connection, backend.fail_silently, backend._lock = None, False, mock.MagicMock()
        self.assertEqual(backend.send_messages([message]), 1)
        return message

    def test_a_worker_gets_the_whole_message(self):
        self.send()
        sender, recipients, content = self.queue.call_args.args
        self.assertEqual((sender, recipients), ("from@example.com", ["to@example.com", "bcc@example.com"]))
        self.assertIn("\r\n\r\nText", content)
        self.assertNotIn("bcc@example.com", content)
        self.threads.assert_not_called()

    def test_a_thread_sends_what_cannot_be_queued(self):
        with self.assertLogs(tasks.logger, "WARNING"):
            message = self.send(body="x" * tasks.MAX_SIZE)
        self.queue.assert_not_called()
        self.threads.assert_called_once_with([message])

    def test_a_thread_sends_it_if_the_broker_is_down(self):
        self.queue.side_effect = OperationalError("refused")
        with self.assertLogs(tasks.logger, "WARNING"):
            message = self.send()
        self.threads.assert_called_once_with([message])

    def test_a_thread_sends_it_if_there_is_no_broker(self):
        app.conf["CELERY_TASK_ALWAYS_EAGER"] = True
        message = self.send()
        self.queue.assert_not_called()
        self.threads.assert_called_once_with([message])

    def deliver(self, **answer):
        """Run the task, with this answer of the mail server. Return the result and the calls to the server."""
        with mock.patch.object(tasks.smtp, "EmailBackend") as backends, mock.patch.dict(tasks.env, EMAIL_URL=SERVER):
            backend = backends.return_value
            backend.connection.sendmail.configure_mock(**answer)
            result = tasks.send_mail.apply(["from@example.com", ["to@example.com"], "Text \udcff"])
        return result, backend.connection.sendmail.call_args_list

    def test_the_worker_sends_it_byte_for_byte(self):
        result, calls = self.deliver()
        self.assertTrue(result.successful())
        self.assertEqual(calls, [mock.call("from@example.com", ["to@example.com"], b"Text \xff")])

    def test_the_worker_tries_again_if_the_mail_server_fails(self):
        with self.assertLogs("celery.app.trace", "ERROR"):
            result, calls = self.deliver(side_effect=OSError("refused"))
        self.assertIsInstance(result.result, OSError)
        self.assertEqual(len(calls), 1 + tasks.send_mail.max_retries)


class CleanUpTests(SimpleTestCase):
    def test_it_runs_each_night(self):
        schedule = {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()}
        self.assertEqual(schedule[tasks.clean_up.name], crontab(hour=3, minute=0))

    def test_it_runs_the_command(self):
        with mock.patch.object(tasks, "call_command") as call_command:
            tasks.clean_up()
        call_command.assert_called_once_with("cleanup")


class ResultTests(TestCase):
    def test_the_admin_shows_them(self):
        self.client.force_login(get_user_model().objects.create_superuser("root@example.com"))
        TaskResult.objects.create(task_id="0001", task_name=tasks.clean_up.name, status="FAILURE")
        response = self.client.get(reverse("admin:django_celery_results_taskresult_changelist"))
        self.assertContains(response, '<td class="field-status">FAILURE</td>', html=True)
        self.assertContains(response, tasks.clean_up.name)
