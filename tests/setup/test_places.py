"""Generate a project in many places: the result is the same and runs, and nothing else changes."""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import requests

from template_code.questions import ROOT
from tests.support.machine import RUNNING_PYTHON, TOOLS, free_port
from tests.support.packages import environment_of
from tests.support.project import Project
from tests.support.user import CACHES, MAKE, Nobody, User, become_nobody, copy_template, snapshot, tracked, virtualenv

pytestmark = pytest.mark.matrix

BROKEN_INDEX = f"http://127.0.0.1:{free_port()}/simple"
FOREIGN_ENV = """\
DATABASE_URL=sqlite:////nowhere/other.sqlite3
DEBUG=False
DJANGO_SETTINGS_MODULE=other.settings
SECRET_KEY=of-another-project
UV_PYTHON=2.7
"""
FOREIGN_FILES = {
    ".env": FOREIGN_ENV,
    "pip.conf": f"[global]\nindex-url = {BROKEN_INDEX}\n",
    "pyproject.toml": '[project]\nname = "other"\nversion = "1"\nrequires-python = "<3"\n',
    "uv.toml": f'index-url = "{BROKEN_INDEX}"\n',
}


class Place:
    """Where and how a user generates a project, and the files around it before and after."""

    def __init__(self, user, folder=None, env=None, script=MAKE, run=User.run, lent=False):
        self.user = user
        self.folder = folder or user.work
        self.env = env or {}
        path = self.folder / "my_project"
        if lent:
            # Use an installed environment, because the installation does not depend on the place.
            script = script.replace(MAKE, f"{MAKE} -f")
            path.mkdir()
            (path / ".venv").symlink_to(environment_of({"interface": "WSGI", "python_version": RUNNING_PYTHON}))
        ignored = {path.relative_to(user.folder), *(Path("home", name) for name in CACHES)}
        self.before = snapshot(user.folder, ignored)
        self.project = Project(path, {}, run(user, script, self.folder, self.env))
        self.after = snapshot(user.folder, ignored)

    def serve(self):
        return self.user.serve(self.project, self.folder, self.env)


def in_an_active_virtualenv(folder):
    user = User(folder, "uv")
    programs = virtualenv(user.folder / "active", sys.executable, "-r", ROOT / "tools" / "requirements.txt")
    env = {"VIRTUAL_ENV": programs.parent, "PATH": f"{programs}{os.pathsep}{user.environment()['PATH']}"}
    return Place(user, env=env)


def in_pipenv_run_of_another_project(folder):
    user = User(folder, *TOOLS)
    (user.work / "Pipfile").write_text("[packages]\n")
    user.run("pipenv lock && pipenv sync")
    for name, text in FOREIGN_FILES.items():
        (user.work / name).write_text(text)
    return Place(user, script=f"pipenv run {MAKE}")


def in_a_git_repository(folder):
    user = User(folder, *TOOLS)
    user.run("git init --quiet && touch staged untracked && git add staged")
    return Place(user, lent=True)


def in_a_hostile_environment(folder):
    # Without uv, because pip reads more of these variables.
    user = User(folder, "cookiecutter", "pipenv")
    place = user.work / "Ünï cödé & 'spaces'"
    broken = place / "broken"
    (broken / "django").mkdir(parents=True)
    (broken / "django" / "__init__.py").write_text("raise SystemExit('the wrong Django')\n")
    other = place / "other"
    other.mkdir()
    (other / "Pipfile").write_text("[packages]\n")
    (other / ".env").write_text(FOREIGN_ENV)
    env = {
        "ALLOWED_HOSTS": "example.com",
        "DATABASE_URL": f"sqlite:///{other}/other.sqlite3",
        "DATABASE_URL_FILE": other / "nowhere",
        "DEBUG": "False",
        "DJANGO_SETTINGS_MODULE": "other.settings",
        "LANG": "C",
        "LC_ALL": "POSIX",
        "LOG_LEVEL": "nonsense",
        "PIPENV_CUSTOM_VENV_NAME": "other",
        "PIPENV_DEFAULT_PYTHON_VERSION": "2.7",
        "PIPENV_DOTENV_LOCATION": other / ".env",
        "PIPENV_PIPFILE": other / "Pipfile",
        "PIPENV_SKIP_LOCK": "1",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_TARGET": other / "target",
        "PIP_USER": "1",
        "PYTHONHOME": sys.base_prefix,
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": broken,
        "PYTHONSAFEPATH": "1",
        "PYTHONWARNINGS": "error",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        "SECRET_KEY": "",
        "SECRET_KEY_FILE": other / "nowhere",
        "SENTRY_DSN": "nonsense",
        "TRUSTED_PROXIES": "nonsense",
        "WEB_CONCURRENCY": "nonsense",
        "WORKON_HOME": other / "virtualenvs",
    }
    return Place(user, place, env)


