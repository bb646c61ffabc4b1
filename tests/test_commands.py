"""Each management command, run for real on a fresh project."""

import os
import re
import select
import subprocess

import pytest
import requests

from tests.client import PASSWORD, Client

NEW_FIELD = '    color = models.CharField(max_length=20, blank=True, default="")\n'


@pytest.fixture
def project(installed, tmp_path):
    return installed("ASGI").copy(tmp_path)


def shell(project, *lines):
    imports = "from items.models import Item; from users.models import User; "
    return project.run("shell", "-c", imports + "; ".join(lines)).stdout.splitlines()[-1]


def superuser(project, name):
    account = {"DJANGO_SUPERUSER_USERNAME": name, "DJANGO_SUPERUSER_EMAIL": f"{name}@example.com"}
    project.run("createsuperuser", "--noinput", env={**account, "DJANGO_SUPERUSER_PASSWORD": PASSWORD})


def converse(project, conversation, *command):
    """Run a command on a terminal of its own, answer each of its questions; return its exit code and last words."""
    terminal, other_end = os.openpty()
    # The shell leads a new session, so that the terminal it opens becomes the one that passwords are read from.
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


def test_runserver_serves_the_page(project):
    with project.serve() as server:
        assert "<h1>Sign in</h1>" in requests.get(server.url, timeout=60).text


def test_makemigrations_and_migrate_follow_the_models(project):
    models = project.path / "items" / "models.py"
    models.write_text(models.read_text().replace("    description =", f"{NEW_FIELD}    description =", 1))
    assert "Add field color to item" in project.run("makemigrations").stdout
    assert "Applying items.0002_item_color... OK" in project.run("migrate").stdout
    assert shell(project, "print(Item.objects.filter(color='red').count())") == "0"


def test_createsuperuser_takes_its_answers_from_the_environment(project):
    superuser(project, "root")
    with project.serve() as server:
        page = Client(server).submit("/admin/login/?next=/admin/", username="root", password=PASSWORD)
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
    assert shell(project, "u = User.objects.get()", "print(u, u.is_superuser)") == "root True"


def test_collectstatic_gathers_the_files_of_all_apps(project):
    done = project.run("collectstatic", "--noinput", env={"DEBUG": "False", "DATABASE_URL": "sqlite:///db.sqlite3"})
    assert re.search(r"^\d+ static files copied", done.stdout, re.MULTILINE)
    found = {path.name for path in (project.path / "staticfiles").rglob("*")}
    assert {"style.css", "style.css.gz", "live.js", "swagger-ui.css", "staticfiles.json"} <= found
    assert "db.sqlite3" not in found


def test_test_runs_the_tests_of_the_named_app(project):
    assert re.search(r"^Ran \d\d? tests.*\n\nOK$", project.run("test", "users").stderr, re.MULTILINE)


def test_shell_knows_the_models(project):
    assert shell(project, "User.objects.create(username='ada')", "print(User.objects.get())") == "ada"


def test_flush_empties_the_database_and_keeps_its_tables(project):
    superuser(project, "root")
    assert shell(project, "print(User.objects.count())") == "1"
    project.run("flush", "--noinput")
    assert shell(project, "print(User.objects.count(), Item.objects.count())") == "0 0"


def test_runscript_runs_the_example(project):
    create = "User.objects.create(username='{}', email='{}@example.com', last_login='{}-01-01T00:00:00Z')"
    shell(project, create.format("ada", "ada", 2020), create.format("bob", "bob", 2999), "print()")
    assert project.run("runscript", "inactive_users").stdout.splitlines() == ["ada"]
    assert project.run("runscript", "inactive_users", "--script-args", "99999").stdout.splitlines() == []
