"""What the hooks do for a user: install, migrate, and print the next command."""

import http.server
import re
import stat
import subprocess
import threading
from base64 import b64encode
from pathlib import Path

import pytest
import requests

from tests.support.changes import git
from tests.support.hooks import path_of_tools
from tests.support.machine import clean_environment, free_port
from tests.support.packages import OFFLINE, indexes, lock
from tests.support.production import INTERFACES
from tests.support.project import cookiecutter_command, generate, secret_key
from tests.support.user import snapshot, tracked

ASGI_PACKAGES = {
    *("autobahn", "channels", "channels-redis", "daphne", "httptools", "msgpack", "twisted"),
    *("uvicorn", "uvloop", "websockets"),
}
STEPS = [
    "development settings in .env",
    "packages, with pipenv install",
    "migrations, with makemigrations",
    "database, with migrate",
    "API schema, with spectacular",
    "check",
    "repository, with git init",
]


def packages(project):
    """Return the names of the installed packages."""
    script = "import importlib.metadata as m; print(*(d.metadata['Name'] for d in m.distributions()))"
    return {name.lower().replace("_", "-") for name in project.call("python", "-c", script).stdout.split()}


@pytest.fixture(params=INTERFACES)
def project(request, set_up):
    return set_up(request.param)


def test_each_step_is_printed_with_its_time_and_result_before_the_next_command(project):
    lines = [line for line in project.output.splitlines() if " so far; " not in line]
    # Some are in both sections.
    count = len({*lock(project)["default"], *lock(project)["develop"]})
    migrations = len(re.findall(r"^ \[X\] ", project.run("showmigrations").stdout, re.MULTILINE))
    results = [
        "with a new secret key",
        f"{count} packages, as tested",
        "users and items",
        f"db.sqlite3, {migrations} migrations applied",
        "schema.yml",
        "System check identified no issues (0 silenced).",
        "first commit on main",
    ]
    assert lines[0] == "Setting up my_project:"
    told = [re.fullmatch(r"  (.*?) +\d+\.\d s  (.*)", line).groups() for line in lines[1:8]]
    assert told == list(zip(STEPS, results))
    assert lines[8] == ""
    assert lines[9] == f"Ready: cd {project.path} && pipenv run dev"
    assert not re.search("[\r\x1b]", project.output)


