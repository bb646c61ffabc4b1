"""How a deployed project is run: what it needs to start, what it logs, when it is ready, how it stops."""

import json
import re
import secrets
import signal

import pytest

from tests.client import PASSWORD, Client
from tests.machine import free_port
from tests.production import INTERFACES, SERVE, Deployment, wait_until

SETTINGS = """
from django.db import connection
with connection.cursor() as cursor:
    for name in "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout":
        cursor.execute(f"SHOW {name}")
        print(cursor.fetchone()[0])
"""

# No server is older than what each Django demands, so Django is made to demand more.
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


@pytest.fixture(scope="module", params=INTERFACES)
def deployment(request, installed, postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"operation-{request.param}")
    return Deployment(installed(request.param), folder, postgres.database()).prepare()


def readiness(server):
    answer = Client(server).get("/readyz")
    return answer.status_code, answer.text


def told_at_the_start(deployment, **changes):
    """Return what is printed by a start that fails."""
    environment = {**deployment.environment, **changes}
    environment = {name: value for name, value in environment.items() if value is not None}
    done = deployment.project.call(*SERVE, env=environment, check=False, timeout=60)
    assert done.returncode != 0
    # Pipenv may say that it loads no .env.
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is not set: "),
        ({"SECRET_KEY": "too-short"}, "SECRET_KEY or a fallback is short or a placeholder: "),
        ({"DATABASE_URL": None}, "DATABASE_URL is not set: "),
        ({"TRUSTED_PROXIES": "some"}, "TRUSTED_PROXIES cannot be 'some': "),
        ({"SECRET_KEY": None, "SECRET_KEY_FILE": "/nowhere/key"}, "SECRET_KEY_FILE names /nowhere/key, which cannot "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_will_not_do_stops_the_start_with_one_sentence(deployment, changes, told):
    (line,) = told_at_the_start(deployment, **changes).splitlines()
    assert line.startswith(told)
    assert line.endswith(".")
    assert deployment.environment["SECRET_KEY"] not in line


def test_secrets_are_read_from_files(deployment, tmp_path):
    files = {}
    for name in "SECRET_KEY", "DATABASE_URL":
        files[f"{name}_FILE"] = tmp_path / name
        files[f"{name}_FILE"].write_text(f"{deployment.environment[name]}\n")
    with deployment.serve(SECRET_KEY="", DATABASE_URL="", **files) as server:
        assert readiness(server) == (200, "ok")


def test_who_signed_in_stays_so_when_the_key_is_rotated(deployment):
    with deployment.serve() as server:
        ada = Client(server, https=True).sign_up("ada-rotation")
        port = server.port
    key = secrets.token_urlsafe(48)
    for fallbacks, stays in ("", False), (deployment.environment["SECRET_KEY"], True):
        environment = {**deployment.environment, "SECRET_KEY": key, "SECRET_KEY_FALLBACKS": fallbacks}
        with deployment.project.serve(*SERVE, env=environment, port=port):
            before = ada.cookies.copy()
            assert ("Sign out" in ada.get("/").text) == stays
            # Django ends a session that it cannot verify.
            ada.cookies = before


def test_the_admin_is_where_the_environment_says(deployment):
    with deployment.serve(ADMIN_URL="/back-office") as server:
        visitor = Client(server, https=True)
        assert "Django administration" not in visitor.get("/admin/").text
        assert visitor.get("/admin/").status_code == 404
        assert visitor.get("/back-office/").url.endswith("/back-office/login/?next=/back-office/")


def test_each_line_of_the_log_is_json_and_has_no_secret(deployment):
    with deployment.serve(LOG_FORMAT="json") as server:
        ada = Client(server, https=True).sign_up("ada-logs")
        answer = ada.get("/?token=private", headers={"X-Request-ID": "0123456789abcdef"})
        assert answer.headers["X-Request-ID"] == "0123456789abcdef"
        token = ada.api("POST", "/api/v1/token/", 201, username="ada-logs", password=PASSWORD)["token"]
        ada.get("/api/v1/items/", headers={"Authorization": f"Token {token}"})
        ada.sign_out()
        ada.submit("/accounts/login/", username="ada-logs", password="a wrong password")
        assert readiness(server) == (200, "ok")
        wait_until(lambda: '"POST /accounts/login/' in server.log.rpartition("/accounts/logout/")[2], server)
        log = server.log
    lines = [json.loads(line) for line in log.splitlines() if not line.startswith("Loading .env")]
    (line,) = [line for line in lines if line.get("request_id") == "0123456789abcdef"]
    assert (line["method"], line["path"], line["status"], line["client"]) == ("GET", "/", 200, "127.0.0.1")
    assert isinstance(line["user_id"], int)
    assert "/readyz" not in log
    assert "/livez" not in log
    for secret in (PASSWORD, "a wrong password", token, "private", *ada.cookies.values()):
        assert secret not in log


def test_lines_for_people_are_told_where_they_are_wanted(deployment):
    with deployment.serve(LOG_FORMAT="console") as server:
        Client(server, https=True).get("/accounts/login/")
        line = r"^\d\d:\d\d:\d\d INFO    GET /accounts/login/ 200 in \d+ ms \[[0-9a-f]{32}\]$"
        wait_until(lambda: re.search(line, server.log, re.MULTILINE), server)


def test_it_is_not_ready_before_the_migrations(installed, postgres, tmp_path):
    deployment = Deployment(installed("WSGI"), tmp_path, postgres.database())
    deployment.run("collectstatic", "--noinput")
    with deployment.serve() as server:
        assert readiness(server) == (503, "migrations missing")
        deployment.run("migrate")
        assert readiness(server) == (200, "ok")


def test_it_is_not_ready_without_its_redis(deployment):
    with deployment.serve(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") as server:
        assert readiness(server) == (503, "no cache")


def test_who_asks_by_another_name_and_without_https_is_told_of_its_health(deployment):
    with deployment.serve() as server:
        for path in "/livez", "/readyz":
            answer = Client(server).get(path, headers={"Host": "10.0.0.1"}, allow_redirects=False)
            assert (answer.status_code, answer.text) == (200, "ok")


def test_it_serves_on_while_it_drains_and_then_stops(deployment):
    with deployment.serve(DRAIN_SECONDS=4) as server:
        ada = Client(server, https=True).sign_up(f"ada-drain-{server.port}")
        assert readiness(server) == (200, "ok")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: readiness(server) == (503, "shutting down"), server)
        assert ada.submit("/items/add/", name="Compass").status_code == 200
        assert ada.names() == ["Compass"]
        # A single Uvicorn process ends as the signal would have ended it.
        code = {"ASGI": -signal.SIGTERM, "WSGI": 0}[deployment.project.answers["interface"]]
        assert server.process.wait(30) == code, server.log


def test_postgresql_ends_what_takes_too_long(deployment):
    assert deployment.run("shell", "-c", SETTINGS).stdout.splitlines()[-3:] == ["30s", "10s", "1min"]
    own = {**deployment.environment, "DATABASE_URL": f"{deployment.database}?options=-c%20statement_timeout%3D5s"}
    assert "5s" in deployment.project.run("shell", "-c", SETTINGS, env=own).stdout.splitlines()


def test_a_database_that_is_too_old_is_told_by_the_checks(deployment):
    script = TOO_OLD.format(project=deployment.project.path.name)
    done = deployment.project.call("python", "-c", script, env=deployment.environment, check=False)
    assert done.returncode != 0
    assert re.search(r"project\.E001\) .* PostgreSQL 99 or later is required \(found \d+", done.stderr), done.stderr


@pytest.mark.parametrize("version", [None, pytest.param("3.9", marks=pytest.mark.matrix)])
def test_sqlite_lets_one_write_and_the_others_read(installed, version):
    project = installed("WSGI", version) if version else installed("WSGI")
    lines = project.run("shell", "-c", WRITERS).stdout.splitlines()[-3:]
    assert lines == ["['wal', 20000]", "database is locked", "free"]
