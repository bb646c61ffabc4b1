import runpy
import sqlite3
import tempfile
from unittest import mock

from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.files.storage.handler import StorageHandler
from django.db.utils import ConnectionHandler
from django.test import RequestFactory, TestCase
from django.urls import Resolver404, reverse
from django.urls.resolvers import RegexPattern, URLResolver
from whitenoise.storage import CompressedManifestStaticFilesStorage

from {{ cookiecutter.project_slug }} import settings, urls
from {{ cookiecutter.project_slug }}.environment import env, read
from {{ cookiecutter.project_slug }}.tests.test_environment import KEY, PRODUCTION

POSTGRES = "postgres://user:password@host/name"


def load(**environment):
    """Return the settings in production with these environment variables."""
    with mock.patch.dict(env, read({**PRODUCTION, **environment})):
        return runpy.run_path(settings.__file__)


def resolve(path):
    """Return the view for this path with the current settings."""
    return URLResolver(RegexPattern("^/"), runpy.run_path(urls.__file__)["urlpatterns"]).resolve(path)


class SettingsTests(TestCase):
    def test_a_list_of_the_environment_is_a_setting(self):
        for name, value in (
            ("ALLOWED_HOSTS", "www.example.com"),
            ("CSRF_TRUSTED_ORIGINS", "https://www.example.com"),
            ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
            ("SECRET_KEY_FALLBACKS", KEY),
        ):
            with self.subTest(name=name):
                self.assertEqual(load(**{name: value})[name], [value])

    def test_the_admin_is_where_the_environment_says(self):
        with self.settings(ADMIN_URL=load(ADMIN_URL="/back-office")["ADMIN_URL"]):
            self.assertEqual(resolve("/back-office/").app_name, "admin")
            with self.assertRaises(Resolver404):
                resolve("/admin/")

    def test_mail_is_sent_by_the_configured_server(self):
        changed = load(EMAIL_URL="smtp+tls://user:secret@mail.example.com:587")
{% if cookiecutter.__django >= "6.1" %}
        with self.settings(MAILERS=changed["MAILERS"]):
            server = mail.mailers["default"]
{% else %}
        with self.settings(**{name: value for name, value in changed.items() if name.startswith("EMAIL_")}):
            server = mail.get_connection()
{% endif %}
        self.assertEqual((server.host, server.port, server.use_tls), ("mail.example.com", 587, True))
        self.assertEqual((server.username, server.password, server.timeout), ("user", "secret", 5))
        self.assertNotEqual(changed["DEFAULT_FROM_EMAIL"], "webmaster@localhost")

    def test_hsts_is_set_by_the_environment(self):
        for value, header in ("", "max-age=3600"), ("max-age=31536000; includeSubDomains; preload",) * 2:
            changed = {name: value for name, value in load(HSTS=value).items() if name.startswith("SECURE_HSTS")}
            with self.subTest(value), self.settings(**changed):
                response = self.client_class().get(reverse("account_login"), secure=True)
                self.assertEqual(response["Strict-Transport-Security"], header)

    def test_the_name_of_a_static_file_has_a_hash(self):
        storage = StorageHandler(load()["STORAGES"])["staticfiles"]
        self.assertIsInstance(storage, CompressedManifestStaticFilesStorage)

    def test_production_uses_only_https(self):
        for name in "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE":
            with self.subTest(name=name):
                self.assertIs(load()[name], True)
                self.assertNotIn(name, load(DEBUG="True"))

    def test_only_trusted_proxies_can_report_https(self):
        request = RequestFactory().get("/", headers={"x-forwarded-proto": "https"})
        for count, trusted in ("", False), ("0", False), ("1", True):
            header = load(TRUSTED_PROXIES=count).get("SECURE_PROXY_SSL_HEADER")
            with self.subTest(count=count), self.settings(SECURE_PROXY_SSL_HEADER=header):
                self.assertIs(request.is_secure(), trusted)

    def test_in_production_an_address_has_to_be_verified(self):
        self.assertEqual(load()["ACCOUNT_EMAIL_VERIFICATION"], "mandatory")
        self.assertEqual(load(DEBUG="True")["ACCOUNT_EMAIL_VERIFICATION"], "optional")

    def test_a_provider_is_there_if_it_has_a_client_id(self):
        self.assertEqual(load()["SOCIALACCOUNT_PROVIDERS"], {})
        issuer = {"OIDC_ISSUER": "https://login.example.com/realm"}
        for name, provider, origin in (
            ("GITHUB", "github", "https://github.com"),
            ("GOOGLE", "google", "https://accounts.google.com"),
            ("OIDC", "openid_connect", "https://login.example.com"),
        ):
            with self.subTest(name=name):
                values = {f"{name}_CLIENT_ID": "id", f"{name}_CLIENT_SECRET": "secret"}
                changed = load(**values, **(issuer if name == "OIDC" else {}))
                [(found, options)] = changed["SOCIALACCOUNT_PROVIDERS"].items()
                [app] = options["APPS"]
                self.assertEqual((found, app["client_id"], app["secret"]), (provider, "id", "secret"))
                self.assertIn(origin, changed["SECURE_CSP"]["form-action"])

    def test_developer_tools_are_off_in_production(self):
        for tool in "debug_toolbar", "zeal":
            with self.subTest(tool=tool):
                self.assertIn(tool, load(DEBUG="True")["INSTALLED_APPS"])
                self.assertNotIn(tool, str(load()["INSTALLED_APPS"] + load()["MIDDLEWARE"]))

