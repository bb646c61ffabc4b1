from unittest import mock

from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }} import sentry
from {{ cookiecutter.project_slug }}.logs import current_request

REQUEST = {
    "method": "POST",
    "url": "https://www.example.com/accounts/password/reset/key/secret/",
    "query_string": "code=secret",
    "data": {"password": "secret"},
    "cookies": {"sessionid": "secret"},
    "env": {"REMOTE_ADDR": "secret"},
    "headers": {"Authorization": "Token secret", "Cookie": "sessionid=secret", "User-Agent": "curl"},
}


class SentryTests(SimpleTestCase):
    def options(self):
        """Return the options of sentry-sdk."""
        with mock.patch("sentry_sdk.init") as init:
            sentry.start("https://key@sentry.example.com/1")
        return init.call_args.kwargs

    def sent(self, event):
        """Return the event as it is sent to Sentry."""
        return self.options()["before_send"](event, {})

    def test_no_value_of_a_variable_is_sent(self):
        self.assertIs(self.options()["include_local_variables"], False)

    def test_no_credentials_are_sent(self):
        event = self.sent({"request": REQUEST})
        self.assertNotIn("secret", str(event))
        self.assertEqual(event["request"]["url"], "https://www.example.com/accounts/password/reset/key/.../")
        self.assertEqual(event["request"]["headers"], {"User-Agent": "curl"})

    def test_an_event_has_the_id_of_its_request(self):
        token = current_request.set(mock.Mock(id="0123456789"))
        self.addCleanup(current_request.reset, token)
        self.assertEqual(self.sent({})["tags"], {"request_id": "0123456789"})

    def test_an_event_outside_of_a_request_is_sent_unchanged(self):
        self.assertEqual(self.sent({"message": "It failed."}), {"message": "It failed."})
