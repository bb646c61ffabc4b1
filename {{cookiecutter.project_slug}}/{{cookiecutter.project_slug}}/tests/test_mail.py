import threading
from unittest import mock

from django.core import mail
from django.core.mail.backends import smtp
from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }}.mail import EmailBackend, attach_html, places, threads


class MailTests(SimpleTestCase):
    def send(self):
        message = mail.EmailMessage("Subject", "Text", "from@example.com", ["to@example.com"])
        return EmailBackend("host", alias="default").send_messages([message])

    def sending(self, send):
        return mock.patch.object(smtp.EmailBackend, "send_messages", side_effect=send)

    def finish(self):
        """Wait until the threads have sent all mail."""
        barrier = threading.Barrier(2)
        for end in [threads.submit(barrier.wait, 20) for _ in range(2)]:
            end.result()

    def test_sending_does_not_wait_for_the_server(self):
        answered, sent = threading.Event(), []
        with self.sending(lambda messages: sent.append(answered.wait(5))):
            self.assertEqual(self.send(), 1)
            answered.set()
            self.finish()
        self.assertEqual(sent, [True])

    def test_a_failure_is_logged_and_frees_its_place_in_the_queue(self):
        for _ in range(30):
            with self.sending(OSError("refused")), self.assertLogs(EmailBackend.__module__) as logs:
                self.send()
                self.finish()
            self.assertIn("OSError: refused", logs.output[0])

    def test_the_queue_for_a_silent_server_is_short(self):
        while places.acquire(blocking=False):
            self.addCleanup(places.release)
        with self.sending(None) as sending, self.assertLogs(EmailBackend.__module__) as logs:
            self.send()
            self.finish()
        sending.assert_not_called()
        self.assertIn("queue is full", logs.output[0])

    def test_html_is_escaped_and_links_to_pages_only(self):
        message = mail.EmailMultiAlternatives("Subject", "<b> of example.com: https://example.com/?a=1&b=2.")
        [(html, _)] = attach_html(message).alternatives
        link = "https://example.com/?a=1&amp;b=2"
        self.assertIn(f'<p>&lt;b&gt; of example.com: <a href="{link}">{link}</a>.</p>', html)
