from datetime import timedelta
from io import StringIO
from unittest import mock

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone
from knox.models import AuthToken

from users.management.commands import cleanup


class CleanupTests(TestCase):
    def setUp(self):
        ada = get_user_model().objects.create_user("ada@example.com")
        now, cool_off = timezone.now(), settings.AXES_COOLOFF_TIME
        for name, age in ("old", timedelta(minutes=1)), ("new", timedelta(minutes=-1)):
            Session.objects.create(session_key=name, expire_date=now - age)
            AuthToken.objects.create(ada, expiry=-age)
            attempt = AccessAttempt.objects.create(username=name, failures_since_start=5)
            AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=now - cool_off - age)
        AuthToken.objects.create(ada, expiry=None)

    def cleaned_up(self):
        """Run the command and return its output."""
        output = StringIO()
        call_command("cleanup", stdout=output)
        return output.getvalue()

    def test_deletes_what_has_expired_and_nothing_else(self):
        self.assertEqual(self.cleaned_up(), "Deleted 1 sessions, 1 tokens, 1 failed sign-ins.\n")
        self.assertEqual(Session.objects.get().session_key, "new")
        self.assertEqual(AuthToken.objects.count(), 2)
        self.assertEqual(AccessAttempt.objects.get().username, "new")
        self.assertEqual(self.cleaned_up(), "Deleted 0 sessions, 0 tokens, 0 failed sign-ins.\n")

    def test_deletes_in_batches(self):
        Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
        with mock.patch.object(cleanup, "BATCH", 1):
            self.assertIn("2 sessions", self.cleaned_up())
        self.assertFalse(Session.objects.exists())