{% if cookiecutter.interface == "ASGI" %}
    def test_only_development_servers_have_daphne(self):
        self.assertNotIn("daphne", load()["INSTALLED_APPS"])
        for command in "runserver", "testserver":
            with self.subTest(command=command), mock.patch("sys.argv", ["manage.py", command]):
                self.assertEqual(load()["INSTALLED_APPS"][0], "daphne")

{% endif %}
    def test_production_has_no_urls_of_the_toolbar(self):
        with mock.patch("django.conf.settings.INSTALLED_APPS", load()["INSTALLED_APPS"]):
            with self.assertRaises(Resolver404):
                resolve("/__debug__/render_panel/")

    def test_passwords_are_hashed_with_argon2(self):
        with self.settings(PASSWORD_HASHERS=load()["PASSWORD_HASHERS"]):
            self.assertRegex(make_password("secret"), "^argon2")

    def test_postgresql_has_time_limits_that_its_url_can_change(self):
        limits = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
        for query, options in ("", limits), ("?options=-c%20statement_timeout%3D0", "-c statement_timeout=0"):
            with self.subTest(query=query):
                [database] = load(DATABASE_URL=POSTGRES + query)["DATABASES"].values()
                self.assertEqual(database["OPTIONS"]["options"], options)

    def test_a_connection_ends_soon_after_its_machine(self):
        [database] = load(DATABASE_URL=POSTGRES)["DATABASES"].values()
        self.assertEqual(database["OPTIONS"]["tcp_user_timeout"], 5000)

    def test_a_pooler_is_asked_for_nothing_that_outlives_a_transaction(self):
        [database] = load(DATABASE_URL=POSTGRES, DATABASE_POOLER="True")["DATABASES"].values()
        self.assertIs(database["DISABLE_SERVER_SIDE_CURSORS"], True)
        self.assertNotIn("options", database["OPTIONS"])

    def test_a_connection_is_kept_and_checked_before_it_is_used_again(self):
        [database] = load()["DATABASES"].values()
        self.assertEqual((database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]), (60, True))

    def test_sqlite_reads_during_a_transaction_that_locks_at_its_start(self):
        with tempfile.TemporaryDirectory() as folder:
            handler = ConnectionHandler(load(DATABASE_URL=f"sqlite:///{folder}/db")["DATABASES"])
            connection, other = handler["default"], sqlite3.connect(f"{folder}/db", timeout=0)
            self.addCleanup(connection.close)
            self.addCleanup(other.close)
            connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
            self.assertEqual(other.execute("PRAGMA journal_mode").fetchone(), ("wal",))
            with self.assertRaisesMessage(sqlite3.OperationalError, "database is locked"):
                other.execute("BEGIN IMMEDIATE")

    def test_the_cache_uses_redis_if_there_is_one(self):
        self.assertNotIn("Redis", load()["CACHES"]["default"]["BACKEND"])
        self.assertEqual(load(REDIS_URL="redis://host:6379/0")["CACHES"]["default"]["LOCATION"], "redis://host:6379/0")
{% if cookiecutter.interface == "ASGI" %}

    def test_sockets_use_redis_if_there_is_one(self):
        layer = load(REDIS_URL="redis://host:6379/0")["CHANNEL_LAYERS"]["default"]
        self.assertEqual(layer["CONFIG"]["hosts"], ["redis://host:6379/0"])
{% endif %}

    def test_uploads_are_in_the_bucket_and_shown_from_there(self):
        changed = load(MEDIA_BUCKET_URL="s3://key:secret@s3.example.com/media")
        storage = StorageHandler(changed["STORAGES"])["default"]
        self.assertEqual(storage.bucket_name, "media")
        config = storage.connection.meta.client.meta.config
        self.assertEqual((config.connect_timeout, config.read_timeout, config.signature_version), (5, 5, "s3v4"))
        self.assertIn("https://s3.example.com", changed["SECURE_CSP"]["img-src"])

    def test_errors_are_reported_if_sentry_is_configured(self):
        with mock.patch("{{ cookiecutter.project_slug }}.sentry.start") as start:
            load()
            start.assert_not_called()
            load(SENTRY_DSN="https://key@sentry.example.com/1")
            start.assert_called_once_with("https://key@sentry.example.com/1")

    def test_requests_are_measured_if_there_is_a_collector(self):
        middleware = "{{ cookiecutter.project_slug }}.telemetry.Middleware"
        self.assertNotIn(middleware, load()["MIDDLEWARE"])
        with mock.patch("{{ cookiecutter.project_slug }}.environment.find_spec"):
            changed = load(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318")
        self.assertEqual(changed["MIDDLEWARE"].index(middleware), 2)
