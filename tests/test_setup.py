"""What the hooks do for a user: install, migrate, and say how to go on."""

import http.server
import json
import os
import re
import stat
import subprocess
import sys
import threading
from base64 import b64encode
from pathlib import Path

import pytest
import requests

from tests.machine import clean_environment, free_port
from tests.production import INTERFACES
from tests.project import generate

ASGI_PACKAGES = {"autobahn", "channels", "channels-redis", "daphne", "msgpack", "twisted", "uvicorn"}
STEPS = [
    "development settings in .env",
    "packages, with pipenv install",
    "migrations, with makemigrations",
    "database, with migrate",
    "check",
]
INDEXES = """
from pip._internal.commands import create_command
from pip._internal.models.index import PyPI
print(PyPI.simple_url)
print(create_command("install").parser.get_default_values().index_url)
"""


def indexes(project):
    """Return pip's own default index and the one that this machine is configured to use."""
    return project.call("python", "-c", INDEXES).stdout.split()


def lock(project):
    return json.loads((project.path / "Pipfile.lock").read_text(encoding="utf-8"))


def packages(project):
    """Return the names of what is really installed."""
    script = "import importlib.metadata as m; print(*(d.metadata['Name'] for d in m.distributions()))"
    return {name.lower().replace("_", "-") for name in project.call("python", "-c", script).stdout.split()}


def secret_key(project):
    (key,) = re.findall("^SECRET_KEY=(.+)$", (project.path / ".env").read_text(encoding="utf-8"), re.MULTILINE)
    return key


