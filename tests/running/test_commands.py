"""Each management command, run on a fresh project."""

import contextlib
import os
import re
import select
import sqlite3
import subprocess

import pytest

from tests.support.client import PASSWORD, Client

NEW_FIELD = '    color = models.CharField(max_length=20, blank=True, default="")\n'


@pytest.fixture
def project(installed, tmp_path):
    return installed("ASGI").copy(tmp_path)


@pytest.fixture(scope="module")
def peopled(installed, tmp_path_factory):
    """A project with two users: one signed in years ago, the other recently."""
    project = installed("ASGI").copy(tmp_path_factory.mktemp("peopled"))
    create = "User.objects.create(username='{0}', email='{0}@example.com', last_login='{1}-01-01T00:00:00Z')"
    lines = ["from users.models import User", create.format("ada", 2020), create.format("bob", 2999)]
    assert project.run("shell", "-c", "; ".join([*lines, "print(User.objects.count())"])).stdout.split()[-1] == "2"
    return project


def rows(project, query):
    """Return the rows of a query on the project's database."""
    with contextlib.closing(sqlite3.connect(project.path / "db.sqlite3")) as database:
        return database.execute(query).fetchall()


def converse(project, conversation, *command):
    """Run a command in its own terminal and answer its questions; return its exit code and last output."""
    terminal, other_end = os.openpty()
    # The shell starts a new session, so that the terminal it opens is the one that getpass reads from.
    redirected = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(other_end), *project.words(command)]
    process = subprocess.Popen(redirected, cwd=project.path, env=project.environment(), start_new_session=True)
    said = b""
    try:
        for question, answer in conversation:
            while question.encode() not in said:
                assert select.select([terminal], [], [], 60)[0], said
                said += os.read(terminal, 1024)
            said = said.partition(question.encode())[2]
            os.write(terminal, f"{answer}\n".encode())
        return process.wait(60), said + os.read(terminal, 4096)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(other_end)


def test_makemigrations_and_migrate_follow_the_models(project):
    models = project.path / "items" / "models.py"
    models.write_text(models.read_text().replace("    description =", f"{NEW_FIELD}    description =", 1))
    assert "Add field color to item" in project.run("makemigrations").stdout
    assert "Applying items.0002_item_color... OK" in project.run("migrate").stdout
    assert rows(project, "SELECT count(*) FROM items_item WHERE color = 'red'") == [(0,)]


def test_createsuperuser_takes_its_answers_from_the_environment(project):
    account = {"DJANGO_SUPERUSER_USERNAME": "root", "DJANGO_SUPERUSER_EMAIL": "root@example.com"}
    project.run("createsuperuser", "--noinput", env={**account, "DJANGO_SUPERUSER_PASSWORD": PASSWORD})
    with project.serve() as server:
        page = Client(server).submit("/accounts/login/?next=/admin/", login="root", password=PASSWORD)
        assert "Site administration" in page.text
        for path in ("/admin/items/item/", "/admin/users/user/", "/admin/auth/group/"):
            assert path in page.text


def test_createsuperuser_asks_on_a_terminal(project):
    conversation = [
        ("Username", "root"),
        ("Email address:", "root@example.com"),
        ("Password:", PASSWORD),
        ("Password (again):", PASSWORD),
    ]
    code, said = converse(project, conversation, "python", "manage.py", "createsuperuser")
    assert b"Superuser created successfully." in said
    assert code == 0
    assert rows(project, "SELECT username, is_superuser FROM users_user") == [("root", 1)]


def test_collectstatic_gathers_the_files_of_all_apps_without_secrets(project):
    (project.path / ".env").rename(project.path / ".env.away")
    try:
        done = project.run("collectstatic", "--noinput")
    finally:
        (project.path / ".env.away").rename(project.path / ".env")
    assert re.search(r"^\d+ static files copied", done.stdout, re.MULTILINE)
    found = {path.name for path in (project.path / "staticfiles").rglob("*")}
    assert {"style.css", "style.css.gz", "live.js", "swagger-ui.css", "staticfiles.json"} <= found
    assert "db.sqlite3" not in found


def test_test_runs_the_tests_of_the_named_app(project):
    assert re.search(r"^Ran \d+ tests.*\n\nOK$", project.run("test", "users").stderr, re.MULTILINE)


def test_shell_imports_the_models(peopled):
    assert rows(peopled, "SELECT username FROM users_user ORDER BY id") == [("ada",), ("bob",)]


def test_seed_fills_the_database_and_flush_empties_it_and_keeps_its_tables(peopled, tmp_path):
    project = peopled.copy(tmp_path)
    assert "items.Item: 20 new\n" in project.run("runscript", "seed").stdout
    project.run("flush", "--noinput")
    assert rows(project, "SELECT (SELECT count(*) FROM users_user), (SELECT count(*) FROM items_item)") == [(0, 0)]


def test_runscript_runs_the_example(peopled):
    assert peopled.run("runscript", "inactive_users").stdout.splitlines() == ["ada"]
    assert peopled.run("runscript", "inactive_users", "--script-args", "99999").stdout.splitlines() == []


def test_no_command_looks_for_the_libraries_of_geodjango(project):
    script = "import sys, debug_toolbar.panels.sql; print('django.contrib.gis' in sys.modules)"
    assert project.run("shell", "-c", script).stdout.split()[-1] == "False"
