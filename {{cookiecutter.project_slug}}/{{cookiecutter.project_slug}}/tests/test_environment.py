import os
import tempfile
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }}.environment import (
    BASE_DIR,
    VARIABLES,
    example,
    read,
    read_dotenv,
    settings_table,
    write,
)

KEY = "abcdefghij" * 5
PRODUCTION = {"SECRET_KEY": KEY, "DATABASE_URL": "postgres://user:secret@host/name"}

SECRETS = {
    "SECRET_KEY": KEY,
    "SECRET_KEY_FALLBACKS": KEY,
    "DATABASE_URL": "postgres://user:secret@host/other",
    "REDIS_URL": "redis://:secret@host:6379/0",
    "MEDIA_BUCKET_URL": "s3://key:secret@host/bucket",
    "EMAIL_URL": "smtp+tls://user:secret@host:587",
    "GITHUB_CLIENT_SECRET": "secret",
    "GOOGLE_CLIENT_SECRET": "secret",
    "OIDC_CLIENT_SECRET": "secret",
    "SENTRY_DSN": "https://secret@host/1",
}

UNUSABLE = {
    "ALLOWED_HOSTS": "www.example.com:8000",
    "CSRF_TRUSTED_ORIGINS": "www.example.com",
    "CORS_ALLOWED_ORIGINS": "https://www.example.com/path",
    "TRUSTED_PROXIES": "one",
    "HSTS": "31536000",
    "ADMIN_URL": "a b",
    "DATABASE_URL": "hidden@host",
    "DATABASE_POOLER": "PgBouncer",
    "REDIS_URL": "hidden:6379",
    "MEDIA_BUCKET_URL": "s3://hidden",
    "EMAIL_URL": "hidden@host",
    "OIDC_ISSUER": "http://login.example.com",
    "SENTRY_DSN": "hidden",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
    "WEB_CONCURRENCY": "0",
    "PORT": "65536",
    "DRAIN_SECONDS": "1.5",
}


