"""A deployed project in operation: required settings, effects of variables, logs, health checks, and shutdown."""

import base64
import json
import re
import secrets
import signal

import pytest

from tests.support.client import PASSWORD, Client
from tests.support.machine import free_port
from tests.support.production import INTERFACES, wait_until
from tests.support.sentry import running_tracker

LIMITS = """
from django.db import connection
with connection.cursor() as cursor:
    for name in "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout":
        cursor.execute(f"SHOW {name}")
        print(cursor.fetchone()[0])
"""

# The tests' PostgreSQL is new enough for each Django, so this raises the version that Django requires.
TOO_OLD = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "{project}.settings"
from django.core.management import execute_from_command_line
from django.db.backends.postgresql.features import DatabaseFeatures
DatabaseFeatures.minimum_database_version = (99,)
execute_from_command_line(["manage.py", "check"])
"""

WRITERS = """
import sqlite3
from django.db import connection, transaction
with connection.cursor() as cursor:
    print([cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "busy_timeout")])
with transaction.atomic():
    other = sqlite3.connect(connection.settings_dict["NAME"], timeout=0, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        print(error)
other.execute("BEGIN IMMEDIATE")
print("free")
"""


VIEW = """

def fail(request):
    password = request.POST["password"]
    raise LookupError(f"the chart is missing for {request.user.pk}, whose password has {len(password)} characters")


urlpatterns.append(path("fail/", fail))
"""
TYPED = "a password that was typed"


def readiness(server):
    answer = Client(server).get("/readyz")
    return answer.status_code, answer.text


@pytest.fixture(scope="module")
def tracker():
    with running_tracker() as tracker:
        yield tracker


@pytest.fixture(scope="module", params=INTERFACES)
def observed(request, deploy, tracker, tmp_path_factory):
    """A server with secrets in files, a JSON log, an error tracker and a view that fails."""
    folder = tmp_path_factory.mktemp("secrets")
    deployment = deploy(request.param, ADMIN_URL="/back-office", LOG_FORMAT="json", SENTRY_DSN=tracker.dsn)
    for name in "SECRET_KEY", "DATABASE_URL":
        (folder / name).write_text(f"{deployment.environment.pop(name)}\n")
        deployment.environment[f"{name}_FILE"] = folder / name
    with (deployment.project.path / "my_project" / "urls.py").open("a") as urls:
        urls.write(VIEW)
    with deployment.serve() as server:
        yield server


@pytest.fixture(scope="module")
def isolated(deploy):
    """A server with a console log and without its Redis."""
    redis = f"redis://127.0.0.1:{free_port()}/0"
    with deploy("ASGI", LOG_FORMAT="console", REDIS_URL=redis).serve() as server:
        yield server


@pytest.mark.parametrize(
    ("interface", "changes", "told"),
    [
        ("ASGI", {"SECRET_KEY": None}, "SECRET_KEY is not set: "),
        ("ASGI", {"TRUSTED_PROXIES": "some"}, "TRUSTED_PROXIES cannot be 'some': "),
        ("WSGI", {"DATABASE_URL": None}, "DATABASE_URL is not set: "),
        ("WSGI", {"SECRET_KEY": "too-short"}, "SECRET_KEY or a fallback is too short or a placeholder: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_setting_stops_the_start_with_one_sentence(deploy, interface, changes, told):
    deployment = deploy(interface)
    environment = {**deployment.environment, **changes}
    environment = {name: value for name, value in environment.items() if value is not None}
    command = deployment.project.answers["__serve"].split()
    done = deployment.project.call(*command, env=environment, check=False, timeout=60)
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert line.startswith(told)
    assert line.endswith(".")
    assert deployment.environment["SECRET_KEY"] not in line


@pytest.mark.parametrize(
    ("interface", "command"),
    [
        ("ASGI", ()),
        ("WSGI", ()),
        pytest.param("ASGI", ("uvicorn", "my_project.asgi:application", "--port", "{port}"), marks=pytest.mark.matrix),
        pytest.param("ASGI", ("daphne", "my_project.asgi:application", "-p", "{port}"), marks=pytest.mark.matrix),
        pytest.param("ASGI", ("python", "manage.py", "runserver", "--noreload", "{port}"), marks=pytest.mark.matrix),
        pytest.param("WSGI", ("python", "manage.py", "runserver", "--noreload", "{port}"), marks=pytest.mark.matrix),
    ],
)
def test_a_production_server_warns_of_debug_once(deploy, interface, command):
    with deploy(interface, DEBUG="True").serve(*command) as server:
        assert server.log.count("DEBUG is on") == ("runserver" not in command)


def test_secrets_are_read_from_files(observed):
    assert readiness(observed) == (200, "ok")


def test_the_admin_is_where_the_environment_says(observed):
    visitor = Client(observed, https=True)
    assert "Django administration" not in visitor.get("/admin/").text
    assert visitor.get("/admin/").status_code == 404
    assert visitor.get("/back-office/").url.endswith("/accounts/login/?next=%2Fback-office%2F")


def test_each_line_of_the_log_is_json_and_has_no_secret(observed):
    ada = Client(observed, https=True).sign_up("ada-logs")
    answer = ada.get("/?token=private", headers={"X-Request-ID": "0123456789abcdef"})
    assert answer.headers["X-Request-ID"] == "0123456789abcdef"
    token = ada.api("POST", "/api/v1/token/", 201, username="ada-logs", password=PASSWORD)["token"]
    ada.get("/api/v1/items/", headers={"Authorization": f"Token {token}"})
    ada.sign_out()
    ada.sign_in("ada-logs", "a wrong password")
    assert readiness(observed) == (200, "ok")
    wait_until(lambda: '"POST /accounts/login/' in observed.log.rpartition("/accounts/logout/")[2], observed)
    log = observed.log
    lines = [json.loads(line) for line in log.splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "0123456789abcdef"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/", 200)
    assert line["client"] == ada.proxied["X-Forwarded-For"]
    assert isinstance(line["user_id"], int)
    assert "/readyz" not in log
    assert "/livez" not in log
    for secret in (PASSWORD, "a wrong password", token, "private", *ada.cookies.values()):
        assert secret not in log


def test_an_error_is_reported_without_secrets(observed, tracker):
    ada = Client(observed, https=True).sign_up("ada")
    basic = base64.b64encode(b"ada:secret").decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Referer": f"{ada.url}/",
        "X-CSRFToken": ada.cookies["csrftoken"],
        "X-Request-ID": "request-of-ada",
    }
    tracker.envelopes.clear()
    answer = ada.post("/fail/", data={"password": TYPED}, headers=headers)
    assert answer.status_code == 500
    assert "LookupError" in observed.log
    wait_until(tracker.events, observed)
    (event,) = tracker.events()
    (error,) = event["exception"]["values"]
    assert (error["type"], error["value"].partition(" for ")[0]) == ("LookupError", "the chart is missing")
    assert error["stacktrace"]["frames"][-1]["function"] == "fail"
    assert event["request"]["url"].endswith(f"//127.0.0.1:{observed.port}/fail/")
    assert {name.lower() for name in event["request"]["headers"]} == {"accept", "content-type", "host", "user-agent"}
    assert event["tags"]["request_id"] == answer.headers["X-Request-ID"] == "request-of-ada"
    secrets = [TYPED, PASSWORD, basic, *ada.cookies.values()]
    assert len(secrets) == 5
    for secret in secrets:
        assert not any(secret.encode() in envelope for envelope in tracker.envelopes), secret


def test_without_a_dsn_sentry_is_not_loaded(installed):
    command = "import sys; print('loaded:', 'django.conf' in sys.modules, 'sentry_sdk' in sys.modules)"
    assert "loaded: True False" in installed("WSGI").run("shell", "-c", command).stdout


def test_the_console_log_has_readable_lines(isolated):
    Client(isolated, https=True).get("/accounts/login/")
    line = r"^\d\d:\d\d:\d\d INFO    GET /accounts/login/ 200 in \d+ ms \[[0-9a-f]{32}\]$"
    wait_until(lambda: re.search(line, isolated.log, re.MULTILINE), isolated)


def test_it_is_not_ready_without_its_redis(isolated):
    assert readiness(isolated) == (503, "no cache")


def test_items_change_while_redis_is_down(isolated):
    ada = Client(isolated, https=True).sign_up("ada-down")
    ada.submit("/items/add/", name="Compass")
    assert ada.names() == ["Compass"]
    # Throttling cannot count requests, so the API rejects them.
    ada.api("GET", "/api/v1/items/", 500)


@pytest.mark.matrix
@pytest.mark.parametrize("interface", INTERFACES)
def test_a_proxy_is_not_trusted_unless_it_is_counted(deploy, interface):
    with deploy(interface).serve(TRUSTED_PROXIES=0) as server:
        answer = Client(server, https=True).get("/accounts/login/", allow_redirects=False)
        assert answer.status_code == 301


@pytest.mark.matrix
def test_a_user_stays_signed_in_when_the_key_is_rotated(deploy):
    deployment = deploy("WSGI")
    with deployment.serve() as server:
        ada = Client(server, https=True).sign_up("ada-rotation")
    former, new = deployment.environment["SECRET_KEY"], secrets.token_urlsafe(48)
    with deployment.serve(SECRET_KEY=new, SECRET_KEY_FALLBACKS=former, port=server.port):
        assert "Sign out" in ada.get("/").text


@pytest.mark.matrix
def test_forms_are_accepted_from_trusted_origins(deploy):
    with deploy("WSGI", CSRF_TRUSTED_ORIGINS="https://www.example.com").serve() as server:
        visitor = Client(server, https=True)
        page = visitor.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        fields = {"csrfmiddlewaretoken": token, "login": "nobody", "password": PASSWORD}
        for origin, status in ("https://www.example.org", 403), ("https://www.example.com", 200):
            answer = visitor.post("/accounts/login/", data=fields, headers={"Origin": origin})
            assert answer.status_code == status


def test_it_is_not_ready_before_the_migrations(deploy, postgres):
    deployment = deploy("WSGI", DATABASE_URL=postgres.database())
    with deployment.serve() as server:
        assert readiness(server) == (503, "migrations missing")
        deployment.run("migrate")
        assert readiness(server) == (200, "ok")


@pytest.mark.parametrize("interface", ["ASGI", pytest.param("WSGI", marks=pytest.mark.matrix)])
def test_it_keeps_serving_while_it_drains_and_then_stops(deploy, interface):
    with deploy(interface).serve(DRAIN_SECONDS=4) as server:
        ada = Client(server, https=True).sign_up(f"ada-drain-{server.port}")
        assert readiness(server) == (200, "ok")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: readiness(server) == (503, "shutting down"), server)
        assert ada.submit("/items/add/", name="Compass").status_code == 200
        assert ada.names() == ["Compass"]
        # After a graceful stop a single Uvicorn process ends itself with the same signal.
        code = {"ASGI": -signal.SIGTERM, "WSGI": 0}[interface]
        assert server.process.wait(30) == code, server.log


@pytest.mark.matrix
def test_postgresql_has_time_limits(deploy):
    deployment = deploy("WSGI")
    assert deployment.run("shell", "-c", LIMITS).stdout.splitlines()[-3:] == ["30s", "10s", "1min"]
    deployment.environment["DATABASE_URL"] += "?options=-c%20statement_timeout%3D5s"
    assert "5s" in deployment.run("shell", "-c", LIMITS).stdout.splitlines()


@pytest.mark.matrix
def test_the_checks_report_a_database_that_is_too_old(deploy):
    deployment = deploy("WSGI")
    script = TOO_OLD.format(project=deployment.project.path.name)
    done = deployment.project.call("python", "-c", script, env=deployment.environment, check=False)
    assert done.returncode != 0
    assert re.search(r"project\.E001\) .* PostgreSQL 99 or later is required \(found \d+", done.stderr), done.stderr


@pytest.mark.matrix
@pytest.mark.parametrize("version", [None, "3.9"])
def test_sqlite_allows_one_writer_and_many_readers(installed, version):
    project = installed("WSGI", version) if version else installed("WSGI")
    lines = project.run("shell", "-c", WRITERS).stdout.splitlines()[-3:]
    assert lines == ["['wal', 20000]", "database is locked", "free"]


@pytest.mark.matrix
def test_processes_share_the_cache_with_redis(installed, redis):
    project = installed("ASGI")
    write = "from django.core.cache import cache; cache.set('shared', 'by all')"
    read = "from django.core.cache import cache; print(cache.get('shared'))"
    project.run("shell", "-c", write, env={"REDIS_URL": redis})
    assert project.run("shell", "-c", read, env={"REDIS_URL": redis}).stdout.splitlines()[-1] == "by all"


@pytest.mark.matrix
def test_messages_below_the_log_level_are_not_logged(installed):
    script = "from logging import getLogger; log = getLogger('items'); log.info('a detail'); log.warning('a fault')"
    done = installed("WSGI").run("shell", "-c", script, env={"LOG_LEVEL": "warning"})
    assert "a fault" in done.stderr
    assert "a detail" not in done.stderr


@pytest.mark.matrix
def test_the_database_is_a_file_of_the_project_whatever_its_folder_is_called(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path / "c++ & #1? 50% é")
    (project.path / "db.sqlite3").unlink()
    project.run("migrate")
    assert (project.path / "db.sqlite3").is_file()
