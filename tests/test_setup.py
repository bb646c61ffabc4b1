"""What the hooks do for a user: install, migrate, and say how to go on."""

import http.server
import json
import os
import re
import stat
import subprocess
import threading
from base64 import b64encode
from pathlib import Path

import pytest
import requests

from tests.hooks import Terminal, path_of_tools, remaining_commands
from tests.machine import clean_environment, free_port
from tests.production import INTERFACES
from tests.project import cookiecutter_command, generate
from tests.user import snapshot

OFFLINE = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
ASGI_PACKAGES = {
    *("autobahn", "channels", "channels-redis", "daphne", "httptools", "msgpack", "twisted"),
    *("uvicorn", "uvloop", "websockets"),
}
INDEXES = """
from pip._internal.commands import create_command
from pip._internal.models.index import PyPI
print(PyPI.simple_url)
options = create_command("install").parser.get_default_values()
print(options.index_url, options.cert or "", sep="\\n")
"""


def indexes(project):
    """Return pip's own default index, and the one and the certificates that this machine is configured to use."""
    return project.call("python", "-c", INDEXES).stdout.splitlines()


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
    return path_of_tools(tmp_path_factory.mktemp("path") / "bin", "pipenv")


@pytest.mark.parametrize("interface", INTERFACES)
def test_each_step_is_told_with_its_time_and_what_it_did_and_the_next_command_follows(installed, interface):
    project = installed(interface)
    lines = [line for line in project.output.splitlines() if " so far; " not in line]
    # Some are in both sections.
    packages = len({*lock(project)["default"], *lock(project)["develop"]})
    assert lines[0] == "Setting up my_project:"
    assert [re.fullmatch(r"  (.*?) +\d+\.\d s  (.*)", line).groups() for line in lines[1:7]] == [
        ("development settings in .env", "with a new secret key"),
        ("packages, with pipenv install", f"{packages} packages, as tested"),
        ("migrations, with makemigrations", "users and items"),
        ("database, with migrate", f"db.sqlite3, {len(applied_migrations(project))} migrations applied"),
        ("API schema, with spectacular", "schema.yml"),
        ("check", "System check identified no issues (0 silenced)."),
    ]
    assert lines[7] == ""
    assert lines[8].startswith("Ready: cd ")


def applied_migrations(project):
    return re.findall(r"^ \[X\] ", project.run("showmigrations").stdout, re.MULTILINE)


@pytest.mark.parametrize("interface", INTERFACES)
def test_what_the_programs_print_is_in_the_log_alone(installed, interface):
    project = installed(interface)
    log = (project.path / "setup.log").read_text()
    for text in (
        "pipenv install --dev\n",
        "Installing dependencies from Pipfile.lock",
        "+ Create model User\n",
        " OK\n",
    ):
        assert text in log
        assert text.strip() not in project.output


def test_elsewhere_than_on_a_terminal_a_long_step_says_once_that_it_is_alive(installed):
    project = installed("ASGI")
    line, *others = (line for line in project.output.splitlines() if " so far; " in line)
    where = f"so far; its output is in {project.path}/setup.log"
    assert re.fullmatch(rf"  packages, with pipenv install +2\.\d s  {where}", line)
    # On a slow machine another step may be long.
    assert not any("pipenv install" in other for other in others)
    assert not re.search("[\r\x1b]", project.output)


def on_a_terminal(folder, path, **environment):
    """Return all that a terminal is sent while a project is made, colours and all."""
    terminal = Terminal(folder, {"interface": "WSGI"}, clean_environment(PATH=path, **environment), "--no-input")
    code, _ = terminal.end()
    assert code == 0, terminal.shown
    return terminal.shown


def test_on_a_terminal_a_long_step_shows_its_seconds(tmp_path, path_with_pipenv):
    shown = on_a_terminal(tmp_path, path_with_pipenv)
    seconds = re.findall(r"\r\x1b\[K  packages, with pipenv install +(\d+\.\d) s  \.\.\.", shown)
    assert len(seconds) > 3
    assert seconds == sorted(set(seconds), key=float)
    assert re.search(r"\.\.\.\r\x1b\[K  packages, with pipenv install +\d+\.\d s  \d+ packages, as tested\r\n", shown)
    assert "\n\x1b[32mReady:\x1b[0m cd my_project && pipenv run dev\r\n" in shown


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colour_is_shown_where_none_is_wanted(tmp_path, path_with_pipenv, setting):
    nothing_listens = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple", **OFFLINE}
    shown = on_a_terminal(tmp_path, path_with_pipenv, **nothing_listens, **setting)
    assert "failed\r\n" in shown
    assert "\nNot finished:\r\n" in shown
    assert "\x1b[3" not in shown


def test_a_script_reads_how_it_went_from_the_last_line(tmp_path, path_with_pipenv):
    settings = {"PATH": path_with_pipenv, "SETUP_OUTPUT": "json"}
    project = generate(tmp_path / "made", {"interface": "WSGI"}, settings)
    result = json.loads(project.output.splitlines()[-1])
    assert list(result) == ["state", "project", "steps", "remaining"]
    assert (result["state"], result["project"], result["remaining"]) == ("ready", str(project.path), [])
    told = [re.fullmatch(r"  (.*?) +(\d+\.\d) s  (.*)", line) for line in project.output.splitlines()]
    told = [line.groups() for line in told if line and " so far; " not in line[0]]
    assert [(step["step"], str(step["seconds"]), step["result"]) for step in result["steps"]] == told
    assert {step["state"] for step in result["steps"]} == {"done"}


