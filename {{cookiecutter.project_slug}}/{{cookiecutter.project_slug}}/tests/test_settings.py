import runpy
import sqlite3
import tempfile
from unittest import mock

from django.contrib.auth.hashers import make_password
from django.core.files.storage.handler import StorageHandler
from django.db.utils import ConnectionHandler
from django.test import RequestFactory, TestCase
from django.urls import Resolver404
from django.urls.resolvers import RegexPattern, URLResolver

from {{ cookiecutter.project_slug }} import settings, urls
from {{ cookiecutter.project_slug }}.environment import env, read
from {{ cookiecutter.project_slug }}.tests.test_environment import PRODUCTION

POSTGRES = "postgres://user:password@host/name"


def load(**environment):
    """Return the settings of a production site with these variables."""
    with mock.patch.dict(env, read({**PRODUCTION, **environment})):
        return runpy.run_path(settings.__file__)


class SettingsTests(TestCase):
    def test_a_production_site_speaks_https_alone(self):
        for name in "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE":
            with self.subTest(name=name):
                self.assertIs(load()[name], True)
                self.assertNotIn(name, load(DEBUG="True"))

    def test_https_is_believed_of_counted_proxies_alone(self):
        request = RequestFactory().get("/", headers={"x-forwarded-proto": "https"})
        for count, believed in ("", False), ("0", False), ("1", True):
            header = load(TRUSTED_PROXIES=count).get("SECURE_PROXY_SSL_HEADER")
            with self.subTest(count=count), self.settings(SECURE_PROXY_SSL_HEADER=header):
                self.assertIs(request.is_secure(), believed)

    def test_tools_of_developers_are_for_them_alone(self):
        for tool in "debug_toolbar", "zeal":
            with self.subTest(tool=tool):
                self.assertIn(tool, load(DEBUG="True")["INSTALLED_APPS"])
                self.assertNotIn(tool, str(load()["INSTALLED_APPS"] + load()["MIDDLEWARE"]))

    def test_a_production_site_has_no_address_of_the_toolbar(self):
        with mock.patch("django.conf.settings.INSTALLED_APPS", load()["INSTALLED_APPS"]):
            patterns = runpy.run_path(urls.__file__)["urlpatterns"]
        with self.assertRaises(Resolver404):
            URLResolver(RegexPattern("^/"), patterns).resolve("/__debug__/render_panel/")

    def test_passwords_are_hashed_with_argon2(self):
        with self.settings(PASSWORD_HASHERS=load()["PASSWORD_HASHERS"]):
            self.assertRegex(make_password("secret"), "^argon2")

    def test_postgresql_ends_what_takes_too_long_unless_its_address_says_otherwise(self):
        for query, timeout in ("", "30s"), ("?options=-c%20statement_timeout%3D0", "0"):
            with self.subTest(query=query):
                [database] = load(DATABASE_URL=POSTGRES + query)["DATABASES"].values()
                self.assertIn(f"statement_timeout={timeout}", database["OPTIONS"]["options"])

    def test_sqlite_reads_beside_a_transaction_which_locks_out_others_from_its_start(self):
        with tempfile.TemporaryDirectory() as folder:
            handler = ConnectionHandler(load(DATABASE_URL=f"sqlite:///{folder}/db")["DATABASES"])
            connection, other = handler["default"], sqlite3.connect(f"{folder}/db", timeout=0)
            self.addCleanup(connection.close)
            self.addCleanup(other.close)
            connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
            self.assertEqual(other.execute("PRAGMA journal_mode").fetchone(), ("wal",))
            with self.assertRaisesMessage(sqlite3.OperationalError, "database is locked"):
                other.execute("BEGIN IMMEDIATE")

    def test_the_cache_is_in_redis_where_there_is_one(self):
        self.assertNotIn("CACHES", load())
        self.assertEqual(load(REDIS_URL="redis://host:6379/0")["CACHES"]["default"]["LOCATION"], "redis://host:6379/0")

    def test_uploads_are_in_the_bucket_and_shown_from_there(self):
        changed = load(MEDIA_BUCKET_URL="s3://key:secret@s3.example.com/media")
        self.assertEqual(StorageHandler(changed["STORAGES"])["default"].bucket_name, "media")
        self.assertIn("https://s3.example.com", changed["SECURE_CSP"]["img-src"])

    def test_errors_are_reported_where_there_is_a_sentry(self):
        with mock.patch("{{ cookiecutter.project_slug }}.sentry.start") as start:
            load()
            start.assert_not_called()
            load(SENTRY_DSN="https://key@sentry.example.com/1")
            start.assert_called_once_with("https://key@sentry.example.com/1")