def in_a_terminal_with_defaults_of_ones_own(folder):
    user = User(folder, *TOOLS)
    (user.home / ".cookiecutterrc").write_text("default_context:\n  interface: WSGI\n")
    script = f"{MAKE} -f".replace(" interface=WSGI", "")
    return Place(user, script=script, run=User.run_in_terminal, lent=True)


def with_nobody_who_reads_on(folder):
    return Place(User(folder, *TOOLS), script=f"{MAKE} | head -1", lent=True)


def as_an_ordinary_user(folder):
    if os.geteuid() != 0:
        pytest.skip("only root can run a command as another user")
    pythons = [sys.executable, f"/usr/local/bin/python{RUNNING_PYTHON}", f"/usr/bin/python{RUNNING_PYTHON}"]
    for python in map(os.path.realpath, pythons):
        if subprocess.run([*become_nobody(), "env", python, "-c", "import venv"], capture_output=True).returncode == 0:
            break
    else:
        pytest.skip(f"there is no Python {RUNNING_PYTHON} that an ordinary user can run")
    user = Nobody(folder, python)
    template = copy_template(folder / "template")
    return Place(user, script=MAKE.replace(str(ROOT), str(template)))


def packages(venv):
    """Return the names of the packages in a virtualenv."""
    return {path.name.partition("-")[0] for path in venv.glob("lib/*/site-packages/*.dist-info")}


PLACES = [
    in_an_active_virtualenv,
    in_pipenv_run_of_another_project,
    in_a_git_repository,
    in_a_hostile_environment,
    in_a_terminal_with_defaults_of_ones_own,
    with_nobody_who_reads_on,
    as_an_ordinary_user,
]
everywhere = pytest.mark.parametrize("where", PLACES, ids=lambda where: where.__name__)


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    """A function that returns a place; its project is generated once for all tests: `at(in_a_git_repository)`."""
    with tempfile.TemporaryDirectory(prefix="nobody-") as open_to_all:
        os.chmod(open_to_all, 0o755)

        @functools.cache
        def at(where):
            # An ordinary user has no access to pytest's folders.
            base = Path(open_to_all) if where is as_an_ordinary_user else tmp_path_factory.mktemp("places")
            folder = base / where.__name__
            folder.mkdir()
            return where(folder)

        yield at


@everywhere
def test_the_same_project_results(at, where, installed):
    assert tracked(at(where).project) == tracked(installed("WSGI"))


@everywhere
def test_its_packages_are_in_a_virtualenv_of_its_own(at, where, installed):
    assert packages(at(where).project.venv) >= packages(installed("WSGI").venv) > {"django"}


@everywhere
def test_its_tables_are_in_a_database_of_its_own(at, where):
    at(where).project.run("migrate", "--check")


@everywhere
def test_the_output_has_only_lines_for_the_user(at, where):
    assert "Traceback" not in at(where).project.output
    assert "Warning" not in at(where).project.output


@everywhere
def test_nothing_else_is_touched(at, where):
    before, after = at(where).before, at(where).after
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()


SERVED = [
    in_an_active_virtualenv,
    in_pipenv_run_of_another_project,
    in_a_hostile_environment,
    as_an_ordinary_user,
]


@pytest.mark.parametrize("where", SERVED, ids=lambda where: where.__name__)
def test_the_command_after_ready_starts_the_server_there(at, where):
    with at(where).serve() as server:
        assert 'id="id_login"' in requests.get(f"{server.url}/items/", timeout=60).text


def test_no_other_virtualenv_receives_django(at):
    active = at(in_an_active_virtualenv).user.folder / "active"
    (others,) = (at(in_pipenv_run_of_another_project).user.home / ".local/share/virtualenvs").iterdir()
    for venv in active, others:
        assert (venv / "bin" / "python").exists()
        assert "django" not in packages(venv)


def test_a_git_repository_sees_the_new_folder_and_no_secret_in_it(at):
    place = at(in_a_git_repository)
    status = place.user.run("git status --porcelain")
    assert status == "A  staged\n?? my_project/\n?? untracked\n"
    kept = place.user.run("git ls-files --others --exclude-standard my_project").splitlines()
    assert "my_project/Pipfile.lock" in kept
    assert "my_project/.env" not in kept


def test_the_set_up_continues_when_its_output_is_closed(at):
    project = at(with_nobody_who_reads_on).project
    assert project.output == "Setting up my_project:\n"
    assert "System check identified no issues" in (project.path / "setup.log").read_text()


def test_on_a_terminal_a_step_overwrites_what_it_showed_before(at):
    output = at(in_a_terminal_with_defaults_of_ones_own).project.output
    assert "\r\033[K  check" in output
    assert "\033[32mReady:" in output


def test_all_files_belong_to_the_ordinary_user(at):
    path = at(as_an_ordinary_user).project.path
    assert {entry.owner() for entry in [path, *path.rglob("*")] if not entry.is_symlink()} == {"nobody"}
