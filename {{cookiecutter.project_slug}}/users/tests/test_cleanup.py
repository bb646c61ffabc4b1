from datetime import timedelta
from io import StringIO
from unittest import mock

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache.backends.db import DatabaseCache
from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone

from users.management.commands import cleanup
from users.models import Token

from . import make_user

COUNTS = DatabaseCache("attempts", {})


class CleanupTests(TestCase):
    def setUp(self):
        ada = make_user()
        for name, minutes in ("old", -1), ("new", 1):
            expiry = timezone.now() + timedelta(minutes=minutes)
            Session.objects.create(session_key=name, expire_date=expiry)
            Token.objects.issue(ada, name)
            Token.objects.filter(name=name).update(expires_at=expiry)
            COUNTS.set(name, 5, minutes * 60)
        for name in "new", "gone":
            UserSession.objects.create(user=ada, session_key=name, ip="127.0.0.1")

    def cleaned_up(self):
        """Run the command and return its output."""
        output = StringIO()
        call_command("cleanup", stdout=output)
        return output.getvalue()

    def test_deletes_what_has_expired_and_nothing_else(self):
        output = "Deleted 1 sessions, 1 records of sessions, 1 tokens, 1 counts of sign-ins.\n"
        self.assertEqual(self.cleaned_up(), output)
        for model, field in (Session, "session_key"), (UserSession, "session_key"), (Token, "name"):
            with self.subTest(model=model):
                self.assertEqual(list(model.objects.values_list(field, flat=True)), ["new"])
        self.assertEqual(COUNTS.get("new"), 5)
        self.assertEqual(self.cleaned_up(), output.replace("1", "0"))

    def test_deletes_in_batches(self):
        Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
        with mock.patch.object(cleanup, "BATCH", 1):
            self.assertIn("2 sessions", self.cleaned_up())
        self.assertFalse(Session.objects.exists())
