from django.test import SimpleTestCase
from psycopg2 import ProgrammingError

from {{ cookiecutter.project_slug }} import service_urls

REFUSED = {
    service_urls.database_url: [
        "postgres://user:secret@host",
        "postgres://user:secret@host/",
        "postgres://user:12/b@host/name",
        "postgres://user:a?b@host/name",
        "postgres://user:a#b@host/name",
        "postgres://user:a@b@host/name",
        "postgres://user:secret@host:99999/name",
        "postgres://user:secret@host:port/name",
        "postgres://host/name/other",
        "postgres://host/name?unknown=1",
        "postgres://host/name?conn_max_age=long",
        "postgres://host/name?sslmode",
        "mysql://host/name",
        "sqlite://",
        "sqlite://file",
        "sqlite:///file?mode=ro",
        "/file",
    ],
    service_urls.redis_url: ["redis://", "redis://host/name", "redis://:a/b@host/0", "unix://", "http://host/0"],
    service_urls.bucket_url: [
        "s3://key:secret@host",
        "s3://key:secret@host/a/b",
        "s3://key:se/cret@host/bucket",
        "s3://host/bucket",
        "s3://key@host/bucket",
        "s3://key:secret@host/bucket?querystring_auth=False",
    ],
    service_urls.email_url: [
        "smtp://",
        "smtp://user:secret@:25",
        "smtp://user:a/b@host",
        "smtp://user:a?b@host",
        "smtp://host/path",
        "smtp://host?timeout=0",
        "smtp://host?timeout=none",
        "smtp://host?tls=1",
        "filemail://",
        "filemail:///",
        "filemail:///folder?a=1",
        "consolemail://host",
        "mail://host",
    ],
    service_urls.issuer: ["http://host", "https://user:secret@host", "https://host?a=1", "https://", "host"],
    service_urls.sentry_dsn: ["https://host/1", "https://key@host", "https://key@host/project", "key@host/1"],
    service_urls.otlp_endpoint: ["http://", "http://:4318", "http://user:secret@host:4318"],
}


class AddressTests(SimpleTestCase):
    def test_invalid_urls_are_refused(self):
        for read, values in REFUSED.items():
            for value in values:
                with self.subTest(value), self.assertRaises((LookupError, ProgrammingError, ValueError)):
                    read(value)

    def test_a_database_with_a_password_that_has_special_characters(self):
        value = "postgres://us%40er:1%2F2%3F%23%25:x@host:6432/na%20me?sslmode=require&conn_max_age=0"
        config = service_urls.database_url(value)
        self.assertEqual((config["USER"], config["PASSWORD"], config["NAME"]), ("us@er", "1/2?#%:x", "na me"))
        self.assertEqual((config["HOST"], config["PORT"], config["CONN_MAX_AGE"]), ("host", 6432, 0))
        self.assertEqual(config["OPTIONS"], {"sslmode": "require"})

    def test_a_database_can_be_behind_a_unix_socket(self):
        for value in "postgres://%2Frun%2FPostgreSQL/name", "postgres:///name?host=/run/PostgreSQL":
            with self.subTest(value):
                config = service_urls.database_url(value)
                self.assertEqual(config["HOST"] or config["OPTIONS"]["host"], "/run/PostgreSQL")

    def test_a_database_can_have_an_ipv6_address(self):
        config = service_urls.database_url("postgresql://[::1]:5432/name")
        self.assertEqual((config["HOST"], config["PORT"]), ("::1", 5432))

    def test_sqlite(self):
        self.assertEqual(str(service_urls.database_url("sqlite:////folder/file")["NAME"]), "/folder/file")
        self.assertEqual(service_urls.database_url("sqlite:///:memory:")["NAME"], ":memory:")

    def test_redis(self):
        for value in "redis://host", "rediss://user:secret@host:6380/1", "unix:///run/redis.sock?db=1":
            with self.subTest(value):
                self.assertEqual(service_urls.redis_url(value), value)

    def test_a_bucket_can_have_its_own_host(self):
        bucket = service_urls.bucket_url("s3+http://key:se%2Fcret@localhost:9000/media?region_name=eu-west-1")
        self.assertEqual((bucket["endpoint_url"], bucket["bucket_name"]), ("http://localhost:9000", "media"))
        self.assertEqual((bucket["secret_key"], bucket["region_name"]), ("se/cret", "eu-west-1"))

    def test_each_scheme_of_mail_has_its_encryption_and_port(self):
        for scheme, expected in (
            ("smtp", (25, False, False)),
            ("smtp+tls", (587, True, False)),
            ("smtps", (465, False, True)),
        ):
            with self.subTest(scheme):
                options = service_urls.email_url(f"{scheme}://us%40er:1%2F2@host?timeout=3")["OPTIONS"]
                self.assertEqual((options["port"], options["use_tls"], options["use_ssl"]), expected)
                self.assertEqual((options["host"], options["timeout"]), ("host", 3))

    def test_mail_can_be_written_to_files_or_to_the_terminal(self):
        for value, name in ("filemail:///folder", "filebased"), ("consolemail://", "console"):
            with self.subTest(value):
                self.assertIn(f"django.core.mail.backends.{name}.EmailBackend", service_urls.email_url(value).values())

    def test_sentry(self):
        for value in "https://key@host/1", "http://key:secret@host:9000/path/1":
            with self.subTest(value):
                self.assertEqual(service_urls.sentry_dsn(value), value)

    def test_a_collector(self):
        for value in "http://collector:4318", "https://collector.example.com/otlp/":
            with self.subTest(value):
                self.assertEqual(service_urls.otlp_endpoint(value), value)
