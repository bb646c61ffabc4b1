import io
import json
import logging
from unittest import mock

from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from {{ cookiecutter.project_slug }} import logs


class LogTests(TestCase):
    def setUp(self):
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logs.JSONFormatter())
        handler.addFilter(logs.RefusalFilter())
        patch = mock.patch.object(logging.getLogger(), "handlers", [handler])
        patch.start()
        self.addCleanup(patch.stop)
        level = logs.logger.level
        logs.logger.setLevel(logging.INFO)
        self.addCleanup(logs.logger.setLevel, level)

    def lines(self):
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def test_each_request_has_one_line(self):
        user = get_user_model().objects.create_user("ada@example.com")
        self.client.force_login(user)
        response = self.client.get("/api/v1/users/me/?secret=1")
        [line] = self.lines()
        self.assertEqual((line["method"], line["path"], line["status"]), ("GET", "/api/v1/users/me/", 200))
        self.assertEqual((line["user_id"], line["client"]), (user.pk, "127.0.0.1"))
        self.assertEqual(line["request_id"], response["X-Request-ID"])
        self.assertGreaterEqual(line["duration_ms"], 0)

    def test_a_line_has_the_id_of_the_trace_if_there_is_one(self):
        token = logs.current_request.set(mock.Mock(trace_id="0af7651916cd43dd", spec=["id", "trace_id"]))
        self.addCleanup(logs.current_request.reset, token)
        logging.getLogger("items").warning("It is late.")
        self.assertEqual(self.lines()[0]["trace_id"], "0af7651916cd43dd")

    def test_a_valid_request_id_is_kept(self):
        for given, kept in ("0123-4567_89", True), ("short", False), ("a b c d e f", False), ("x" * 129, False):
            with self.subTest(given=given):
                response = self.client.get("/accounts/login/", headers={"x-request-id": given})
                self.assertEqual(response["X-Request-ID"] == given, kept)

    def test_no_password_token_or_cookie_is_logged(self):
        self.client.cookies["sessionid"] = "secret-session"
        data = {"login": "ada", "username": "ada", "password": "secret-password"}
        self.client.post(reverse("account_login"), data)
        self.client.post(reverse("api-token"), data, content_type="application/json")
        self.client.get("/api/v1/users/me/?token=secret-token", headers={"authorization": "Token secret-token"})
        self.client.get("/accounts/password/reset/key/1-secret-token/")
        self.client.get("/accounts/confirm-email/secret-key/")
        self.assertEqual(len(self.lines()), 5)
        self.assertNotIn("secret", self.stream.getvalue())

    def test_refused_requests_are_logged_without_a_traceback(self):
        self.client.get(reverse("account_login"), headers={"host": "evil.example"})
        refused, _ = self.lines()
        self.assertEqual((refused["level"], refused["logger"]), ("WARNING", "django.security.DisallowedHost"))
        self.assertNotIn("exception", refused)

    def test_an_exception_is_part_of_its_line(self):
        try:
            raise ValueError("no such thing")
        except ValueError:
            logging.getLogger(__name__).exception("It failed.")
        [line] = self.lines()
        self.assertEqual((line["level"], line["message"]), ("ERROR", "It failed."))
        self.assertIn("ValueError: no such thing", line["exception"])

    def test_a_hidden_token_leaves_the_line_json(self):
        for path in "/accounts/password/reset/key/secret", '"/accounts/confirm-email/secret"':
            with self.subTest(path=path):
                record = logging.makeLogRecord({"msg": f"Lost: {path}"})
                self.assertNotIn("secret", json.loads(logs.JSONFormatter().format(record))["message"])

    def test_messages_are_logged_from_the_level_up(self):
        self.assertEqual(logs.config("WARNING", "json")["root"]["level"], "WARNING")

    def test_a_terminal_gets_the_console_format_by_default(self):
        for wanted, is_terminal, style in (None, True, "console"), (None, False, "json"), ("json", True, "json"):
            with self.subTest(wanted=wanted, is_terminal=is_terminal), mock.patch("sys.stderr") as stderr:
                stderr.isatty.return_value = is_terminal
                self.assertEqual(logs.config("INFO", wanted)["handlers"]["stderr"]["formatter"], style)

    def test_console_lines_have_no_token(self):
        record = logging.makeLogRecord({"levelname": "INFO", "msg": "GET %s", "args": ("/password/reset/key/secret/",)})
        self.assertRegex(logs.ConsoleFormatter().format(record), r"^[\d:]{8} INFO    GET /password/reset/key/.../$")
