import io
from contextlib import redirect_stdout
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone


class InactiveUsersTests(TestCase):
    def printed(self, *days):
        with redirect_stdout(io.StringIO()) as output:
            call_command("runscript", "inactive_users", script_args=days)
        return output.getvalue().split()

    def test_lists_users_who_have_not_signed_in_for_some_days(self):
        for name, days in ("ada", None), ("bob", 40), ("carol", 1):
            last_login = None if days is None else timezone.now() - timedelta(days=days)
            get_user_model().objects.create_user(f"{name}@example.com", last_login=last_login)
        self.assertCountEqual(self.printed("30"), ["ada@example.com", "bob@example.com"])
        self.assertEqual(self.printed(), ["ada@example.com"])