@pytest.fixture(scope="module")
def path_with_pipenv(tmp_path_factory):
    """A PATH on which Pipenv is found, and nothing else of these tests' environment."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "pipenv").symlink_to(Path(sys.executable).parent / "pipenv")
    return f"{folder}{os.pathsep}{clean_environment()['PATH']}"


@pytest.mark.parametrize("interface", INTERFACES)
def test_each_step_is_told_with_its_time_and_the_next_command_follows(installed, interface):
    lines = installed(interface).output.splitlines()
    assert lines[0] == "Setting up my_project:"
    assert [re.fullmatch(r"  (.*?) +\d+\.\d s", line)[1] for line in lines[1:6]] == STEPS
    assert lines[6] == ""
    assert lines[7].startswith("Ready: cd ")


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_locked_package_has_hashes(installed, interface):
    locked = lock(installed(interface))
    assert "django" in locked["default"]
    assert "ruff" in locked["develop"]
    for name, package in {**locked["default"], **locked["develop"]}.items():
        assert package["version"].startswith("=="), name
        assert package["hashes"], name
        assert all(digest.startswith("sha256:") for digest in package["hashes"]), name


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_lock_is_that_of_the_pipfile(installed, interface):
    installed(interface).call("pipenv", "verify")


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_lock_names_pips_default_index_alone(installed, interface):
    project = installed(interface)
    default, _ = indexes(project)
    assert [source["url"] for source in lock(project)["_meta"]["sources"]] == [default]
    assert (project.path / "Pipfile").read_text().count("://") == 1


def test_asgi_packages_are_installed_for_asgi_alone(installed):
    assert packages(installed("ASGI")) & (ASGI_PACKAGES | {"gunicorn"}) == ASGI_PACKAGES - {"uvicorn"}
    assert packages(installed("WSGI")) & (ASGI_PACKAGES | {"gunicorn"}) == {"gunicorn"}


@pytest.mark.parametrize("interface", INTERFACES)
def test_django_uses_psycopg2(installed, interface):
    script = "from django.db.backends.postgresql.base import Database; print(Database.__name__)"
    assert installed(interface).call("python", "-c", script).stdout == "psycopg2\n"


def test_env_is_for_its_owners_eyes_and_has_a_key_of_its_own(installed):
    keys = set()
    for interface in INTERFACES:
        project = installed(interface)
        assert stat.S_IMODE((project.path / ".env").stat().st_mode) == 0o600
        assert len(secret_key(project)) >= 50
        keys.add(secret_key(project))
    assert len(keys) == len(INTERFACES)


@pytest.mark.parametrize("interface", INTERFACES)
def test_each_app_has_one_migration(installed, interface):
    project = installed(interface)
    found = {str(path.relative_to(project.path)) for path in project.path.glob("*/migrations/[!_]*.py")}
    assert found == {"items/migrations/0001_initial.py", "users/migrations/0001_initial.py"}
    assert "No changes detected" in project.run("makemigrations", "--check").stdout
    project.run("migrate", "--check")


def test_git_keeps_the_lock_and_the_migrations_and_no_secret(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    project.run("collectstatic", "--noinput")
    project.call("ruff", "check")
    subprocess.run(["git", "init", "--quiet"], cwd=project.path, check=True)
    listed = project.call("git", "ls-files", "--others", "--exclude-standard").stdout.splitlines()
    assert {"Pipfile", "Pipfile.lock", ".env.example", "items/migrations/0001_initial.py"} <= set(listed)
    top = {name.partition("/")[0] for name in listed}
    assert top.isdisjoint({".env", ".ruff_cache", "db.sqlite3", "staticfiles"})
    # Its pattern means a folder, and here it is a link.
    assert ".venv/" in (project.path / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_command_after_ready_starts_the_server(installed, interface):
    project = installed(interface)
    (command,) = re.findall("^Ready: (.*)$", project.output, re.MULTILINE)
    with project.serve("bash", "-c", f"{command} 127.0.0.1:{{port}}") as server:
        assert "<h1>Sign in</h1>" in requests.get(server.url, timeout=60).text


class Index(http.server.BaseHTTPRequestHandler):
    """A company's index: shows the machine's own one to those who know the password."""

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


def test_a_companys_index_is_used_and_leaves_no_trace(installed, tmp_path, company_index, path_with_pipenv):
    settings = {"PATH": path_with_pipenv, "PIP_INDEX_URL": company_index.url}
    project = generate(tmp_path / "made", {"interface": "WSGI"}, settings)
    assert company_index.asked, project.output
    for name in ("Pipfile", "Pipfile.lock"):
        text = (project.path / name).read_text()
        assert "secret" not in text
        assert "127.0.0.1" not in text
    assert lock(project)["_meta"] == lock(installed("WSGI"))["_meta"]
    project.call("pipenv", "verify")

    assert f"\nReady: cd {project.path} && pipenv run dev\n" in project.output
    command = f"cd {project.path} && pipenv run dev 127.0.0.1:{{port}}"
    with project.serve("env", f"PATH={path_with_pipenv}", "bash", "-c", command) as server:
        assert "<h1>Sign in</h1>" in requests.get(server.url, timeout=60).text


def test_when_a_step_fails_the_project_stays_and_the_printed_commands_finish_it(tmp_path, path_with_pipenv):
    nobody_listens = f"http://127.0.0.1:{free_port()}/simple"
    offline = {"PIP_INDEX_URL": nobody_listens, "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": 0}
    offline = {name: str(value) for name, value in offline.items()}
    project = generate(tmp_path / "made", {"interface": "WSGI"}, {**offline, "PATH": path_with_pipenv})
    assert re.search("^  packages, with pipenv install +failed$", project.output, re.MULTILINE)
    assert "Ready:" not in project.output
    _, _, commands = project.output.partition("\nNot finished:\n")
    assert commands.splitlines()[0] == f"  cd {project.path}"

    environment = clean_environment(PATH=path_with_pipenv)
    subprocess.run(["bash", "-euxc", commands], env=environment, cwd=tmp_path, check=True, timeout=600)
    assert {"items", "users"} == {path.parts[-3] for path in project.path.glob("*/migrations/0001_initial.py")}
    project.call("pipenv", "verify")
    with project.serve() as server:
        assert "<h1>Sign in</h1>" in requests.get(server.url, timeout=60).text