def test_a_script_reads_what_remains_from_the_last_line(tmp_path, path_with_pipenv):
    nothing_listens = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple", **OFFLINE}
    settings = {"PATH": path_with_pipenv, "SETUP_OUTPUT": "json", **nothing_listens}
    project = generate(tmp_path / "made", {"interface": "WSGI"}, settings)
    result = json.loads(project.output.splitlines()[-1])
    assert result["state"] == "not finished"
    assert [step["state"] for step in result["steps"]] == ["done", "failed", *["not run"] * 4]
    commands = remaining_commands(project.output).splitlines()
    assert [f"  {command}" for command in result["remaining"]] == commands


def test_a_second_run_does_what_is_left(tmp_path, path_with_pipenv):
    nothing_listens = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple", **OFFLINE}
    folder = tmp_path / "made"
    first = generate(folder, {"interface": "WSGI"}, {"PATH": path_with_pipenv, **nothing_listens})
    assert "\nNot finished:\n" in first.output
    key = secret_key(first)

    command = cookiecutter_command(folder, {"interface": "WSGI"}, "--no-input", "--overwrite-if-exists")
    for result in "as tested", "already installed":
        (first.path / "schema.yml").write_text("of another API\n")
        done = subprocess.run(command, env=clean_environment(PATH=path_with_pipenv), capture_output=True, text=True)
        assert "\nReady: " in done.stdout
        assert re.search(rf"^  packages, with pipenv install .* s  .*{result}$", done.stdout, re.MULTILINE)
        assert re.search(r"^  development settings in .env .* s  kept$", done.stdout, re.MULTILINE)
        assert secret_key(first) == key
        assert (first.path / "schema.yml").read_text() == first.run("spectacular").stdout
        if result == "as tested":
            before = snapshot(first.venv, ignored=())
    assert snapshot(first.venv, ignored=()) == before
    assert "db.sqlite3, 0 migrations applied\n" in done.stdout


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_a_second_run_needs_no_server_that_env_names_and_leaves_it_alone(installed, tmp_path, variable):
    project = installed("WSGI").copy(tmp_path / "made")
    address = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"
    (tmp_path / "address").write_text(address)
    with (project.path / ".env").open("a") as env:
        env.write(f"\n{variable}={tmp_path / 'address' if variable.endswith('_FILE') else address}\n")
    command = cookiecutter_command(tmp_path / "made", {"interface": "WSGI"}, "--no-input", "--overwrite-if-exists")
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True)
    assert " s  left alone: .env names another one\n" in done.stdout
    assert "\nReady: " in done.stdout


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
    default, *_ = indexes(project)
    assert [source["url"] for source in lock(project)["_meta"]["sources"]] == [default]
    assert (project.path / "Pipfile").read_text().count("://") == 1


def test_asgi_packages_are_installed_for_asgi_alone(installed):
    assert packages(installed("ASGI")) & (ASGI_PACKAGES | {"gunicorn"}) == ASGI_PACKAGES
    assert packages(installed("WSGI")) & (ASGI_PACKAGES | {"gunicorn"}) == {"gunicorn"}


@pytest.mark.parametrize("interface", INTERFACES)
def test_django_uses_psycopg2(installed, interface):
    script = "from django.db.backends.postgresql.base import Database; print(Database.__name__)"
    assert installed(interface).call("python", "-c", script).stdout == "psycopg2\n"


def test_nothing_is_left_in_the_temporary_folder(tmp_path, path_with_pipenv):
    folder = tmp_path / "tmp"
    folder.mkdir()
    generate(tmp_path / "made", {"interface": "WSGI"}, {"PATH": path_with_pipenv, "TMPDIR": str(folder)})
    assert list(folder.iterdir()) == []


def test_the_replay_file_has_no_secret(installed):
    project = installed("WSGI")
    (replay,) = Path(f"{project.path.parent}.config.replay").iterdir()
    assert secret_key(project) not in replay.read_text()


def test_env_is_for_its_owners_eyes_and_has_a_key_of_its_own(installed):
    keys = set()
    for interface in INTERFACES:
        project = installed(interface)
        assert stat.S_IMODE((project.path / ".env").stat().st_mode) == 0o600
        assert len(secret_key(project)) >= 50
        keys.add(secret_key(project))
    assert len(keys) == len(INTERFACES)


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_description_of_the_api_is_that_of_the_code(installed, interface):
    project = installed(interface)
    schema = (project.path / "schema.yml").read_text()
    assert "  /api/v1/items/:\n" in schema
    assert schema == project.run("spectacular").stdout


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
    project.call("mypy", "manage.py")
    project.call("coverage", "run", "manage.py", "check")
    subprocess.run(["git", "init", "--quiet"], cwd=project.path, check=True)
    listed = project.call("git", "ls-files", "--others", "--exclude-standard").stdout.splitlines()
    kept = {"Pipfile", "Pipfile.lock", ".env.example", "items/migrations/0001_initial.py", "schema.yml"}
    assert kept <= set(listed)
    top = {name.partition("/")[0] for name in listed}
    assert top.isdisjoint({".coverage", ".env", ".mypy_cache", ".ruff_cache", "db.sqlite3", "staticfiles"})
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

    assert f"\nReady: cd {project.path} && pipenv run dev\n" in project.output
    command = f"cd {project.path} && pipenv run dev 127.0.0.1:{{port}}"
    with project.serve("env", f"PATH={path}", "bash", "-c", command) as server:
        assert "<h1>Sign in</h1>" in requests.get(server.url, timeout=60).text