def test_the_first_commit_has_what_git_does_not_ignore(project):
    committed = git(project.path, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert set(committed) == tracked(project).keys()
    assert {"Pipfile.lock", "schema.yml", "users/migrations/0001_initial.py"} <= set(committed)
    assert not {
        name for name in committed if name.startswith((".env", ".venv", "db.sqlite3")) and name != ".env.example"
    }
    assert git(project.path, "log", "--format=%an: %s") == "Ada: First commit"


def test_the_output_of_the_programs_is_only_in_the_log(project):
    log = (project.path / "setup.log").read_text()
    for text in "pipenv install --dev", "Installing dependencies from Pipfile.lock", "+ Create model User", " OK":
        assert f"{text}\n" in log or f"{text} (" in log
        assert text not in project.output


@pytest.mark.matrix
def test_a_second_run_finishes_the_set_up(tmp_path):
    path = path_of_tools(tmp_path / "bin", "pipenv", "uv")
    nothing_listens = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple", **OFFLINE}
    folder = tmp_path / "made"
    offline = {"UV_DEFAULT_INDEX": nothing_listens["PIP_INDEX_URL"], "UV_CACHE_DIR": str(tmp_path / "cache")}
    first = generate(folder, {"interface": "WSGI"}, {"PATH": path, **nothing_listens, **offline})
    assert "\nNot finished:\n" in first.output
    key = secret_key(first)

    command = cookiecutter_command(folder, {"interface": "WSGI"}, "--no-input", "--overwrite-if-exists")
    for result in "as tested", "already installed":
        (first.path / "schema.yml").write_text("of another API\n")
        done = subprocess.run(command, env=clean_environment(PATH=path), capture_output=True, text=True)
        assert "\nReady: " in done.stdout
        assert re.search(rf"^  packages, with pipenv install .* s  .*{result}$", done.stdout, re.MULTILINE)
        assert re.search(r"^  development settings in .env .* s  kept$", done.stdout, re.MULTILINE)
        assert secret_key(first) == key
        assert (first.path / "schema.yml").read_text() == first.run("spectacular").stdout
        if result == "as tested":
            before = snapshot(first.venv, ignored=())
    assert snapshot(first.venv, ignored=()) == before
    assert "db.sqlite3, 0 migrations applied\n" in done.stdout


def test_every_locked_package_has_hashes(project):
    locked = lock(project)
    assert "django" in locked["default"]
    assert "ruff" in locked["develop"]
    for name, package in {**locked["default"], **locked["develop"]}.items():
        assert package["version"].startswith("=="), name
        assert package["hashes"], name
        assert all(digest.startswith("sha256:") for digest in package["hashes"]), name


def test_the_lock_matches_the_pipfile(project):
    project.call("pipenv", "verify")


def test_the_lock_names_only_pips_default_index(project):
    default, *_ = indexes(project)
    assert [source["url"] for source in lock(project)["_meta"]["sources"]] == [default]
    assert (project.path / "Pipfile").read_text().count("://") == 1


def test_asgi_packages_are_installed_only_for_asgi(set_up):
    assert packages(set_up("ASGI")) & (ASGI_PACKAGES | {"gunicorn"}) == ASGI_PACKAGES
    assert packages(set_up("WSGI")) & (ASGI_PACKAGES | {"gunicorn"}) == {"gunicorn"}


def test_django_uses_psycopg2(project):
    script = "from django.db.backends.postgresql.base import Database; print(Database.__name__)"
    assert project.call("python", "-c", script).stdout == "psycopg2\n"


def test_nothing_is_left_in_the_temporary_folder(project):
    assert list(Path(f"{project.path.parent}.temporary").iterdir()) == []


def test_the_replay_file_has_no_secret(project):
    (replay,) = Path(f"{project.path.parent}.config.replay").iterdir()
    assert secret_key(project) not in replay.read_text()


def test_only_its_owner_can_read_env_and_its_key_is_unique(set_up):
    keys = set()
    for interface in INTERFACES:
        project = set_up(interface)
        assert stat.S_IMODE((project.path / ".env").stat().st_mode) == 0o600
        assert len(secret_key(project)) >= 50
        keys.add(secret_key(project))
    assert len(keys) == len(INTERFACES)


def test_schema_yml_matches_the_code(project):
    schema = (project.path / "schema.yml").read_text()
    assert "  /api/v1/items/:\n" in schema
    assert schema == project.run("spectacular").stdout


def test_each_app_has_one_migration(project):
    found = {str(path.relative_to(project.path)) for path in project.path.glob("*/migrations/[!_]*.py")}
    assert found == {"items/migrations/0001_initial.py", "users/migrations/0001_initial.py"}
    # Django's header has the time, so no two projects would be the same.
    assert [path for path in found if (project.path / path).read_text().startswith("#")] == []
    assert "No changes detected" in project.run("makemigrations", "--check").stdout
    project.run("migrate", "--check")


def test_the_command_after_ready_starts_the_server(project, tmp_path):
    (command,) = re.findall("^Ready: (.*)$", project.output, re.MULTILINE)
    path = path_of_tools(tmp_path / "bin", "pipenv")
    command = f"{command} 127.0.0.1:{{port}}"
    with project.serve("bash", "-c", command, env={"PATH": path}) as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text


class Index(http.server.BaseHTTPRequestHandler):
    """A company's index: redirects to this machine's index and requires a password."""

    def do_GET(self):
        if self.headers["Authorization"] != f"Basic {b64encode(b'me:secret').decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
        else:
            self.send_response(302)
            self.send_header("Location", f"{self.server.target}{self.path.removeprefix('/simple')}")
            self.server.asked += 1
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def company_index(installed):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.asked = 0
    server.target = indexes(installed("WSGI"))[1].rstrip("/")
    threading.Thread(target=server.serve_forever).start()
    server.url = f"http://me:secret@127.0.0.1:{server.server_port}/simple"
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.matrix
@pytest.mark.parametrize("tools", [["pipenv"], ["pipenv", "uv"]], ids=" and ".join)
def test_a_companys_index_is_used_and_leaves_no_trace(installed, tmp_path, company_index, tools):
    path = path_of_tools(tmp_path / "bin", *tools)
    settings = {"PATH": path, "PIP_INDEX_URL": company_index.url, "UV_CACHE_DIR": str(tmp_path / "cache")}
    project = generate(tmp_path / "made", {"interface": "WSGI"}, settings)
    assert " packages, as tested\n" in project.output
    assert company_index.asked
    assert ("\nInstalled " in (project.path / "setup.log").read_text()) == ("uv" in tools)
    for name in ("Pipfile", "Pipfile.lock", "setup.log"):
        text = (project.path / name).read_text()
        assert "secret" not in text
        assert "127.0.0.1" not in text or name == "setup.log"
    assert lock(project)["_meta"] == lock(installed("WSGI"))["_meta"]
    project.call("pipenv", "verify")