class EnvironmentTests(SimpleTestCase):
    def refused(self, **environment):
        with self.assertRaises(SystemExit) as refusal:
            read({**PRODUCTION, **environment})
        return str(refusal.exception)

    def test_each_invalid_value_is_reported_in_one_line_without_secrets(self):
        for name, value in UNUSABLE.items():
            with self.subTest(name=name):
                sentence = self.refused(**{name: value})
                self.assertRegex(sentence, f"^{name} (cannot be .*|is invalid): it must be .*\\.$")
                self.assertNotIn("hidden", sentence)

    def test_all_missing_variables_are_named(self):
        sentences = self.refused(SECRET_KEY="", DATABASE_URL="").splitlines()
        self.assertEqual([sentence.split()[0] for sentence in sentences], ["SECRET_KEY", "DATABASE_URL"])

    def test_a_malformed_debug_is_the_only_error(self):
        [sentence] = self.refused(DEBUG="maybe", SECRET_KEY="", LOG_LEVEL="LOUD").splitlines()
        self.assertRegex(sentence, "^DEBUG cannot be 'maybe': ")

    def test_static_files_are_collected_without_secrets(self):
        values = read({}, building=True)
        self.assertIs(values["DEBUG"], False)
        self.assertIs(values["SECRET_KEY"], None)

    def test_a_weak_key_is_accepted_only_in_development(self):
        for weak in {"SECRET_KEY": "short"}, {"SECRET_KEY": "a" * 60}, {"SECRET_KEY_FALLBACKS": f"{KEY},short"}:
            with self.subTest(weak):
                self.assertIn("short or a placeholder", self.refused(**weak))
                read({**PRODUCTION, **weak, "DEBUG": "True"})

    def test_an_openid_connect_client_needs_its_issuer(self):
        self.assertRegex(self.refused(OIDC_CLIENT_ID="id"), "^OIDC_ISSUER is not set: ")
        values = read({**PRODUCTION, "OIDC_CLIENT_ID": "id", "OIDC_ISSUER": "https://login.example.com/"})
        self.assertEqual(values["OIDC_ISSUER"], "https://login.example.com")

    def test_the_command_that_installs_missing_packages_is_named(self):
        endpoint = {**PRODUCTION, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
        with mock.patch("{{ cookiecutter.project_slug }}.environment.find_spec", return_value=None):
            self.assertIn('pipenv install --deploy --categories "packages telemetry"', self.refused(**endpoint))
            read(endpoint, building=True)

    def test_a_variable_that_is_not_set_has_its_default(self):
        values = read(PRODUCTION)
        self.assertIs(values["DEBUG"], False)
        self.assertIs(values["TRUSTED_PROXIES"], None)
        self.assertEqual(values["ALLOWED_HOSTS"], [])
        self.assertEqual(values["ADMIN_URL"], "admin/")

    def test_development_needs_no_database_url(self):
        values = read({"SECRET_KEY": "short", "DEBUG": "True"})
        self.assertEqual(values["DATABASE_URL"]["NAME"], BASE_DIR / "db.sqlite3")

    def test_values_are_turned_into_what_the_settings_need(self):
        values = read({**PRODUCTION, "ALLOWED_HOSTS": "a.example, b.example", "ADMIN_URL": "/back/office"})
        self.assertEqual(values["ALLOWED_HOSTS"], ["a.example", "b.example"])
        self.assertEqual(values["ADMIN_URL"], "back/office/")
        self.assertEqual(values["DATABASE_URL"]["PASSWORD"], "secret")

    def test_each_secret_can_be_in_a_file(self):
        for name, value in SECRETS.items():
            with self.subTest(name=name), tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "secret")
                file.write_text(f"{value}\n")
                from_file = read({**PRODUCTION, name: "", f"{name}_FILE": str(file)})
                self.assertEqual(from_file[name], read({**PRODUCTION, name: value})[name])

    def test_a_missing_file_is_named(self):
        self.assertRegex(self.refused(SECRET_KEY="", SECRET_KEY_FILE="/none"), "^SECRET_KEY_FILE names /none, .*")

    def test_a_variable_takes_precedence_over_its_file(self):
        self.assertEqual(read({**PRODUCTION, "SECRET_KEY_FILE": "/none"})["SECRET_KEY"], KEY)

    def test_the_page_of_settings_and_the_example_have_all_variables(self):
        remedy = "run: python -m {{ cookiecutter.project_slug }}.environment"
        self.assertIn(settings_table(), (BASE_DIR / "docs" / "settings.md").read_text(encoding="utf-8"), remedy)
        self.assertEqual((BASE_DIR / ".env.example").read_text(encoding="utf-8"), example(), remedy)
        self.assertEqual(len({variable.name for variable in VARIABLES}), len(VARIABLES))

    def test_the_page_of_settings_and_the_example_are_regenerated(self):
        text = (BASE_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as name:
            page, env_example = Path(name, "docs", "settings.md"), Path(name, ".env.example")
            page.parent.mkdir()
            page.write_text(text.replace("| `DEBUG` |", "| `OLD` |"), encoding="utf-8")
            write(Path(name))
            self.assertEqual(page.read_text(encoding="utf-8"), text)
            self.assertEqual(env_example.read_text(encoding="utf-8"), example())


class DotenvTests(SimpleTestCase):
    def read(self, content, **environment):
        """Read a .env file with these bytes, and return the environment."""
        with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, environment, clear=True):
            file = Path(name, ".env")
            file.write_bytes(content)
            read_dotenv(file)
            return dict(os.environ)

    def refused(self, content):
        with self.assertRaises(SystemExit) as refusal:
            self.read(content)
        return str(refusal.exception)

    def test_lines_are_read_as_pipenv_reads_them(self):
        content = b"A=1 # one\nB = two\nexport C=${A}\nD=\"a\\nb\"\nE='# no comment'\n"
        self.assertEqual(self.read(content), {"A": "1", "B": "two", "C": "1", "D": "a\nb", "E": "# no comment"})

    def test_the_environment_takes_precedence(self):
        self.assertEqual(self.read(b"A=1", A="2"), {"A": "2"})

    def test_a_byte_order_mark_is_ignored(self):
        self.assertEqual(self.read("\ufeffA=ä".encode()), {"A": "ä"})

    def test_a_malformed_line_is_named_without_its_value(self):
        for line in b"A='hidden", b"'hidden", b"A=hid\0den", b"A='a' hidden":
            with self.subTest(line):
                sentence = self.refused(b"# first\n" + line)
                self.assertEqual(sentence, ".env, line 2, is malformed: it must be NAME=value.")

    def test_another_encoding_is_refused(self):
        self.assertEqual(self.refused("A=ä".encode("latin-1")), ".env is not in UTF-8: save it in this encoding.")

    def test_what_cannot_be_read_is_refused(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(SystemExit, "cannot be read: "):
            read_dotenv(Path(folder))

    def test_a_file_is_not_needed(self):
        read_dotenv(Path("/none"))
