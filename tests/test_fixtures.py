"""Check that the fixtures fail when they should: a test with a misspelt answer must not pass."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import requests

from template_code.questions import ROOT
from tests.support.machine import RUNNING_PYTHON, clean_environment, program, python_of
from tests.support.project import Project


@pytest.fixture
def folder_project(tmp_path):
    """A project without Django; its `python` is the one that runs the tests."""
    folder = tmp_path / "project"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / "livez").write_text("ok")
    return Project(folder, {})


def test_bake_refuses_an_unknown_answer(bake):
    with pytest.raises(ValueError, match="there is no question 'interfase'"):
        bake(interfase="WSGI")


def test_bake_refuses_an_unknown_choice(bake):
    with pytest.raises(ValueError, match="interface is one of ASGI, WSGI, not 'wsgi'"):
        bake(interface="wsgi")


def test_installed_refuses_an_unknown_choice(installed):
    with pytest.raises(ValueError, match="interface is one of ASGI, WSGI, not 'CGI'"):
        installed("CGI")


def test_a_set_up_that_did_not_finish_fails_each_test_that_asks_for_it(once):
    def make(folder):
        replay = Path(f"{folder}.config.replay")
        replay.mkdir()
        (replay / "template.json").write_text(json.dumps({"cookiecutter": {"project_slug": "my_project"}}))
        Path(f"{folder}.output").write_text("\nNot finished:\n")

    for _ in range(2):
        with pytest.raises(AssertionError, match="the hooks did not finish\n\nNot finished:"):
            once("unfinished", make)


def test_a_failing_command_shows_its_output(folder_project):
    with pytest.raises(AssertionError, match="printed before the exit"):
        folder_project.call("python", "-c", "import sys; print('printed before the exit'); sys.exit(3)")


def test_a_command_sees_nothing_of_the_users_other_project(folder_project, monkeypatch):
    for name in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PIPENV_PIPFILE", "SECRET_KEY", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "foreign")
    done = folder_project.call("python", "-c", "import os; print(dict(os.environ))", env={"DEBUG": "wanted"})
    assert "foreign" not in done.stdout
    assert "wanted" in done.stdout


def test_a_command_that_is_only_in_the_tests_own_environment_is_not_found(folder_project, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(AssertionError, match="pytest is neither in"):
        folder_project.call("pytest")


def test_a_user_has_the_machines_programs_without_the_tools(tmp_path, monkeypatch):
    for name in ("uv", "other"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = clean_environment()["PATH"]
    assert shutil.which("uv", path=path) is None
    assert shutil.which("other", path=path)


def test_a_server_that_exits_shows_its_log(folder_project):
    with pytest.raises(AssertionError, match="exited 4 before it answered\nno such setting"):
        with folder_project.serve("python", "-c", "print('no such setting'); raise SystemExit(4)"):
            pass


def test_a_server_that_does_not_answer_200_fails(folder_project, monkeypatch):
    monkeypatch.setattr("tests.support.project.START_LIMIT", 1)
    with pytest.raises(AssertionError, match="GET /absent still returns 404"):
        with folder_project.serve("python", "-m", "http.server", "--bind", "127.0.0.1", "{port}", ready="/absent"):
            pass


def test_a_server_stops_at_the_end_of_the_block(folder_project):
    with folder_project.serve("python", "-m", "http.server", "--bind", "127.0.0.1", "{port}") as server:
        assert requests.get(f"{server.url}/livez", timeout=10).text == "ok"
        assert "GET /livez" in server.log
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.url}/livez", timeout=10)


def test_the_running_python_is_found():
    assert python_of(RUNNING_PYTHON)
    assert python_of("3.1") is None


def test_a_missing_program_is_named_with_the_command_that_installs_it():
    with pytest.raises(pytest.fail.Exception, match="install it: sudo apt-get install --yes no-such-program"):
        program("no-such-program")


def test_each_database_is_empty_and_its_own(postgres):
    first, second = postgres.database(), postgres.database()
    postgres.sql("CREATE TABLE things (name text)", first)
    postgres.sql("INSERT INTO things VALUES ('öß')", first)
    assert postgres.sql("SELECT name FROM things", first) == "öß"
    with pytest.raises(AssertionError, match='relation "things" does not exist'):
        postgres.sql("SELECT name FROM things", second)


def test_redis_answers_on_its_address(redis):
    assert redis.startswith("redis://127.0.0.1:")


def test_chromium_shows_a_page(chromium, folder_project):
    (folder_project.path / "index.html").write_text(
        "<title>Shown</title><script>document.title += ' and run'</script>"
    )
    command = ("python", "-m", "http.server", "--bind", "127.0.0.1", "{port}")
    with folder_project.serve(*command) as server, chromium.new_context() as context:
        page = context.new_page()
        page.goto(server.url)
        assert page.title() == "Shown and run"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_the_pinned_tools_name_no_package_index(name):
    text = (ROOT / "tools" / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--hash=sha256:" in text
